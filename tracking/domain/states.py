"""
The life of an order as a table: which status may follow which.

A working order's status is derived from what was filled (NEW or PARTIALLY_FILLED), so the table
only decides the turns that evidence has to make. Rows that surprise say why.

States that other systems and exchanges name, and where they are here:

* *created, submitting* are both PENDING: `OrderRequest.sent_at` says which; a submit whose outcome
  nobody knows is UNKNOWN.
* *untriggered*: a conditional order that rests is NEW, its `order_type` (STOP, TAKE_PROFIT, ...)
  says what it waits for. *Triggered* is NEW again: what it became has an id of its own and names
  its parent.
* *cancelling* is an overlay, a working order whose `cancel_requested_at` is set, so that a fill
  during the cancel is not masked by it. *Amending* is none: new terms come as statements.
* *lost, gap, external, overfilled* are no states but facts beside them: `next_verify_at`,
  `Transition.gap`, `strategy_account`, findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.messages import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

S = OrderStatus

TERMINAL = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED, S.FAILED})
IN_FLIGHT = frozenset({S.PENDING, S.UNKNOWN})
WORKING = frozenset({S.NEW, S.PARTIALLY_FILLED})

_ENDS = frozenset({S.FILLED, S.CANCELLED, S.EXPIRED})

#: Absent means impossible: `orders.merge` keeps the state and reports a finding.
SUCCESSORS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    # FAILED: our own checks refused it, or it was never sent. Every other: the answer to the submit
    # was overtaken by the stream. CANCELLED as well: fill-or-kill, or cancelled before it was seen
    S.PENDING: frozenset({S.UNKNOWN, S.NEW, S.PARTIALLY_FILLED, S.REJECTED, S.FAILED}) | _ENDS,
    # FAILED: proven never to have reached the exchange
    S.UNKNOWN: frozenset({S.NEW, S.PARTIALLY_FILLED, S.REJECTED, S.FAILED}) | _ENDS,
    # REJECTED after NEW happens in the real world (post-only checked late)
    S.NEW: frozenset({S.PARTIALLY_FILLED, S.REJECTED}) | _ENDS,
    # never back to NEW, which is an older word; REJECTED with fills is told as CANCELLED
    S.PARTIALLY_FILLED: _ENDS,
    S.FILLED: frozenset(),
    # the last fill was in flight when the cancel was confirmed, and it completes the order; fills
    # that do not complete it are booked, and the end stays
    S.CANCELLED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    # Bybit sends Rejected with fills; what filled was not rejected
    S.REJECTED: frozenset({S.FILLED, S.CANCELLED}),
    # a false failure: the exchange has it after all (hummingbot #3374, #6901), or had and refused
    S.FAILED: frozenset({S.NEW, S.PARTIALLY_FILLED, S.REJECTED}) | _ENDS,
}

#: Of two terminal statements with the same filled quantity the greater one wins.
TERMINAL_RANK: Mapping[OrderStatus, int] = {
    S.FAILED: 0,
    S.REJECTED: 1,
    S.EXPIRED: 2,
    S.CANCELLED: 3,
    S.FILLED: 4,
}


def is_terminal(status: OrderStatus) -> bool:
    """Say whether nothing more is expected of an order in this status."""
    return status in TERMINAL


def may_follow(before: OrderStatus, after: OrderStatus) -> bool:
    """Say whether the table allows this turn; staying is always allowed.

    An end by absence or failure is ours alone: once contradicted it turns as UNKNOWN does.
    """
    return before == after or after in SUCCESSORS[before]
