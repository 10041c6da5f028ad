"""Spot in words: executionReport for an order, outboundAccountPosition for what it moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exchanges.simulator.binance_dialect import FuturesDialect, about
from exchanges.simulator.binance_spot import frames
from exchanges.simulator.channel import Frame
from exchanges.simulator.orders import EXPIRED_IN_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.binance_spot.remarks import Remarks
    from exchanges.simulator.orders import Execution, Order

#: the engine's words for what happened, where spot has others
KINDS: Final = {"AMENDMENT": "REPLACED", "TRIGGERED": "NEW"}
FIRST_EXECUTION_ID: Final = 8_641_984


class SpotDialect(FuturesDialect):
    """The words of the spot user data stream; ids are those of every Binance market."""

    def __init__(self, remarks: Remarks) -> None:
        """`remarks` are the notes of the house."""
        self._remarks = remarks
        self._execution_id = FIRST_EXECUTION_ID

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterator[Frame]:
        """What happened to an order is one executionReport."""
        if not wants(frames.EXECUTION_REPORT):
            return
        self._execution_id += 1
        word = KINDS.get(kind, kind)
        if order.status == EXPIRED_IN_MATCH:
            word = "TRADE_PREVENTION"
        text = frames.execution_report(order, word, fill, self._remarks, self._execution_id)
        yield about(frames.EXECUTION_REPORT, text, kind, order, fill)

    def holdings_frames(
        self, account: Account, _position: Position | None, reason: str, change: Decimal, at: int
    ) -> Iterator[Frame]:
        """An outboundAccountPosition, and before it balanceUpdate when money came or went."""
        if change:
            text = frames.balance_update(account.touched[0], change, at)
            yield Frame(event=frames.BALANCE_UPDATE, text=text, kind=reason)
        touched = [account.balance(asset) for asset in account.touched]
        text = frames.account_position(touched, at)
        yield Frame(event=frames.ACCOUNT_POSITION, text=text, kind=reason)

    def algo_frames(self, _algo: AlgoOrder) -> Iterator[Frame]:
        """Spot has no orders kept elsewhere."""
        return iter(())

    def without_trade_id(self, frame: Frame, fill: Execution) -> Frame:
        """As if its trade had no id."""
        if frame.event != frames.EXECUTION_REPORT:
            return frame
        return replace(frame, text=frames.without_trade_id(frame.text, fill))
