"""What the scenarios share: orders made by hand, time that passes, the books as short rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tests.books import assert_clean
from tests.integration.services.conftest import fill_budget, make_due
from tests.integration.services.test_order_fill_monitor import drain
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderEvent,
    StrategyPosition,
    StreamEvent,
    Trade,
    TradeExecution,
)
from tracking.services.journal import TOLD_AT_END
from tracking.services.order_tracking import SyncResult, sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.services.conftest import Exchange

PRICE = "30000"
LONG_AGO = timedelta(minutes=2)


def place(exchange: Exchange, quantity: str = "1", **terms: object) -> int:
    """Rest a limit order, made by hand, at half the market's price; give its id."""
    wanted: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": quantity,
        "price": PRICE,
    }
    return int(exchange.act("place", **(wanted | terms))["exchange_order_id"])


def fill(
    exchange: Exchange, order_id: int, quantity: str, symbol: str = "BTCUSDT", **terms: object
) -> None:
    exchange.act("fill", symbol=symbol, orderId=order_id, quantity=quantity, **terms)


def cancel(exchange: Exchange, order_id: int, symbol: str = "BTCUSDT") -> None:
    exchange.act("cancel", symbol=symbol, orderId=order_id)


def hear(exchange: Exchange, *frames: str) -> None:
    """Let these frames, and no others, reach the inbox and be drained."""
    exchange.deliver(*frames)
    drain(exchange)


def sync(exchange: Exchange, *, full: bool = False) -> SyncResult:
    """Let one sync happen, for orders that are not too young to be asked about."""
    OpenOrder.objects.filter(exchange_order_id=None).update(created_at=timezone.now() - LONG_AGO)
    return sync_open_orders(exchange.account.pk, full=full, force=True)


def verify(exchange: Exchange) -> int:
    """Let everything that waits for REST be asked now."""
    make_due()
    return verify_due(exchange.account.pk)


def quiesce(exchange: Exchange) -> None:
    """Let trouble end and a little time pass: a full sync, and what is due is verified."""
    exchange.simulator.faults(reset=True)
    fill_budget()
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - LONG_AGO)
    sync(exchange, full=True)
    verify(exchange)


def assert_settled(exchange: Exchange) -> None:
    """Nothing is left to do, nothing was told twice, and the books are the exchange's."""
    exchange.assert_equal_books()
    assert not StreamEvent.objects.filter(processed_at=None, quarantined_at=None).exists()
    assert not TradeExecution.objects.filter(voided_at=None, verified=False).exists()
    assert_journal_whole()
    assert_clean(exchange.account.pk, with_exchange=True)


def assert_journal_whole() -> None:
    """The journal has no holes, and tells each end of each order once."""
    numbers = list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    ends = OrderEvent.objects.filter(kind__in=TOLD_AT_END.values()).values_list(
        "kind", "symbol", "exchange_order_id", "client_order_id"
    )
    assert len(ends) == len(set(ends))


def told(*kinds: str) -> list[str]:
    """Give the kinds of journal events in their order, or only those of these kinds."""
    rows = OrderEvent.objects.order_by("seq")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return list(rows.values_list("kind", flat=True))


def removals() -> list[tuple[str, str]]:
    """Give what the journal told of orders that left the open ones: (order id, reason)."""
    rows = OrderEvent.objects.filter(kind="pending_order", payload__action="remove")
    return [(r.exchange_order_id, r.payload["reason"]) for r in rows.order_by("seq")]


def open_orders() -> list[tuple[str, str, str]]:
    """Give (order id, status, filled) of the living orders."""
    rows = OpenOrder.objects.order_by("symbol", "exchange_order_id")
    return [(str(o.exchange_order_id), o.status, _n(o.filled_quantity)) for o in rows]


def closed_orders() -> list[tuple[str, str, str, str]]:
    """Give (order id, status, filled, filled quote) of the orders that ended."""
    rows = ClosedOrder.objects.order_by("symbol", "exchange_order_id")
    return [
        (str(o.exchange_order_id), o.status, _n(o.filled_quantity), _n(o.filled_quote))
        for o in rows
    ]


def trades() -> list[tuple[str, str, str, str, int]]:
    """Give (order id, side, filled, filled quote, number of executions) of the trades."""
    rows = Trade.objects.order_by("symbol", "exchange_order_id")
    return [
        (
            t.exchange_order_id,
            t.side,
            _n(t.filled_quantity),
            _n(t.filled_quote),
            t.execution_count,
        )
        for t in rows
    ]


def executions(**which: object) -> list[tuple[str, str, str, str]]:
    """Give (trade id, quantity, price, first source) of the executions that count."""
    rows = TradeExecution.objects.filter(voided_at=None, **which)
    return [
        (e.exchange_trade_id, _n(e.execution_quantity), _n(e.execution_price), e.source)
        for e in rows.order_by("executed_at", "exchange_trade_id", "sequence")
    ]


def positions() -> list[tuple[str, str, str]]:
    """Give (symbol, quantity, average price) of the positions, of strategies and of nobody."""
    rows = StrategyPosition.objects.order_by("symbol", "strategy_account")
    return [(p.symbol, _n(p.quantity), _n(p.average_price)) for p in rows]


def anomalies() -> list[str]:
    """Give the kinds of the open anomalies."""
    rows = Anomaly.objects.filter(closed_at=None)
    return sorted(rows.values_list("kind", flat=True))


def requests(simulator: SimulatorThread) -> dict[str, int]:
    """Give how often each end point has been asked."""
    counted: dict[str, int] = simulator.ledger(summary=True)["requests_by_endpoint"]
    return counted


def trade_ids(exchange: Exchange) -> list[str]:
    """Give the ids of the fills at the exchange, oldest first."""
    return [str(f["exchange_trade_id"]) for f in exchange.ledger()["executions"]]


def total(rows: Iterable[Any], name: str) -> Decimal:
    """Sum one column of the ledger."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def _n(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
