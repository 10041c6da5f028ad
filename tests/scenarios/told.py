"""Evidence told to the write path by hand, for markets the simulator does not have."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from exchanges.messages import MarketType, OrderStatus, Side, Source
from tests.unit.tracking.domain.builders import a_fill, a_report, a_snapshot
from tracking.domain.evidence import Evidence
from tracking.services.event_emitter import Emission, emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport, OrderStatement
    from tracking.models import ExchangeAccount

SPOT, SPOT_SYMBOL = MarketType.SPOT, "BTC/USDT"


def tell(
    account: ExchangeAccount,
    *said: OrderStatement | ExecutionReport,
    symbol: str = SPOT_SYMBOL,
    complete: bool = False,
) -> Emission:
    """Emit what was said of the orders of one market, each of them found by its own id."""
    by_order: dict[str, list[Any]] = {}
    for item in said:
        by_order.setdefault(item.exchange_order_id, []).append(item)
    gathered = [
        Gathered(
            market_type=items[0].market_type.value,
            symbol=symbol,
            id_space=items[0].id_space.value,
            exchange_order_id=order_id,
            client_order_id=next((c for c in map(_client_order_id, items) if c), None),
            evidence=Evidence(
                statements=tuple(i for i in items if hasattr(i, "exchange_status")),
                executions=tuple(i for i in items if hasattr(i, "exchange_trade_id")),
                trades_complete=complete,
            ),
        )
        for order_id, items in by_order.items()
    ]
    return emit_trade_event(account_id=account.pk, gathered=gathered, now=timezone.now())


def _client_order_id(item: Any) -> str | None:
    return getattr(item, "client_order_id", None)


def spot_fill(trade_id: str, quantity: str, price: str, fee: str | None, asset: str | None) -> Any:
    """Give a buy on spot, as the stream tells it."""
    return a_fill(
        trade_id,
        quantity,
        price,
        market_type=SPOT,
        commission=None if fee is None else Decimal(fee),
        commission_asset=asset,
        realized_pnl=None,
    )


def by_rest(fill: ExecutionReport, **terms: Any) -> ExecutionReport:
    """Give a fill as REST's list of trades has it."""
    return replace(fill, source=Source.REST_TRADES, **terms)


def spot_order(status: OrderStatus, filled: str, quote: str, **terms: Any) -> Any:
    """Give a spot order as the stream tells it."""
    return a_report(
        status, filled, market_type=SPOT, filled_quote=Decimal(quote), **(_terms(filled) | terms)
    )


def spot_snapshot(status: OrderStatus, filled: str, quote: str, **terms: Any) -> Any:
    """Give a spot order as REST tells it."""
    return a_snapshot(
        status,
        filled,
        market_type=SPOT,
        **(_terms(filled) | {"filled_quote": Decimal(quote)} | terms),
    )


def _terms(filled: str) -> dict[str, Any]:
    return {"quantity": Decimal(filled) or Decimal(1)}


def sold(fill: ExecutionReport) -> ExecutionReport:
    """Give the same fill of a sell."""
    return replace(fill, side=Side.SELL)
