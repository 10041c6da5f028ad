"""
Orders as Binance USD-M answers them: one, many, and what became of one we sent. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import binance_answers as answers
from exchanges.binance_errors import understood
from exchanges.errors import MalformedMessage, OutcomeUnknown
from exchanges.messages import Source
from exchanges.wire import a_list

if TYPE_CHECKING:
    from exchanges.calls import Told
    from exchanges.messages import IdSpace, MarketType, OrderSnapshot


def one(told: Told, market_type: MarketType, id_space: IdSpace) -> OrderSnapshot:
    """Read the answer to a question about one order. Raises TransientError."""
    return understood(lambda: _snapshot(told.body, told, market_type, id_space))


def many(told: Told, market_type: MarketType, id_space: IdSpace) -> tuple[OrderSnapshot, ...]:
    """Read a list of orders. Raises TransientError."""
    return understood(
        lambda: tuple(_snapshot(row, told, market_type, id_space) for row in a_list(told.body))
    )


def _snapshot(
    body: object, told: Told, market_type: MarketType, id_space: IdSpace
) -> OrderSnapshot:
    return answers.read_order(
        body,
        market_type=market_type,
        id_space=id_space,
        requested_at=told.requested_at,
        source=Source.REST_ORDER,
    )


def done(told: Told, market_type: MarketType) -> OrderSnapshot:
    """Read the answer to an order of ours: unreadable means the outcome is not known."""
    try:
        return answers.order(
            told.body,
            market_type=market_type,
            requested_at=told.requested_at,
            source=Source.SUBMIT,
        )
    except MalformedMessage as error:
        msg = f"unreadable answer: {error}"
        raise OutcomeUnknown(msg) from None
