"""What Upbit says, in any order and any number of times, makes the same order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchanges import upbit_answers as answers
from exchanges.messages import MarketType, OrderReport, OrderStatus
from exchanges.registry import parse
from exchanges.wire import decode
from tracking.domain.evidence import Evidence
from tracking.domain.orders import merge

if TYPE_CHECKING:
    from tracking.domain.evidence import OrderState

FOLDER = Path(__file__).parents[2] / "data" / "upbit"
SPOT = MarketType.SPOT


def frame(name: str, **fields: object) -> Evidence:
    """Take what the inbox makes of a frame."""
    raw = json.loads((FOLDER / f"{name}.json").read_bytes(), parse_float=str) | fields
    (report,) = parse("UPBIT", "SPOT", json.dumps(raw))
    assert isinstance(report, OrderReport)
    return Evidence(
        statements=(report,), executions=(report.execution,) if report.execution else ()
    )


def answer(name: str, **fields: object) -> Evidence:
    """Take what a verification makes of an answer."""
    body = decode((FOLDER / f"rest_{name}.json").read_bytes())
    assert isinstance(body, dict)
    order = answers.order(
        body | fields, market_type=SPOT, requested_at=datetime(2024, 3, 19, tzinfo=UTC)
    )
    return Evidence(
        statements=(order,),
        executions=answers.executions(body | fields, market_type=SPOT),
        trades_complete=True,
    )


def outcome(evidence: tuple[Evidence, ...]) -> OrderState:
    state: OrderState | None = None
    for said in evidence:
        transition = merge(state, said)
        assert transition.findings == ()
        state = transition.after
    assert state is not None
    return state


LIMIT = (
    frame("myOrder__wait"),
    frame("myOrder__trade"),
    frame(
        "myOrder__trade",
        trade_uuid="second",
        volume="0.4",
        executed_volume="0.5",
        remaining_volume="0",
        executed_funds="45000000",
        trade_fee="18000",
        trade_timestamp=1710751599001,
        timestamp=1710751599020,
    ),
    frame("myOrder__done"),
)


@pytest.mark.parametrize("evidence", list(permutations(LIMIT)))
def test_a_limit_order_keeps_its_terms_however_its_fills_arrive(
    evidence: tuple[Evidence, ...],
) -> None:
    state = outcome((*evidence, *evidence))

    assert (state.status, state.filled_quantity) == (OrderStatus.FILLED, Decimal("0.5"))
    assert (state.price, state.quantity) == (Decimal(90000000), Decimal("0.5"))
    assert state.filled_quote == Decimal(45000000)
    assert sum(e.commission or 0 for e in state.executions if not e.voided) == Decimal(22500)


FUNDS = (
    frame("myOrder__funds_wait"),
    frame(
        "myOrder__funds_trade",
        volume="0.000066",
        executed_volume="0.000066",
        executed_funds="6666",
        trade_fee="3.333",
    ),
    frame("myOrder__funds_cancel"),
    answer("order__funds_cancelled"),
)


@pytest.mark.parametrize("evidence", list(permutations(FUNDS)))
def test_a_market_buy_that_ends_as_cancelled_is_filled_with_what_it_bought(
    evidence: tuple[Evidence, ...],
) -> None:
    state = outcome((*evidence, *evidence))

    assert (state.status, state.filled_quantity) == (OrderStatus.FILLED, Decimal("0.000099"))
    # it named funds: it has no quantity of its own, and no price
    assert (state.quantity, state.price) == (Decimal(0), None)
    live = [e for e in state.executions if not e.voided]
    assert sum(e.execution_quantity for e in live) == Decimal("0.000099")
    assert sum(e.commission or 0 for e in live) == Decimal("4.9995")


def test_a_market_buy_stays_alive_until_its_end_is_told() -> None:
    state = outcome(FUNDS[:2])

    assert state.status is OrderStatus.PARTIALLY_FILLED


def test_terms_told_by_a_fill_alone_are_completed_by_rest() -> None:
    state = outcome((frame("myOrder__trade"),))
    assert (state.price, state.quantity) == (None, Decimal("0.5"))

    state = outcome((frame("myOrder__trade"), answer("order__waiting")))

    assert (state.price, state.quantity) == (Decimal(90000000), Decimal("0.5"))
