"""Keys as the exchanges tell of them: asked over real sockets, and what follows for the account."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest
from django.conf import settings

from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory
from tracking.services import key_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient
    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True)

TELLING = [
    ("BINANCE", "FUTURES"),
    ("BINANCE", "COIN_FUTURES"),
    ("BINANCE", "SPOT"),
    ("BYBIT", "FUTURES"),
    ("BYBIT", "SPOT"),
]
HOUSES = [*TELLING, ("UPBIT", "SPOT")]


class Place(NamedTuple):
    """A new account that waits for its check, and the house its key is of."""

    account: ExchangeAccount
    house: ControlClient

    def may(self, **terms: object) -> None:
        self.house.permissions(self.account.api_key, **terms)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=5, houses=HOUSES) as running:
        yield running


def place_at(
    simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch, exchange: str, market_type: str
) -> Place:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    key, house = uuid.uuid4().hex, simulator.house(exchange, market_type)
    house.account(key, f"secret-{key}")
    account = ExchangeAccountFactory.create(
        exchange=exchange,
        market_type=market_type,
        api_key=key,
        api_secret=f"secret-{key}",
        state="DISABLED",
        permissions={"awaits": True},
    )
    return Place(account, house)


@pytest.fixture(params=HOUSES, ids=":".join)
def place(
    request: pytest.FixtureRequest, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> Place:
    return place_at(simulator, monkeypatch, *request.param)


@pytest.fixture(params=TELLING, ids=":".join)
def telling(
    request: pytest.FixtureRequest, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> Place:
    return place_at(simulator, monkeypatch, *request.param)


def test_a_key_that_is_good_makes_its_account_active(place: Place) -> None:
    verdict = key_checks.check_key(place.account.pk)

    assert (verdict.state, verdict.refused, verdict.unasked) == ("ACTIVE", "", "")


def test_a_key_that_can_take_money_away_is_refused(telling: Place) -> None:
    for power in ("can_withdraw", "can_transfer"):
        telling.may(can_withdraw=False, can_transfer=False)
        assert key_checks.check_key(telling.account.pk).state == "ACTIVE"
        telling.may(**{power: True})

        verdict = key_checks.check_key(telling.account.pk)

        assert (verdict.state, bool(verdict.refused)) == ("DISABLED", True)


def test_a_read_only_key_without_addresses_tracks(telling: Place) -> None:
    telling.may(can_trade=False, ip_bound=False)

    verdict = key_checks.check_key(telling.account.pk)

    assert (verdict.state, verdict.tracking_only) == ("ACTIVE", True)
    assert len(verdict.warnings) >= 2


def test_a_wrong_key_activates_nothing(place: Place) -> None:
    place.account.api_key = "nobody's"
    place.account.save()

    verdict = key_checks.check_key(place.account.pk)

    assert verdict.state == "DISABLED"
    assert verdict.unasked
    place.account.refresh_from_db()
    assert "nobody's" not in place.account.state_reason
