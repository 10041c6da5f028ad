"""What frames and answers say, and how the past is told."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.simulator import answers, frames

if TYPE_CHECKING:
    from tests.unit.exchanges.simulator.conftest import Desk

#: every field of a production frame, in its order
FIELDS = [
    "s", "c", "S", "o", "f", "q", "p", "ap", "sp", "x", "X", "i", "l", "z", "L", "n", "N", "T", "t",
    "b", "a", "m", "R", "wt", "ot", "ps", "cp", "rp", "pP", "si", "ss", "V", "pm", "gtd", "er",
]  # fmt: skip


def test_an_order_frame_has_the_fields_of_production_in_their_order(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    new = json.loads(frames.order_trade_update(order, "NEW", None, order.status))
    desk.engine.fill_resting(order, Decimal("0.040"), 1)
    fill = order.executions[0]
    trade = json.loads(frames.order_trade_update(order, "TRADE", fill, order.status))

    assert list(new) == list(trade) == ["e", "T", "E", "o"]
    assert list(new["o"]) == list(trade["o"]) == FIELDS
    assert (trade["o"]["l"], trade["o"]["z"], trade["o"]["L"]) == ("0.040", "0.040", "59990.00")
    assert (trade["o"]["n"], trade["o"]["t"]) == ("0.47992000", fill.trade_id)
    assert (new["o"]["t"], new["o"]["n"]) == (0, "0")


def test_an_amended_order_is_told_with_its_new_terms(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    desk.engine.amend(order, Decimal("0.200"), Decimal("59980.00"))

    told = json.loads(frames.order_trade_update(order, "AMENDMENT", None, order.status))
    assert (told["o"]["q"], told["o"]["p"]) == ("0.200", "59980.00")


def test_answers_to_placing_do_not_tell_averages(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100")

    placed, queried = answers.placed(order), answers.queried(order, answers.progress(order))

    assert {"avgPrice", "cumQuote", "time"}.isdisjoint(placed)
    assert {"avgPrice", "cumQuote", "time"} <= set(queried)
    assert placed["cumQty"] == "0.100"


def test_an_acknowledgement_knows_no_fill(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100")
    told = answers.placed(order, acknowledged_only=True)
    assert (told["status"], told["executedQty"]) == ("NEW", "0")


def test_the_past_of_an_order_is_told_from_its_fills(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    desk.engine.fill_resting(order, Decimal("0.040"), 1)
    after_first = desk.time
    desk.engine.fill_resting(order, Decimal("0.060"), 1)

    assert answers.progress_at(order, order.created - 1) is None
    first = answers.progress_at(order, after_first)
    assert first is not None
    assert (first.status, first.executed) == ("PARTIALLY_FILLED", Decimal("0.040"))
    assert answers.progress_at(order, desk.time) == answers.progress(order)


def test_a_trade_row_keeps_every_digit(desk: Desk) -> None:
    order = desk.place(desk.account(), "SELL", "0.001")
    row = json.loads(answers.trade(order.executions[0], negative_commission=True))

    assert row["qty"] == "0.001"
    assert Decimal(row["quoteQty"]) == Decimal(row["price"]) * Decimal("0.001")
    assert row["commission"].startswith("-0.0")
    assert (row["buyer"], row["maker"], row["realizedPnl"]) == (False, False, "0")
