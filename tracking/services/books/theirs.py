"""
What the exchange has of an account: its trades, its open orders and what it holds, by REST.

Note [Beside live trading]
~~~~~~~~~~~~~~~~~~~~~~~~~~
On a busy system half of the request budget is hardly ever free, and a check that waited for it
would never be done. So a check asks as a sync does, leaving what orders and verification need; and
while less than half is free it asks slowly, so that live syncs find their share. It is patient: an
exchange that is slow or out of budget is asked again for a while.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from django.utils import timezone

from exchanges import registry
from exchanges.adapter import ONE_MILLISECOND
from exchanges.errors import TransientError, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import HoldingReport, MarketType, OrderSnapshot
from exchanges.questions import TradeCursor
from tracking.services import clients
from tracking.services.spot_assets import symbol_of
from tracking.services.trade_pages import Pages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
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
#: Seconds between questions while less than `PLENTY` of the budget is free: pages of trades (weight
#: 5) cost 20 a second so, and 30 come back. See Note [Beside live trading]
SPACING = 0.25
PLENTY = 0.5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")
Told_co = TypeVar("Told_co", covariant=True)
Said = TypeVar("Said", OrderSnapshot, HoldingReport)


class Asked(Protocol[Told_co]):
    """A question that has everything but its priority."""

    def __call__(self, *, priority: Priority) -> Told_co:
        """Ask it."""


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
    executed_at: datetime

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
class Wanted:
    """What is to be read."""

    #: the markets whose trades
    fills: Collection[SymbolKey]
    #: the markets whose open orders; None: of all, which costs as much as forty
    orders: Collection[SymbolKey] | None = None
    holdings: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's account: what was traded, what rests and how much of it filled, what is held."""

    fills: Counter[Fill]
    orders: dict[OrderKey, Decimal]
    holdings: dict[HoldingKey, Decimal]
    #: of the orders that rest, where they have one
    client_order_ids: dict[OrderKey, str] = field(default_factory=dict)


class Reader:
    """Asks an account's exchange. Raises ExchangeError once patience has come to its end."""

    def __init__(self, account: ExchangeAccount, *, patience: float = PATIENCE) -> None:
        """Raises AccountNotActiveError if the account may not be asked about."""
        clients.require_active(account)
        self._client: RestClient = clients.rest_client(account)
        self._patience = patience
        self._spoken = registry.adapter(account.exchange)
        self._market_type = MarketType(account.market_type)
        #: markets the exchange does not have any more: their trades cannot be read
        self.gone: set[SymbolKey] = set()

    def begin(self, since: datetime) -> datetime:
        """Move a time on to where REST's dates can tell before from after."""
        step = self._spoken.rest_dates_to
        if step <= ONE_MILLISECOND:
            return since
        return _floored(since, step) + step - timedelta(microseconds=1)

    def as_told(self, fill: Fill) -> Fill:
        """Give a fill of ours as REST tells it: some exchanges' is coarser than the stream."""
        spoken = self._spoken
        at = fill.executed_at
        return fill._replace(
            is_maker=fill.is_maker if spoken.rest_tells_makers else None,
            executed_at=(
                at
                if spoken.rest_dates_to <= ONE_MILLISECOND
                else _floored(at, spoken.rest_dates_to)
            ),
        )

    def read(self, wanted: Wanted, since: datetime | None) -> Side:
        """Read what is wanted; trades after `since`, without it none."""
        held = self._ask(self._client.fetch_holdings) if wanted.holdings else ()
        resting = {
            _key(order, symbol): order
            for order, symbol in self._named(self._open_orders(wanted.orders))
        }
        return Side(
            fills=Counter() if since is None else self._fills(wanted.fills, since),
            orders={key: order.filled_quantity for key, order in resting.items()},
            client_order_ids={
                key: order.client_order_id
                for key, order in resting.items()
                if order.client_order_id
            },
            holdings={
                (holding.market_type.value, symbol, holding.position_side.value): holding.quantity
                for holding, symbol in self._named(held)
            },
        )

    def traded_lately(self) -> set[SymbolKey]:
        """Name the markets that were traded in the last days, by whomever."""
        since = timezone.now() - timedelta(days=7)
        activity = self._ask(partial(self._client.fetch_activity, since))
        symbols = {self._symbol(self._market_type, name) for name in activity.traded_symbol_ids}
        return {(self._market_type.value, symbol) for symbol in symbols if symbol}

    def _open_orders(self, markets: Collection[SymbolKey] | None) -> Iterator[OrderSnapshot]:
        client = self._client
        for symbol_id in (None,) if markets is None else self._symbol_ids(markets):
            yield from self._ask(partial(client.fetch_open_orders, symbol_id))
            yield from self._ask(partial(client.fetch_open_algo_orders, symbol_id))

    def _symbol_ids(self, markets: Collection[SymbolKey]) -> Iterator[str]:
        for key in sorted(markets):
            try:
                yield self._symbol_id(key)
            except UnknownSymbol:
                # nothing is open where there is no market
                continue

    def _symbol_id(self, key: SymbolKey) -> str:
        return self._client.markets.market_of(MarketType(key[0]), key[1]).symbol_id

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
        symbol_id = self._symbol_id(key)

        def ask(cursor: TradeCursor) -> Sequence[ExecutionReport]:
            return self._ask(partial(self._client.fetch_executions, symbol_id, cursor))

        yield from Pages(ask, self._spoken.place_of).read(TradeCursor(since=since))

    def _named(self, said: Iterable[Said]) -> Iterator[tuple[Said, str]]:
        """Give each statement its symbol; a sync tells of markets we do not know."""
        for item in said:
            with suppress(UnknownSymbol):
                yield item, symbol_of(self._client.markets, item)

    def _symbol(self, market_type: MarketType, symbol_id: str) -> str | None:
        try:
            return self._client.markets.symbol_of(market_type, symbol_id)
        except UnknownSymbol:
            return None

    def _ask(self, question: Asked[T]) -> T:
        """Ask beside live trading. See Note [Beside live trading]."""
        if self._client.governor.free_share() < PLENTY:
            time.sleep(SPACING)
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return question(priority=Priority.SYNC)
            except TransientError as error:
                wait = error.retry_after or 1.0
                if time.monotonic() + wait > deadline:
                    raise clients.told_plainly(error, self._client) from error
                time.sleep(wait)


def _floored(at: datetime, step: timedelta) -> datetime:
    return at - (at - _EPOCH) % step


def _key(order: OrderSnapshot, symbol: str) -> OrderKey:
    return OrderKey(order.market_type.value, symbol, order.id_space.value, order.exchange_order_id)


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
        executed_at=trade.executed_at,
    )
