"""A spot exchange in a few lines: balances, trades and what REST says of them, to the digit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.errors import OrderNotFound
from exchanges.markets import Markets
from exchanges.messages import (
    ExecutionReport,
    HoldingReport,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    Side,
    Source,
)
from exchanges.questions import Activity, Market, Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.questions import OrderRef, TradeCursor

PAIRS = (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"), ("BNB", "USDT"), ("XRP", "KRW"))


def a_market(base: str, quote: str) -> Market:
    return Market(
        market_type=MarketType.SPOT,
        symbol_id=base + quote,
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        settle=None,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        minimum_quantity=Decimal("0.00001"),
    )


class Budget:
    """Never spent."""

    def free_share(self) -> float:
        return 1.0


@dataclass
class SpotLedger:
    """One account. Implements what a sync asks of `RestClient`."""

    balances: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fills: list[ExecutionReport] = field(default_factory=list)
    orders: dict[str, OrderSnapshot] = field(default_factory=dict)
    #: lists of trades begin at a time, as if ids were no numbers
    asked: list[str] = field(default_factory=list)
    #: what a look at the account is told
    activity: Activity = field(default_factory=Activity)

    def __post_init__(self) -> None:
        table = {f"{base}{quote}": a_market(base, quote) for base, quote in PAIRS}
        self.markets = Markets(table.values)
        self.table = table
        self.governor = Budget()
        self.begun = datetime.now(UTC) - timedelta(minutes=1)

    @property
    def now(self) -> datetime:
        return self.begun + timedelta(milliseconds=10 * len(self.fills))

    def trade(
        self,
        symbol_id: str,
        side: Side,
        quantity: str,
        price: str,
        fee: tuple[str, str] | None = None,
    ) -> ExecutionReport:
        """Fill a market order made by hand; `fee` is (amount, asset)."""
        market, sign = self.table[symbol_id], 1 if side is Side.BUY else -1
        number = str(len(self.fills) + 1)
        fill = ExecutionReport(
            market_type=MarketType.SPOT,
            symbol_id=symbol_id,
            exchange_order_id=f"9{number}",
            exchange_trade_id=number,
            side=side,
            execution_price=Decimal(price),
            execution_quantity=Decimal(quantity),
            executed_at=self.now + timedelta(milliseconds=10),
            source=Source.REST_TRADES,
            commission=Decimal(fee[0]) if fee else Decimal(0),
            commission_asset=fee[1] if fee else market.quote,
        )
        self.fills.append(fill)
        quote = fill.execution_price * fill.execution_quantity
        self.balances[market.base] += sign * fill.execution_quantity
        self.balances[market.quote] -= sign * quote
        self.balances[fill.commission_asset or ""] -= fill.commission or 0
        self.orders[fill.exchange_order_id] = OrderSnapshot(
            market_type=MarketType.SPOT,
            symbol_id=symbol_id,
            exchange_order_id=fill.exchange_order_id,
            status=OrderStatus.FILLED,
            exchange_status="FILLED",
            side=side,
            quantity=fill.execution_quantity,
            filled_quantity=fill.execution_quantity,
            filled_quote=quote,
            exchange_updated_at=fill.executed_at,
            order_type=OrderType.MARKET,
            requested_at=datetime.now(UTC),
        )
        return fill

    def fetch_holdings(self, **_: object) -> tuple[HoldingReport, ...]:
        return tuple(
            HoldingReport(market_type=MarketType.SPOT, symbol_id="", asset=asset, quantity=held)
            for asset, held in self.balances.items()
            if held
        )

    def is_hedge_mode(self, **_: object) -> bool:
        return False

    def fetch_server_time(self, **_: object) -> datetime:
        return self.now

    def fetch_open_orders(self, *_args: object, **_: object) -> tuple[OrderSnapshot, ...]:
        return ()

    def fetch_open_algo_orders(self, *_args: object, **_: object) -> tuple[OrderSnapshot, ...]:
        return ()

    def fetch_activity(self, *_args: object, **_: object) -> Activity:
        return self.activity

    def fetch_executions(
        self, symbol_id: str, cursor: TradeCursor, **_: object
    ) -> tuple[ExecutionReport, ...]:
        self.asked.append(symbol_id)
        after = int(cursor.after_trade_id or 0)
        return tuple(
            fill
            for fill in self.fills
            if fill.symbol_id == symbol_id
            and int(fill.exchange_trade_id) > after
            and (cursor.since is None or fill.executed_at >= cursor.since)
        )

    def fetch_order(self, ref: OrderRef, **_: object) -> OrderSnapshot:
        found = self.orders.get(ref.exchange_order_id or "")
        if found is None:
            raise OrderNotFound
        return found

    def verify_orders(self, refs: Sequence[OrderRef], **_: object) -> Verification:
        asked = datetime.now(UTC)
        found = [self.orders[ref.exchange_order_id or ""] for ref in refs]
        return Verification(requested_at=asked, snapshots=tuple(found))
