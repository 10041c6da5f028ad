"""
Which conditional order an ordinary one came from.

A conditional order with a numbering of its own (`IdSpace.ALGO`) never fills: when it triggers it
becomes an ordinary order, and tells that one's number from then on, with its end for the last time.
So the child is told its parent whichever of the two was heard of first. No transaction writes
anything here unless a conditional order has triggered.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.messages import IdSpace
from tracking.models import ClosedOrder, OpenOrder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracking.services.order_records import Gathered

#: market type, symbol and number of a child
Child = tuple[str, str, str]


def name_parents(account_id: int, gathered: Iterable[Gathered]) -> None:
    """Write the parents that evidence tells into the rows of their children.

    Inside the transaction that holds the account's lock, after the orders were written.
    """
    for (market_type, symbol, child), parent in _children(gathered).items():
        for kind in (OpenOrder, ClosedOrder):
            kind.objects.filter(
                account_id=account_id,
                market_type=market_type,
                symbol=symbol,
                id_space=IdSpace.ORDER.value,
                exchange_order_id=child,
                parent_exchange_order_id=None,
            ).update(parent_exchange_order_id=parent)


def _children(gathered: Iterable[Gathered]) -> dict[Child, str]:
    return {
        (item.market_type, item.symbol, told.child_order_id): item.exchange_order_id
        for item in gathered
        if item.id_space == IdSpace.ALGO.value and item.exchange_order_id is not None
        for told in item.evidence.statements
        if told.child_order_id is not None
    }
