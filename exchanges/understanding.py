"""
What every adapter does with an answer before it believes it. Pure.

Policy: an answer that cannot be read, or is about something else than was asked, is as if none had
come. What an exchange says of a failure is shown without anything that may be a secret.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

from exchanges.errors import MalformedMessage, OutcomeUnknown, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.messages import OrderSnapshot
    from exchanges.questions import OrderRef

T = TypeVar("T")

#: API keys, secrets, tokens and signatures all look like this; nothing worth telling does.
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32,}")
_SHOWN: Final = 200
OTHER_ORDER: Final = "the answer is about another order"


def understood(reader: Callable[[], T]) -> T:
    """Read an answer to a question. Raises TransientError for what cannot be read."""
    try:
        return reader()
    except MalformedMessage as error:
        msg = f"unreadable answer: {error}"
        raise TransientError(msg) from None


def outcome(reader: Callable[[], T]) -> T:
    """Read the answer to an order of ours. Raises OutcomeUnknown for what cannot be read."""
    try:
        return reader()
    except MalformedMessage as error:
        msg = f"unreadable answer: {error}"
        raise OutcomeUnknown(msg) from None


def about(ref: OrderRef, snapshot: OrderSnapshot) -> OrderSnapshot:
    """Return `snapshot` if it is about `ref`. Raises TransientError: nothing was answered."""
    same_id = ref.exchange_order_id in (None, snapshot.exchange_order_id)
    same_name = ref.exchange_order_id or ref.client_order_id == snapshot.client_order_id
    if ref.symbol_id == snapshot.symbol_id and same_id and same_name:
        return snapshot
    raise TransientError(OTHER_ORDER)


def changed(ref: OrderRef, snapshot: OrderSnapshot) -> OrderSnapshot:
    """Return what a change of `ref` made of it. Raises MalformedMessage for another order.

    By its id alone: the name in such an answer may be that of the change.
    """
    if ref.symbol_id == snapshot.symbol_id and ref.exchange_order_id in (
        None,
        snapshot.exchange_order_id,
    ):
        return snapshot
    raise MalformedMessage(OTHER_ORDER)


def shown(text: str) -> str:
    """Make an exchange's words fit to be logged: printable, short, without secrets."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return _SECRET.sub("***", printable)[:_SHOWN].strip()
