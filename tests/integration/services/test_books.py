"""The books of a run against the simulated exchange are clean, here and beside the exchange's."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.buckets import BURST_SHARE
from exchanges.errors import RateLimited, TransientError
from exchanges.governor import Priority
from tests.books import assert_clean
from tests.integration.services.conftest import fill_budget
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import ExchangeAccount, OpenOrder, TradeExecution
from tracking.services import clients
from tracking.services.books import AtExchange, check_account
from tracking.services.books.theirs import Reader, Wanted
from tracking.services.clients import AccountNotActiveError
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.integration.services.conftest import Exchange
    from tracking.services.books import Violation
    from tracking.services.books.theirs import Side

#: two looks, the second at once
QUICK = AtExchange(settled_after=0, patience=0)
SYMBOL = "BTC/USDT:USDT"


@pytest.fixture
def order(exchange: Exchange) -> str:
    """A run in which one order was filled and one rests with a fill; all of it is booked."""
    filled, resting = place_resting(exchange), place_resting(exchange)
    fill(exchange, filled, "0.1")
    fill(exchange, filled, "0.2", counterparties=2)
    fill(exchange, resting, "0.1")
    exchange.deliver(*exchange.frames(6))
    drain(exchange)
    return f"FUTURES:{SYMBOL}:{filled}"


def compared(exchange: Exchange) -> list[Violation]:
    check = check_account(exchange.account.pk, with_exchange=True, at_exchange=QUICK)
    return [v for v in check.violations if v.invariant in {"OL-3", "RE-1", "RE-6/exchange"}]


def test_the_books_of_a_run_are_clean(exchange: Exchange, order: str) -> None:
    check = assert_clean(exchange.account.pk, with_exchange=True)

    rows = {line.invariant: line.rows_checked for line in check.lines}
    assert (rows["OL-1"], rows["OL-3"], rows["RE-1"], rows["RE-6/exchange"]) == (4, 1, 4, 1)


def test_what_is_not_booked_is_found_at_the_exchange(exchange: Exchange, order: str) -> None:
    strange = place_resting(exchange)
    fill(exchange, strange, "0.2")

    found = compared(exchange)

    assert {(v.invariant, v.subject) for v in found} == {
        ("OL-3", f"FUTURES:{SYMBOL}:NET"),
        ("RE-1", f"FUTURES:{SYMBOL}:{strange}"),
        ("RE-6/exchange", f"FUTURES:{SYMBOL}:{strange}"),
    }


def test_a_fill_the_exchange_does_not_have_is_found(exchange: Exchange, order: str) -> None:
    changed = TradeExecution.objects.filter(exchange_order_id=order.rpartition(":")[2]).first()
    assert changed is not None
    TradeExecution.objects.filter(pk=changed.pk).update(commission="7")

    found = compared(exchange)

    assert [(v.invariant, v.subject) for v in found] == [("RE-1", order)] * 2
    assert any("fee 7 USDT" in v.detail and v.detail.endswith("is not there") for v in found)


def test_a_fill_at_another_time_is_found(exchange: Exchange, order: str) -> None:
    fills = TradeExecution.objects.filter(exchange_order_id=order.rpartition(":")[2])
    changed = fills.earliest("executed_at")
    then = changed.executed_at + timedelta(milliseconds=1)
    TradeExecution.objects.filter(pk=changed.pk).update(executed_at=then)

    found = compared(exchange)

    assert [(v.invariant, v.subject) for v in found] == [("RE-1", order)] * 2
    assert any(f"{then:%H:%M:%S.%f}) is not there" in v.detail for v in found)


def test_a_fill_staff_disclaimed_is_not_asked_for(exchange: Exchange, order: str) -> None:
    fills = TradeExecution.objects.filter(exchange_order_id=order.rpartition(":")[2])
    fills.update(voided_at=exchange.account.created_at, disclaimed=True)

    assert "RE-1" not in {v.invariant for v in compared(exchange)}


def test_what_is_on_its_way_is_no_violation(
    exchange: Exchange, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(exchange, place_resting(exchange), "0.2")
    looks = []

    def booked_meanwhile(_seconds: float) -> None:
        looks.append(sync_open_orders(exchange.account.pk, full=True, force=True))

    monkeypatch.setattr("tracking.services.books.exchange_lines.time.sleep", booked_meanwhile)

    assert compared(exchange) == []
    assert len(looks) == 1


def test_an_exchange_that_cannot_be_read_is_no_clean_exchange(
    exchange: Exchange, order: str
) -> None:
    exchange.simulator.faults(rest_status={"*": {"status": 503, "probability": 1}})

    with pytest.raises(TransientError):
        check_account(exchange.account.pk, with_exchange=True, at_exchange=QUICK)


@contextmanager
def spent_down_to(exchange: Exchange, share: float) -> Iterator[None]:
    """Let orders spend, all the time, what is free of the budget beyond this share."""
    governor, stop = clients.governor(exchange.account), threading.Event()
    capacity = BURST_SHARE * settings.BINANCE_WEIGHT_PER_MINUTE

    def spend() -> None:
        while not stop.wait(0.02):
            with suppress(RateLimited):
                free = (governor.free_share() - share) * capacity
                governor.acquire(max(0.0, free), Priority.ORDER)

    governor.acquire((governor.free_share() - share) * capacity, Priority.ORDER)
    spender = threading.Thread(target=spend)
    spender.start()
    try:
        yield
    finally:
        stop.set()
        spender.join()


def test_a_busy_account_is_compared_with_its_exchange(exchange: Exchange, order: str) -> None:
    strange = place_resting(exchange)
    fill_budget()

    with spent_down_to(exchange, 0.4):
        governor = clients.governor(exchange.account)
        with pytest.raises(RateLimited):
            governor.acquire(5, Priority.BACKFILL)
        found = compared(exchange)
        with pytest.raises(RateLimited):
            governor.acquire(5, Priority.BACKFILL)

    assert [v.subject for v in found] == [f"FUTURES:{SYMBOL}:{strange}"]


def test_a_spent_budget_is_told_plainly(exchange: Exchange, order: str) -> None:
    fill_budget(-1_000_000)

    with pytest.raises(RateLimited, match="spent by live trading: try again"):
        check_account(exchange.account.pk, with_exchange=True, at_exchange=QUICK)

    fill_budget()


def test_further_looks_read_only_what_still_differs(
    exchange: Exchange, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting = OpenOrder.objects.get()
    exchange.act("cancel", symbol="BTCUSDT", orderId=int(resting.exchange_order_id or 0))
    looks, read = list[Wanted](), Reader.read

    def looking(reader: Reader, wanted: Wanted, since: datetime | None) -> Side:
        looks.append(wanted)
        return read(reader, wanted, since)

    monkeypatch.setattr(Reader, "read", looking)

    assert len(compared(exchange)) == 1
    first, second = looks
    assert (first.orders, first.holdings) == (None, True)
    assert second == Wanted(fills=set(), orders={("FUTURES", SYMBOL)}, holdings=False)


def test_an_account_that_is_disabled_is_not_asked_about(exchange: Exchange, order: str) -> None:
    ExchangeAccount.objects.update(state="DISABLED")

    with pytest.raises(AccountNotActiveError):
        check_account(exchange.account.pk, with_exchange=True, at_exchange=QUICK)


def test_an_order_gone_from_the_exchange_is_found(exchange: Exchange, order: str) -> None:
    resting = OpenOrder.objects.get()
    exchange.act("cancel", symbol="BTCUSDT", orderId=int(resting.exchange_order_id or 0))

    found = compared(exchange)

    assert [(v.invariant, v.detail) for v in found] == [
        ("RE-6/exchange", "filled 0.1 here, (not open) at the exchange")
    ]


def test_books_that_were_never_opened_are_not_compared(exchange: Exchange) -> None:
    fill(exchange, place_resting(exchange), "0.2")
    ExchangeAccount.objects.update(baseline_at=None)

    assert compared(exchange) == []
