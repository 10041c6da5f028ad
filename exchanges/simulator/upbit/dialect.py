"""
What the engine does, in Upbit's frames: `myOrder` for every change, `myAsset` for what it moves.

A fill that completes its order is followed by `done`. A market buy that leaves dust ends as
`cancel`. An order that was not matched with one of the same owner is `prevented`, then `cancel`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_OID, uuid5

from exchanges.simulator import orders as states
from exchanges.simulator.channel import Frame
from exchanges.simulator.upbit import progress, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.orders import Execution, Order
    from exchanges.simulator.upbit.ids import Ids

ORDER: Final = "myOrder"
ASSET: Final = "myAsset"


class UpbitDialect:
    """The words of the house. Implements `dialect.Dialect`."""

    def __init__(self, ids: Ids, config: SimulatorConfig) -> None:
        """`config` tells the fees, which do not change."""
        self.ids = ids
        self._config = config

    def order_id(self, order: Order) -> str:
        """A UUID."""
        return self.ids.of_order(order)

    def number_of(self, order_id: str) -> int | None:
        """The number behind a UUID that was shown."""
        found = self.ids.order(order_id)
        return None if found is None else found[1]

    def trade_id(self, execution: Execution) -> str:
        """A UUID."""
        return self.ids.of_fill(execution)

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterator[Frame]:
        """One frame for each state the change brings."""
        if not wants(ORDER):
            return
        seen = progress.now(order, self._config)
        for state in states_of(order, seen.state, fill):
            told = fill if state == "trade" else None
            yield Frame(
                event=ORDER,
                text=rows.my_order(seen, state, told, self.ids, order.updated),
                kind=kind,
                symbol=order.symbol,
                order_id=self.order_id(order),
                trade_id=self.trade_id(told) if told else None,
            )

    def holdings_frames(
        self, account: Account, _position: Position | None, reason: str, _change: Decimal, at: int
    ) -> Iterator[Frame]:
        """What the last change moved or locked."""
        moved = [account.balance(asset) for asset in account.touched or account.balances]
        asset_id = str(uuid5(NAMESPACE_OID, f"upbit:{account.api_key}"))
        yield Frame(event=ASSET, text=rows.my_asset(moved, asset_id, at), kind=reason)

    def algo_frames(self, _algo: AlgoOrder) -> Iterable[Frame]:
        """Nothing: reserved orders are orders like others here."""
        return ()

    def without_trade_id(self, frame: Frame, fill: Execution) -> Frame:
        """A fill without its id."""
        named = f'"trade_uuid": "{self.trade_id(fill)}"'
        text = frame.text.replace(named.replace(": ", ":"), '"trade_uuid":null')
        return replace(frame, text=text)


def states_of(order: Order, state: str, fill: Execution | None) -> tuple[str, ...]:
    """What a change is called; a fill may end its order."""
    if fill:
        return ("trade",) if order.is_open else ("trade", "done")
    if order.status == states.EXPIRED_IN_MATCH:
        return ("prevented", "cancel")
    return (state,)
