"""The table of an order's life, row by row as the reference has it."""

from __future__ import annotations

from itertools import product

import pytest

from exchanges.messages import OrderStatus
from tracking.domain.states import (
    IN_FLIGHT,
    SUCCESSORS,
    TERMINAL,
    TERMINAL_RANK,
    WORKING,
    is_terminal,
    may_follow,
)

#: PENDING, UNKNOWN, NEW, PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED, REJECTED, FAILED
COLUMNS = (
    OrderStatus.PENDING,
    OrderStatus.UNKNOWN,
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.EXPIRED,
    OrderStatus.REJECTED,
    OrderStatus.FAILED,
)
TABLE = {
    OrderStatus.PENDING: "=xxxxxxxx",
    OrderStatus.UNKNOWN: " =xxxxxxx",
    OrderStatus.NEW: "  =xxxxx ",
    OrderStatus.PARTIALLY_FILLED: "   =xxx  ",
    OrderStatus.FILLED: "    =    ",
    OrderStatus.CANCELLED: "    x=   ",
    OrderStatus.EXPIRED: "    x =  ",
    OrderStatus.REJECTED: "    xx = ",
    OrderStatus.FAILED: "  xxxxxx=",
}


@pytest.mark.parametrize(("before", "after"), list(product(COLUMNS, COLUMNS)))
def test_a_turn_is_allowed_exactly_where_the_table_says(
    before: OrderStatus, after: OrderStatus
) -> None:
    assert may_follow(before, after) is (TABLE[before][COLUMNS.index(after)] != " ")


def test_every_status_has_a_row_and_one_class() -> None:
    assert set(SUCCESSORS) == set(OrderStatus) == IN_FLIGHT | WORKING | TERMINAL
    assert len(IN_FLIGHT) + len(WORKING) + len(TERMINAL) == len(OrderStatus)
    assert set(TERMINAL_RANK) == TERMINAL
    assert {status for status in OrderStatus if is_terminal(status)} == TERMINAL


def test_no_end_leads_to_a_lesser_one() -> None:
    told = TERMINAL - {OrderStatus.FAILED}

    assert all(
        TERMINAL_RANK[after] > TERMINAL_RANK[before]
        for before in told
        for after in SUCCESSORS[before]
    )
