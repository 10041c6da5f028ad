"""
What the engine does, in Bybit's frames: `order` and `execution` apart, positions and wallets.

A market order is told once, when it has ended, and has no New (v5 sends no Created); a conditional
one goes Untriggered, Triggered, New. Frames are named by event (`order.linear`); the socket puts
in the name it subscribed to. Every frame bears one row: `socket` joins them where that is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from exchanges.simulator import orders as states
from exchanges.simulator.bybit import holdings, ids, rows, topics, words
from exchanges.simulator.bybit.progress import progress
from exchanges.simulator.channel import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Balance, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.bybit.config import BybitConfig
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.orders import Execution, Order

#: a cancel that came after the fill
TOO_LATE = {"cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist"}


class BybitDialect:
    """The words of one house. Implements `dialect.Dialect`."""

    def __init__(self, market_type: str, config: BybitConfig) -> None:
        """`config` holds until the house has one that changes: see `obey`."""
        self._house = market_type
        self._category = words.CATEGORY[market_type]
        self._config: Callable[[], BybitConfig] = lambda: config
        self._others: tuple[SimulatedExchange, ...] = ()

    def obey(self, config: Callable[[], BybitConfig]) -> None:
        """Ask for the settings every time from now on, since switches may change."""
        self._config = config

    def share(self, houses: Iterable[SimulatedExchange]) -> None:
        """Show the wallet with what the other houses keep of it."""
        self._others = tuple(house for house in houses if house.market_type != self._house)

    def order_id(self, order: Order) -> str:
        """A UUID."""
        return rows.order_id(self._house, order)

    def number_of(self, order_id: str) -> int | None:
        """The number behind a UUID of any symbol."""
        found = (
            ids.read(self._house, ids.ORDER, rules.symbol, order_id)
            for rules in self._config().rules
        )
        return next((number for number in found if number is not None), None)

    def trade_id(self, execution: Execution) -> str:
        """A UUID."""
        return rows.trade_id(self._house, execution)

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterator[Frame]:
        """`order`, then `execution`, or the other way round; `position` follows every change."""
        told = [
            *self._told_orders(order, kind, wants),
            *(self._told_fills(fill, wants) if fill else ()),
        ]
        if self._config().executions_first:
            told.sort(key=lambda named: not named[0].startswith(topics.EXECUTION))
        for event, row in told:
            yield self._frame(event, row, kind, order, fill)
        if fill is None and wants(self._event(topics.POSITION)):
            yield from self._position_frames(order, kind)

    def _told_orders(
        self, order: Order, kind: str, wants: Callable[[str], bool]
    ) -> Iterator[tuple[str, rows.Row]]:
        event = self._event(topics.ORDER)
        if not wants(event) or not is_told(order, kind):
            return
        row = rows.order_event(self._house, progress(order))
        if kind == "TRIGGERED":
            yield event, row | {"orderStatus": "Triggered"}
            if order.terms.type == "MARKET":
                return
        yield event, row
        if order.status == states.FILLED and kind == "TRADE" and self._config().filled_twice:
            yield event, row | TOO_LATE

    def _told_fills(
        self, fill: Execution, wants: Callable[[str], bool]
    ) -> Iterator[tuple[str, rows.Row]]:
        event = self._event(topics.EXECUTION)
        if wants(event):
            yield event, rows.execution_event(self._house, fill, self._rate(fill))
        fast = self._event(topics.FAST)
        if wants(fast) and words.cause_of(fill.order).exec_type == "Trade":
            yield fast, rows.fast_event(self._house, fill)

    def _position_frames(self, order: Order, kind: str) -> Iterator[Frame]:
        if self._category != words.SPOT:
            position = order.account.position(order.symbol, order.terms.position_side)
            row = holdings.position_event(self._house, position, order.updated)
            event = self._event(topics.POSITION)
            yield Frame(event=event, text=frame_text(event, row, order.updated), kind=kind)

    def holdings_frames(
        self, account: Account, position: Position | None, reason: str, _change: Decimal, at: int
    ) -> Iterator[Frame]:
        """`position` where there is one, `wallet`; funding is an `execution` besides."""
        if reason == "FUNDING_FEE":
            row = holdings.funding_event(self._house, account, account.incomes[-1])
            event = self._event(topics.EXECUTION)
            yield Frame(event=event, text=frame_text(event, row, at), kind=reason)
        if position:
            event = self._event(topics.POSITION)
            row = holdings.position_event(self._house, position, at)
            yield Frame(event=event, text=frame_text(event, row, at), kind=reason)
        row = holdings.wallet_row(self._wallet(account))
        text = frame_text(topics.WALLET, row, at)
        yield Frame(event=topics.WALLET, text=text, kind=reason)

    def _wallet(self, account: Account) -> Iterator[tuple[str, Balance]]:
        for balance in account.balances.values():
            yield self._house, balance
        for house in self._others:
            same = house.accounts.get(account.api_key)
            for balance in same.balances.values() if same else ():
                yield house.market_type, balance

    def algo_frames(self, _algo: AlgoOrder) -> Iterable[Frame]:
        """Nothing: conditional orders are orders like others here."""
        return ()

    def without_trade_id(self, frame: Frame, fill: Execution) -> Frame:
        """The frame as it is: an execution of Bybit's always has an id."""
        del fill
        return frame

    def _frame(
        self, event: str, row: rows.Row, kind: str, order: Order, fill: Execution | None
    ) -> Frame:
        return Frame(
            event=event,
            text=frame_text(event, row, order.updated),
            kind=kind,
            symbol=order.symbol,
            order_id=self.order_id(order),
            trade_id=self.trade_id(fill) if fill else None,
        )

    def _event(self, topic: str) -> str:
        return f"{topic}.{self._category}"

    def _rate(self, fill: Execution) -> Decimal:
        config = self._config()
        return config.maker_fee if fill.is_maker else config.taker_fee


def is_told(order: Order, kind: str) -> bool:
    """Whether a change of an order is told: of market orders only what ends or triggers them."""
    if not words.is_order(order):
        return False
    is_at_work = order.is_open and not order.is_waiting
    return not (order.terms.type == "MARKET" and is_at_work and kind != "TRIGGERED")


def frame_text(event: str, row: dict[str, Any], at: int) -> str:
    """A frame of one row."""
    number = row.get("execId") or row.get("orderId") or row.get("symbol") or "wallet"
    frame = {"topic": event, "id": f"{number}-{at}", "creationTime": at, "data": [row]}
    return orjson.dumps(frame).decode()
