from __future__ import annotations

from dataclasses import replace

import pytest

from exchanges.messages import ExecutionKind, OrderStatus
from tests.unit.tracking.domain.builders import a_fill, a_snapshot
from tracking.services.verification import explained

TRADE, ADL, LIQUIDATION = ExecutionKind.TRADE, ExecutionKind.ADL, ExecutionKind.LIQUIDATION


@pytest.mark.parametrize(
    ("listed", "order", "booked"),
    [(TRADE, LIQUIDATION, LIQUIDATION), (ADL, TRADE, ADL), (TRADE, TRADE, TRADE)],
)
def test_a_fill_says_itself_why_it_happened_or_its_order_does(
    listed: ExecutionKind, order: ExecutionKind, booked: ExecutionKind
) -> None:
    snapshot = replace(a_snapshot(OrderStatus.FILLED, "1"), fill_kind=order)

    (fill,) = explained([a_fill(kind=listed)], snapshot)

    assert fill.kind is booked


def test_without_an_order_a_fill_is_what_it_says() -> None:
    fill = a_fill(kind=ADL)

    assert explained([fill], None) == [fill]
