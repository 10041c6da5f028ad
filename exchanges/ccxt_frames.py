"""
Reading the frames a `ccxt_websocket.CcxtStream` hands over. Pure: no ccxt is needed for it.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import generic_answers as answers
from exchanges.errors import MalformedMessage
from exchanges.messages import OrderReport, Source, TradeHint
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
    """Tell whether a frame tells of an order, or cannot be read."""
    try:
        return any(isinstance(message, OrderReport) for message in parse(market_type, raw))
    except MalformedMessage:
        return True


def _messages(market_type: MarketType, envelope: Fields) -> list[Message]:
    if "order" not in envelope:
        trade = an_object(envelope.get("trade"))
        hint = TradeHint(
            market_type=market_type,
            symbol_id=text(envelope, "symbolId"),
            exchange_order_id=text(trade, "order"),
        )
        return [hint]
    fills: list[ExecutionReport | None] = [*_fills(market_type, envelope)]
    return [answers.report(envelope, market_type, fill) for fill in fills or [None]]


def _fills(market_type: MarketType, envelope: Fields) -> list[ExecutionReport]:
    """Read the fill that came with an order, or those its exchange tells within it."""
    order = an_object(envelope["order"])
    order_id = text(order, "id")
    if "trade" in envelope:
        trade = an_object(envelope["trade"])
        return [answers.fill(envelope, trade, market_type, Source.WS, order_id)]
    found = []
    for trade in answers.trades_within(order):
        try:
            found.append(answers.fill(envelope, trade, market_type, Source.WS, order_id))
        except MalformedMessage:
            # some exchanges list them without ids: REST tells them whole
            continue
    return found
