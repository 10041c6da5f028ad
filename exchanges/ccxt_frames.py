"""
Reading the frames a `ccxt_websocket.CcxtStream` hands over. Pure: no ccxt is needed for it.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import generic_answers as answers
from exchanges.errors import MalformedMessage
from exchanges.messages import FillReport, Source
from exchanges.wire import an_object, decode, text

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport, MarketType, Message
    from exchanges.wire import Fields


def parse(market_type: MarketType, raw: bytes | str) -> list[Message]:
    """Read one frame. Raises MalformedMessage, which keeps `raw`, and nothing else."""
    try:
        return _messages(market_type, an_object(decode(raw)))
    except MalformedMessage as error:
        raise MalformedMessage(str(error), raw=raw) from None


def concerns_orders(market_type: MarketType, raw: bytes | str) -> bool:
    """Tell that it does: nothing but orders and fills is handed over, and what cannot be read."""
    del market_type, raw
    return True


def _messages(market_type: MarketType, envelope: Fields) -> list[Message]:
    if "order" not in envelope:
        trade = an_object(envelope.get("trade"))
        fill = answers.fill(envelope, trade, market_type, Source.WS)
        return [FillReport(execution=fill, event_at=fill.executed_at)]
    fills: list[ExecutionReport | None] = [*_fills_within(market_type, envelope)]
    return [answers.report(envelope, market_type, fill) for fill in fills or [None]]


def _fills_within(market_type: MarketType, envelope: Fields) -> list[ExecutionReport]:
    """Read the fills some exchanges tell within an order, as far as they are told wholly."""
    order = an_object(envelope["order"])
    order_id = text(order, "id")
    found = []
    for trade in answers.trades_within(order):
        try:
            found.append(answers.fill(envelope, trade, market_type, Source.WS, order_id))
        except MalformedMessage:
            # without an id of its own, for instance: REST tells it whole
            continue
    return found
