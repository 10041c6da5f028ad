"""
Making frames of what ccxt.pro's watching returns: orders and fills.

Policy: an update that tells only what has changed is completed by the order as it was known; if it
is not known, or its market is not, messages may have been missed, and that is said. What ccxt
returns twice is handed over once, what is about other market types not at all.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_envelope as envelope
from exchanges.generic_markets import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchanges.messages import MarketType

Unified = dict[str, Any]
_Key = tuple[str, ...]

#: orders that are remembered, and fills; ccxt keeps a thousand of each
_REMEMBERED: Final = 2000
_SAID_AGAIN: Final = 60.0


class Hearing:
    """One connection's orders and fills. Of one thread."""

    def __init__(
        self,
        *,
        market_type: MarketType,
        hand_over: Callable[[bytes], None],
        miss: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hand_over` takes frames; `miss` hears that something could not be told."""
        self._clock, self._said_at = clock, float("-inf")
        self._market_type, self._hand_over, self._miss = market_type, hand_over, miss
        self._orders: OrderedDict[str, Unified] = OrderedDict()
        # apart, or many orders would push out the fills that ccxt goes on showing
        self._heard_orders: OrderedDict[_Key, object] = OrderedDict()
        self._heard_fills: OrderedDict[_Key, None] = OrderedDict()

    def orders(self, orders: Iterable[Unified], markets: dict[str, Any], now_ms: int) -> None:
        """Hear orders as ccxt returned them."""
        for order in list(orders):
            # ccxt gives every update an `info` of its own
            key, info = _key(order, "symbol", "id"), order.get("info")
            if key not in self._heard_orders or self._heard_orders[key] is not info:
                _remember(self._heard_orders, key, info)
                self._order(order, markets, now_ms)

    def trades(self, trades: Iterable[Unified], markets: dict[str, Any]) -> None:
        """Hear fills as ccxt returned them; Kraken's updates that are no fills among them."""
        for trade in list(trades):
            is_fill = all(trade.get(key) for key in ("id", "order", "price", "amount"))
            key = _key(trade, "symbol", "order", "id")
            if is_fill and key not in self._heard_fills:
                _remember(self._heard_fills, key, None)
                self._trade(trade, markets)

    def stranger(self) -> None:
        """Hear of a market that is not in the table; said once a minute, for options have many."""
        now = self._clock()
        if now - self._said_at > _SAID_AGAIN:
            self._said_at = now
            self._miss()

    def _order(self, update: Unified, markets: dict[str, Any], now_ms: int) -> None:
        order = update
        if not envelope.is_whole(update):
            known = self._orders.get(str(update.get("id")))
            if known is None:
                self._miss()
                return
            order = envelope.completed(update, known)
        market = markets.get(order["symbol"])
        if market is None:
            self.stranger()
        elif type_of(market) is self._market_type:
            self._tell(dict(order), market["id"], now_ms)

    def _tell(self, order: Unified, symbol_id: str, now_ms: int) -> None:
        _remember(self._orders, str(order["id"]), order)
        self._hand_over(envelope.text(envelope.of_order(order, symbol_id, at=now_ms)))

    def _trade(self, trade: Unified, markets: dict[str, Any]) -> None:
        order = self._orders.get(str(trade["order"]), {})
        market = markets.get(str(trade.get("symbol") or order.get("symbol")))
        if market is None:
            self.stranger()
        elif type_of(market) is self._market_type:
            self._hand_over(envelope.text(envelope.of_trade(trade, market["id"])))


def _key(told: Unified, *names: str) -> _Key:
    """Name an update as ccxt does: what names no market is kept beside what does."""
    return tuple(str(told.get(name)) for name in names)


def _remember(memory: OrderedDict[Any, Any], key: object, value: object) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
