"""SIM-T: what the exchange does to an account by itself, and every word it has for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.messages import OrderReport
from exchanges.registry import parse
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    closed_orders,
    fill,
    hear,
    place,
    positions,
    quiesce,
    sync,
)
from tests.unit.exchanges.samples import FRAMES, sample
from tracking.domain.evidence import Evidence
from tracking.domain.orders import merge
from tracking.models import (
    ClosedOrder,
    OpenOrder,
    StreamEvent,
    Trade,
    TradeExecution,
)

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

#: what each frame alone makes of its order: status, filled, kind of fill, and what is unexplained
MAPPINGS = {
    "new": ("NEW", "0", None, "0"),
    "post_only": ("NEW", "0", None, "0"),
    "partially_filled": ("PARTIALLY_FILLED", "0.1", "TRADE", "0"),
    "filled_wrapped": ("PARTIALLY_FILLED", "0.1", "TRADE", "0"),
    "fill_without_commission": ("PARTIALLY_FILLED", "0.1", "TRADE", "0"),
    "fill_without_price": ("PARTIALLY_FILLED", "1", None, "1"),
    "trade_without_id": ("PARTIALLY_FILLED", "1", None, "1"),
    "amendment": ("PARTIALLY_FILLED", "1.5", None, "1.5"),
    # an end is withheld until what filled before is explained
    "filled": ("PARTIALLY_FILLED", "0.2", "TRADE", "0.1"),
    "cancelled_after_fill": ("PARTIALLY_FILLED", "0.1", None, "0.1"),
    "expired_ioc": ("PARTIALLY_FILLED", "0.5", None, "0.5"),
    "expired_in_match": ("PARTIALLY_FILLED", "0.5", None, "0.5"),
    "unknown_status": ("PARTIALLY_FILLED", "3", None, "3"),
    "liquidation_new": ("NEW", "0", None, "0"),
    "liquidation_fill": ("FILLED", "21.26", "LIQUIDATION", "0"),
    "liquidation_of_nothing": ("FILLED", "0", None, "0"),
    "adl_fill": ("PARTIALLY_FILLED", "10", "ADL", "0"),
    "settlement_fill": ("FILLED", "1", "SETTLEMENT", "0"),
    "delivery_fill": ("FILLED", "1", "DELIVERY", "0"),
    # conditional orders never fill themselves: the orders they trigger do
    "algo new": ("NEW", "0", None, "0"),
    "algo triggered": ("NEW", "0", None, "0"),
    "algo finished_filled": ("FILLED", "0", None, "0"),
    "algo finished_unfilled": ("CANCELLED", "0", None, "0"),
    "algo rejected": ("REJECTED", "0", None, "0"),
}
ENDS = {
    "filled": "FILLED",
    "cancelled_after_fill": "CANCELLED",
    "expired_ioc": "EXPIRED",
    "expired_in_match": "EXPIRED",
}
ABOUT_ORDERS = {"ORDER_TRADE_UPDATE__": "", "ALGO_UPDATE__": "algo "}


def name_of(frame: str) -> str | None:
    for prefix, short in ABOUT_ORDERS.items():
        if frame.startswith(prefix):
            return short + frame.removeprefix(prefix)
    return None


FRAME_OF = {short: frame for frame in FRAMES if (short := name_of(frame))}


def test_sim_t1_every_sample_that_tells_of_orders_is_mapped() -> None:
    assert set(FRAME_OF) == set(MAPPINGS)


@pytest.mark.parametrize("name", MAPPINGS)
def test_sim_t1_a_frame_means_what_the_table_says(name: str) -> None:
    (report,) = parse("BINANCE", "FUTURES", sample(FRAME_OF[name]))
    assert isinstance(report, OrderReport)
    fills = (report.execution,) if report.execution else ()

    transition = merge(None, Evidence(statements=(report,), executions=fills))

    after = transition.after
    kinds = [e.kind.value for e in after.executions]
    assert (
        after.status.value,
        f"{after.filled_quantity.normalize():f}",
        kinds[0] if kinds else None,
        f"{transition.gap.normalize():f}",
    ) == MAPPINGS[name]
    assert after.withheld_status == ENDS.get(name)


def test_sim_t1_the_liquidation_of_nothing_creates_nothing(exchange: Exchange) -> None:
    hear(exchange, sample("ORDER_TRADE_UPDATE__liquidation_of_nothing").decode())

    for model in (OpenOrder, ClosedOrder, Trade, TradeExecution):
        assert not model.objects.exists()
    assert StreamEvent.objects.get().quarantined_at is None
    assert anomalies() == []
    assert_settled(exchange)


@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize(
    ("action", "kind", "client_id"),
    [
        ("liquidate", "LIQUIDATION", "autoclose-"),
        ("deleverage", "ADL", "adl_autoclose"),
        ("settle", "SETTLEMENT", "settlement_autoclose-"),
    ],
)
def test_sim_t1_a_position_the_exchange_closes_is_closed_in_the_residual(
    exchange: Exchange, action: str, kind: str, client_id: str, *, is_heard: bool
) -> None:
    order_id = place(exchange, "0.5")
    fill(exchange, order_id, "0.5")
    hear(exchange, *exchange.frames(2))

    closing = exchange.act(action, symbol="BTCUSDT", price="29000")
    if is_heard:
        hear(exchange, *exchange.frames(2))
    quiesce(exchange)

    execution = TradeExecution.objects.get(exchange_order_id=closing["exchange_order_id"])
    assert (execution.kind, execution.side, execution.execution_price) == (kind, "SELL", 29000)
    assert (execution.realized_pnl, execution.strategy_account) == (Decimal(-500), None)
    assert closing["client_order_id"].startswith(client_id)
    assert positions() == [("BTC/USDT:USDT", "0", "0")]
    assert closed_orders()[-1] == (closing["exchange_order_id"], "FILLED", "0.5", "14500")
    assert_settled(exchange)


def test_sim_t1_a_liquidation_ends_the_orders_of_its_market_first(exchange: Exchange) -> None:
    order_id = place(exchange, "0.5")
    fill(exchange, order_id, "0.5")
    resting = place(exchange, "0.1", price="29000")
    hear(exchange, *exchange.frames(3))
    exchange.act("liquidate", symbol="BTCUSDT", price="28000")

    sync(exchange, full=True)

    row = ClosedOrder.objects.get(exchange_order_id=resting)
    assert (row.status, row.filled_quantity) == ("EXPIRED", 0)
    assert positions() == [("BTC/USDT:USDT", "0", "0")]
    assert_settled(exchange)


def test_sim_t1_an_order_that_would_meet_its_own_ends_without_a_fill(
    exchange: Exchange, manager: OrderManager
) -> None:
    resting = place(exchange, "0.5", price="59999.9")
    exchange.simulator.faults(thin_book=True)
    manager.execute(limit(price="59999.9", quantity="0.2"), idempotency_key="1")
    exchange.act(
        "place", symbol="BTCUSDT", side="SELL", type="LIMIT", quantity="0.1", price="59999.9"
    )

    hear(exchange, *exchange.frames(5))

    row = ClosedOrder.objects.get(exchange_order_id=resting)
    assert (row.status, row.filled_quantity) == ("EXPIRED", 0)
    assert row.reason == "self-trade prevention"
    assert not TradeExecution.objects.exists()
    quiesce(exchange)
    assert_settled(exchange)
