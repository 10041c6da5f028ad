"""
Reading a webhook's body: strict JSON, every number exact.

Refused, because two readers could understand it differently or none could: bytes that are not
UTF-8, NaN and infinity, a name given twice, numbers of absurd length, nesting without end.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn

from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_NUMBER = 60


def read_json(raw: bytes) -> Any:
    """Give what the body says, numbers as Decimal. Raises WebhookRefused."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8 at byte {error.start}")
    try:
        return json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        # its message would repeat nothing of the body: only what was expected, and where
        told = f"the body is not JSON: {error.msg} at character {error.pos}"
        _refuse(told)
    except RecursionError:
        _refuse("the body is nested too deeply")


def _refuse(detail: str) -> NoReturn:
    raise WebhookRefused(WebhookRefusal.UNREADABLE, detail) from None


def _number(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        message = f"the body has a number of more than {LONGEST_NUMBER} characters"
        _refuse(message)
    try:
        return Decimal(text)
    except InvalidOperation:
        _refuse("the body has a number nobody can read")


def _constant(name: str) -> NoReturn:
    message = f"the body has {name}, which is no JSON"
    _refuse(message)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        message = "the body gives a name twice in one object"
        _refuse(message)
    return read
