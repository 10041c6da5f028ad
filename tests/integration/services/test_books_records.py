"""Checks are kept, go on where they were interrupted, and tell what is wrong until it is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.factories import ExchangeAccountFactory, StrategyPositionFactory
from tests.integration.services.test_order_fill_monitor import place_resting
from tracking.models import Anomaly, BooksCheck, EventKind, OrderEvent, StrategyPosition
from tracking.services.books import AtExchange, alarm, recorded_check
from tracking.services.books.alarm import RIGHT_AGAIN, accounts_to_check, watch_books
from tracking.services.books.invariants import INVARIANTS, Invariant

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import ExchangeAccount
    from tracking.services.books import Line
    from tracking.services.books.moment import Moment

QUICK = AtExchange(settled_after=0, patience=0)
NAMES = [invariant.name for invariant in INVARIANTS]


class PowerCut(BaseException):
    """Nothing that is running survives it."""


@pytest.fixture
def books(transactional_db: None) -> ExchangeAccount:
    made: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=timezone.now())
    return made


def invent_position(account: ExchangeAccount) -> StrategyPosition:
    made: StrategyPosition = StrategyPositionFactory.create(account=account)
    return made


def cut_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    judge = Invariant.judge

    def until(self: Invariant, moment: Moment) -> Line:
        if self.name == name:
            raise PowerCut
        return judge(self, moment)

    monkeypatch.setattr(Invariant, "judge", until)


def test_a_check_is_kept_line_by_line(books: ExchangeAccount) -> None:
    told: list[str] = []

    record = recorded_check(books.pk, tell=lambda line: told.append(line.invariant))

    row = BooksCheck.objects.get()
    assert (row.state, row.violations, row.with_exchange) == ("CLEAN", 0, False)
    assert row.rows_checked == record.check.rows_checked > 0
    assert told == [line["invariant"] for line in row.lines] == NAMES
    assert row.finished_at


def test_a_violated_check_keeps_what_it_found(books: ExchangeAccount) -> None:
    invent_position(books)

    recorded_check(books.pk)

    row = BooksCheck.objects.get()
    lines = {line["invariant"]: line for line in row.lines}
    assert row.state == "VIOLATED"
    assert row.violations == sum(line["violation_count"] for line in row.lines)
    assert lines["RE-14"]["violations"][0]["subject"].endswith("NET (residual)")


def test_an_interrupted_check_goes_on_where_it_was(
    books: ExchangeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        cut_at(patch, "OL-7")
        with pytest.raises(PowerCut):
            recorded_check(books.pk)
    begun = BooksCheck.objects.get()
    judged: list[str] = []
    judge = Invariant.judge

    def noted(self: Invariant, moment: Moment) -> Line:
        judged.append(self.name)
        return judge(self, moment)

    monkeypatch.setattr(Invariant, "judge", noted)
    record = recorded_check(books.pk, resume=True)

    before = NAMES.index("OL-7")
    assert begun.state == "RUNNING"
    assert [line["invariant"] for line in begun.lines] == NAMES[:before]
    assert judged == NAMES[before:]
    assert BooksCheck.objects.get().pk == record.row.pk == begun.pk
    assert [line.invariant for line in record.lines] == NAMES


@pytest.mark.parametrize("why", ["nobody asked", "too old", "of another kind"])
def test_an_unfinished_check_is_left_alone(
    books: ExchangeAccount, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        cut_at(patch, "OL-7")
        with pytest.raises(PowerCut):
            recorded_check(books.pk)
    if why == "too old":
        BooksCheck.objects.update(started_at=timezone.now() - timedelta(minutes=61))
    elif why == "of another kind":
        BooksCheck.objects.update(with_exchange=True)

    recorded_check(books.pk, resume=why != "nobody asked")

    assert sorted(BooksCheck.objects.values_list("state", flat=True)) == ["CLEAN", "RUNNING"]


def test_a_check_whose_exchange_cannot_be_read_says_so(exchange: Exchange) -> None:
    exchange.simulator.faults(rest_status={"*": {"status": 503, "probability": 1}})

    record = recorded_check(exchange.account.pk, QUICK)

    row = BooksCheck.objects.get()
    assert (row.state, row.with_exchange, row.violations) == ("UNREADABLE", True, 0)
    assert record.unread
    assert row.lines[-1]["says"].startswith("the exchange could not be read: ")


def test_violations_become_anomalies_once_and_close_when_the_books_are_right(
    books: ExchangeAccount,
) -> None:
    books.state = "DISABLED"
    books.save()
    position = invent_position(books)

    watch_books(books.pk)
    watch_books(books.pk)

    found = {anomaly.key: anomaly for anomaly in Anomaly.objects.filter(kind="BOOKS")}
    assert "RE-14:FUTURES:BTC/USDT:USDT:NET (residual)" in found
    assert {anomaly.seen_count for anomaly in found.values()} == {2}
    assert OrderEvent.objects.filter(kind=EventKind.ANOMALY).count() == len(found)

    position.delete()
    watch_books(books.pk)

    assert not Anomaly.objects.filter(closed_at=None).exists()
    assert set(Anomaly.objects.values_list("closed_reason", flat=True)) == {RIGHT_AGAIN}


def test_the_nightly_check_asks_the_exchange_of_accounts_that_may_be_asked(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm, "NIGHTLY", replace(alarm.NIGHTLY, settled_after=0))
    ExchangeAccountFactory.create(baseline_at=None)
    resting = place_resting(exchange)
    exchange.deliver(*exchange.frames(1))

    assert accounts_to_check() == [exchange.account.pk]
    row = watch_books(exchange.account.pk).row

    assert row.with_exchange
    assert [a.key for a in Anomaly.objects.all()] == [
        f"RE-6/exchange:FUTURES:BTC/USDT:USDT:{resting}"
    ]
