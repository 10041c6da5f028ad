"""The demo begins although the exchange it is given has every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.errors import TransientError
from tests.factories import UserFactory
from tests.integration.services.conftest import PLENTY
from tracking.management.demo import cast
from tracking.management.demo.theatre import Theatre

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def theatre(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", PLENTY)
    simulator.faults(reset=True)
    return Theatre(simulator.url)


def test_an_exchange_that_fails_now_and_then_is_asked_again(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cast, "ASK_AGAIN_AFTER", 0.01)
    theatre.first.faults(rest_status={"*": {"status": 503, "probability": 0.4}})

    account = cast.open_account(theatre, theatre.houses[0], UserFactory.create().pk, "patient")

    assert account.baseline_at


def test_every_key_of_the_cast_is_checked(theatre: Theatre) -> None:
    account = cast.open_account(theatre, theatre.houses[0], UserFactory.create().pk, "checked")

    account.refresh_from_db()
    assert account.keys_checked_at
    assert (account.state, account.permissions["refused"]) == ("ACTIVE", "")


def test_an_exchange_that_never_answers_is_given_up(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cast, "PATIENCE", 0.0)
    theatre.first.faults(rest_status={"*": {"status": 503, "probability": 1}})

    with pytest.raises(TransientError):
        cast.open_account(theatre, theatre.houses[0], UserFactory.create().pk, "hasty")
