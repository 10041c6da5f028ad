"""
Binance futures in words: TRADE_LITE precedes the ORDER_TRADE_UPDATE of its fill.

COIN-M has no TRADE_LITE, names the account and the margin asset, and tells of all positions at
once. Source: USD-M and COIN-M "User Data Streams".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from exchanges.simulator import frames
from exchanges.simulator.algo import algo_update
from exchanges.simulator.channel import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.orders import Execution, Order


class FuturesDialect:
    """The words of Binance's USD-M stream. Implements `dialect.Dialect`."""

    #: what every frame says of its account
    signature: Mapping[str, str] = {}

    def order_id(self, order: Order) -> str:
        """A number, unique in its symbol only."""
        return str(order.order_id)

    def number_of(self, order_id: str) -> int | None:
        """The id is the number."""
        return int(order_id) if order_id.isdecimal() else None

    def trade_id(self, execution: Execution) -> str:
        """A number, unique in its symbol only."""
        return str(execution.trade_id)

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterator[Frame]:
        """TRADE_LITE for a trade, then ORDER_TRADE_UPDATE."""
        if fill and kind == "TRADE" and wants(frames.TRADE_LITE):
            yield about(frames.TRADE_LITE, frames.trade_lite(fill), kind, order, fill)
        if wants(frames.ORDER_TRADE_UPDATE):
            text = frames.order_trade_update(order, kind, fill, shown_status(order, kind))
            yield about(frames.ORDER_TRADE_UPDATE, text, kind, order, fill)

    def holdings_frames(
        self, account: Account, position: Position | None, reason: str, change: Decimal, at: int
    ) -> Iterator[Frame]:
        """ACCOUNT_UPDATE."""
        asset = account.rules[position.symbol].settlement if position else account.touched[0]
        told = [position] if position else []
        text = frames.account_update(
            account, told, asset=asset, reason=reason, change=change, at=at
        )
        yield Frame(event=frames.ACCOUNT_UPDATE, text=text, kind=reason)

    def algo_frames(self, algo: AlgoOrder) -> Iterator[Frame]:
        """ALGO_UPDATE."""
        text = orjson.dumps({**algo_update(algo), **self.signature}).decode()
        yield Frame(event=frames.ALGO_UPDATE, text=text, kind=algo.status, symbol=algo.terms.symbol)

    def without_trade_id(self, frame: Frame, fill: Execution) -> Frame:
        """As if its trade had no id: 0 means none."""
        if frame.event != frames.ORDER_TRADE_UPDATE:
            return frame
        return replace(frame, text=frames.without_trade_id(frame.text, fill))


class CoinDialect(FuturesDialect):
    """The words of Binance's COIN-M stream."""

    signature: Mapping[str, str] = {"i": frames.ACCOUNT_ALIAS}

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterator[Frame]:
        """ORDER_TRADE_UPDATE."""
        if wants(frames.ORDER_TRADE_UPDATE):
            status = shown_status(order, kind)
            text = frames.order_trade_update(order, kind, fill, status, frames.ALIAS_FIELD)
            yield about(frames.ORDER_TRADE_UPDATE, text, kind, order, fill)

    def holdings_frames(
        self, account: Account, position: Position | None, reason: str, change: Decimal, at: int
    ) -> Iterator[Frame]:
        """ACCOUNT_UPDATE with every position in that coin."""
        asset = account.rules[position.symbol].settlement if position else account.touched[0]
        told = [
            each
            for each in account.positions.values()
            if account.rules[each.symbol].settlement == asset
        ]
        text = frames.account_update(
            account,
            told,
            asset=asset,
            reason=reason,
            change=change,
            at=at,
            alias=frames.ALIAS_FIELD,
        )
        yield Frame(event=frames.ACCOUNT_UPDATE, text=text, kind=reason)


def shown_status(order: Order, kind: str) -> str:
    """The status as frames show it: a deleveraging has its own."""
    is_adl = kind == "CALCULATED" and order.terms.client_id.startswith("adl_")
    return "NEW_ADL" if is_adl else order.status


def about(event: str, text: str, kind: str, order: Order, fill: Execution | None) -> Frame:
    """A frame about an order."""
    return Frame(
        event=event,
        text=text,
        kind=kind,
        symbol=order.symbol,
        order_id=order.order_id,
        trade_id=fill.trade_id if fill else None,
    )
