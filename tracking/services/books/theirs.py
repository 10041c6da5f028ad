"""
What the exchange has of an account: its trades, its open orders and what it holds, by REST.

Read with the lowest priority, so that a check never takes from live fills what they need, and
patiently: an exchange that is slow or out of budget is asked again for a while.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from django.utils import timezone

from exchanges.errors import TransientError, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import HoldingReport, MarketType, OrderSnapshot
from exchanges.questions import TradeCursor
from tracking.services import clients

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import ExecutionReport
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.sync_holdings import HoldingKey
    from tracking.services.verification import SymbolKey

#: Exchanges forget trades: Binance after three months. Older ones are not compared.
KEPT_FOR = timedelta(days=80)
#: Seconds for which one question is asked again while the exchange cannot be read.
PATIENCE = 60.0
T = TypeVar("T")
Said = TypeVar("Said", OrderSnapshot, HoldingReport)


class Fill(NamedTuple):
    """One trade, as both sides have it."""

    market_type: str
    symbol: str
    exchange_order_id: str
    exchange_trade_id: str
    side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal | None
    commission_asset: str | None
    is_maker: bool | None

    @property
    def subject(self) -> str:
        """Name its order."""
        return f"{self.market_type}:{self.symbol}:{self.exchange_order_id}"


class OrderKey(NamedTuple):
    """Identity of an order inside its account."""

    market_type: str
    symbol: str
    id_space: str
    exchange_order_id: str

    @property
    def subject(self) -> str:
        """Name the order."""
        return f"{self.market_type}:{self.symbol}:{self.exchange_order_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's account: what was traded, what rests and how much of it filled, what is held."""

    fills: Counter[Fill]
    orders: dict[OrderKey, Decimal]
    holdings: dict[HoldingKey, Decimal]


class Reader:
    """Asks an account's exchange. Raises ExchangeError once patience has come to its end."""

    def __init__(self, account: ExchangeAccount, *, patience: float = PATIENCE) -> None:
        """Raises AccountNotActiveError if the account may not be asked about."""
        clients.require_active(account)
        self._client: RestClient = clients.rest_client(account)
        self._patience = patience
        #: markets the exchange does not have any more: their trades cannot be read
        self.gone: set[SymbolKey] = set()

    def read(self, markets: Collection[SymbolKey], since: datetime | None) -> Side:
        """Read everything; trades of these markets, after `since`; without it, no trades."""
        held = self._ask(lambda: self._client.fetch_holdings(priority=Priority.BACKFILL))
        return Side(
            fills=Counter() if since is None else self._fills(markets, since),
            orders={
                OrderKey(
                    order.market_type.value,
                    symbol,
                    order.id_space.value,
                    order.exchange_order_id,
                ): order.filled_quantity
                for order, symbol in self._named(self._open_orders())
            },
            holdings={
                (holding.market_type.value, symbol, holding.position_side.value): holding.quantity
                for holding, symbol in self._named(held)
            },
        )

    def traded_lately(self) -> set[SymbolKey]:
        """Name the markets that were traded in the last days, by whomever."""
        since = timezone.now() - timedelta(days=7)
        ids = self._ask(
            lambda: self._client.fetch_activity(since, priority=Priority.BACKFILL).traded_symbol_ids
        )
        found = set()
        for symbol_id in ids:
            for market_type in (MarketType.FUTURES,):
                if symbol := self._symbol(market_type, symbol_id):
                    found.add((market_type.value, symbol))
        return found

    def _open_orders(self) -> tuple[OrderSnapshot, ...]:
        client = self._client
        orders = self._ask(lambda: client.fetch_open_orders(priority=Priority.BACKFILL))
        algo = self._ask(lambda: client.fetch_open_algo_orders(priority=Priority.BACKFILL))
        return (*orders, *algo)

    def _fills(self, markets: Collection[SymbolKey], since: datetime) -> Counter[Fill]:
        found: Counter[Fill] = Counter()
        for key in sorted(markets):
            try:
                trades = [trade for trade in self._trades(key, since) if trade.executed_at > since]
            except UnknownSymbol:
                self.gone.add(key)
            else:
                found.update(_fill(trade, key[1]) for trade in trades)
        return found

    def _trades(self, key: SymbolKey, since: datetime) -> Iterator[ExecutionReport]:
        symbol_id = self._client.markets.market_of(MarketType(key[0]), key[1]).symbol_id
        cursor = TradeCursor(since=since)
        while page := self._page(symbol_id, cursor):
            yield from page
            newest = max(int(trade.exchange_trade_id) for trade in page)
            cursor = TradeCursor(after_trade_id=str(newest))

    def _page(self, symbol_id: str, cursor: TradeCursor) -> tuple[ExecutionReport, ...]:
        return self._ask(
            lambda: self._client.fetch_executions(symbol_id, cursor, priority=Priority.BACKFILL)
        )

    def _named(self, said: Iterable[Said]) -> Iterator[tuple[Said, str]]:
        """Give each statement its symbol; a sync tells of markets we do not know."""
        for item in said:
            if symbol := self._symbol(item.market_type, item.symbol_id):
                yield item, symbol

    def _symbol(self, market_type: MarketType, symbol_id: str) -> str | None:
        try:
            return self._client.markets.symbol_of(market_type, symbol_id)
        except UnknownSymbol:
            return None

    def _ask(self, question: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return question()
            except TransientError as error:
                wait = error.retry_after or 1.0
                if time.monotonic() + wait > deadline:
                    raise
                time.sleep(wait)


def _fill(trade: ExecutionReport, symbol: str) -> Fill:
    return Fill(
        market_type=trade.market_type.value,
        symbol=symbol,
        exchange_order_id=trade.exchange_order_id,
        exchange_trade_id=trade.exchange_trade_id,
        side=trade.side.value,
        price=trade.execution_price,
        quantity=trade.execution_quantity,
        commission=trade.commission,
        commission_asset=trade.commission_asset,
        is_maker=trade.is_maker,
    )
