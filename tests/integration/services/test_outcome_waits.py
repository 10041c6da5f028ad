"""Waiting for an outcome holds no connection, and ends with the outcome, the time or the room."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from tests.factories import OrderRequestFactory
from tracking.models import OrderRequest
from tracking.services import outcome_waits
from tracking.services.outcome_waits import wait_for_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    """Time that passes only in pauses, and what happens in each of them."""

    def __init__(self, happens: Callable[[int], object]) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.connected: list[bool] = []
        self._happens = happens

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)
        self.connected.append(connection.connection is not None)
        self._happens(len(self.pauses))


@pytest.mark.parametrize("outcome", ["ACCEPTED", "REJECTED", "WAITING", "NEEDS_REVIEW"])
def test_it_ends_with_the_outcome_of_all_and_holds_no_connection(
    monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    first, second = OrderRequestFactory.create(), OrderRequestFactory.create(outcome="UNKNOWN")

    def happens(pause: int) -> None:
        settled = {2: first, 4: second}.get(pause)
        if settled:
            OrderRequest.objects.filter(pk=settled.pk).update(outcome=outcome)

    clock = Clock(happens)
    monkeypatch.setattr(outcome_waits, "time", clock)

    wait_for_outcomes([first.pk, second.pk], seconds=10)

    assert len(clock.pauses) == 4
    assert clock.connected == [False] * 4


def test_it_ends_with_its_time_which_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda _: None)
    monkeypatch.setattr(outcome_waits, "time", clock)

    wait_for_outcomes([OrderRequestFactory.create().pk], seconds=1000)

    assert clock.now == pytest.approx(outcome_waits.LONGEST_WAIT)
    assert max(clock.pauses) <= 0.5


def test_who_finds_no_room_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda _: None)
    monkeypatch.setattr(outcome_waits, "time", clock)
    monkeypatch.setattr(outcome_waits, "_places", threading.BoundedSemaphore(1))
    request = OrderRequestFactory.create()

    with outcome_waits._places:
        wait_for_outcomes([request.pk], seconds=10)
    turned_away = list(clock.pauses)
    wait_for_outcomes([request.pk], seconds=1)

    assert turned_away == []
    assert clock.pauses
