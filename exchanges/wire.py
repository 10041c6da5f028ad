"""
Strict reading of what exchanges send: JSON text in, checked values out.

Policy: an exchange's bytes are hostile until read. Everything that cannot be read exactly is a
`MalformedMessage`, and nothing else ever leaves this module: bad UTF-8, depth bombs, NaN, 1e400,
duplicated keys, integers without end, wrong types, text a database cannot store. Amounts are
limited to what `numeric(38, 18)` holds, so that whatever is read can also be kept.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from exchanges.errors import MalformedMessage

#: What a JSON object is after `decode`; its values are checked one by one on reading.
Fields = dict[str, object]

ZERO = Decimal(0)

#: A private frame is under 2 KiB, the longest answer we ask for (1,000 trades) under 500 KiB.
FRAME_LIMIT = 1 << 20
#: A trade list of 1,000 rows is 300 KiB, all markets with their filters about 2 MiB.
ANSWER_LIMIT = 16 << 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = range(946_684_800_000, 4_102_444_800_000)  # the years 2000 to 2099
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,18})?")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,20}")
_WHOLE_DIGITS, _FRACTION_DIGITS = 20, 18
_ID_LIMIT = 1 << 64
_TEXT_LIMIT = 200


class _UnreadableError(ValueError):
    """Raised by the hooks of the JSON decoder."""


def _unique(pairs: list[tuple[str, object]]) -> Fields:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        msg = "duplicated key"
        raise _UnreadableError(msg)
    return fields


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not a number"
    raise _UnreadableError(msg)


_decoder = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique
)


def decode(raw: bytes | str, *, limit: int = FRAME_LIMIT) -> object:
    """Read JSON text exactly: numbers with a point become `Decimal`, never float.

    Raises MalformedMessage for whatever is not one complete JSON text of at most `limit`.
    """
    if len(raw) > limit:
        msg = f"longer than {limit}"
        raise MalformedMessage(msg, raw=raw[:limit])
    try:
        return _decoder.decode(raw.decode() if isinstance(raw, bytes) else raw)
    # ArithmeticError: an exponent Decimal refuses. RecursionError: nested without end.
    except (ValueError, ArithmeticError, RecursionError) as error:
        msg = f"not JSON: {type(error).__name__}"
        raise MalformedMessage(msg, raw=raw) from None


def an_object(value: object) -> Fields:
    """Take a JSON object."""
    if isinstance(value, dict):
        return value
    return _refuse("object", value)


def a_list(value: object) -> list[object]:
    """Take a JSON array."""
    if isinstance(value, list):
        return value
    return _refuse("array", value)


def text(fields: Fields, key: str) -> str:
    """Take a non-empty string that is printable (hence storable) and of sane length."""
    value = fields.get(key)
    if isinstance(value, str) and value and len(value) <= _TEXT_LIMIT and value.isprintable():
        return value
    return _refuse("text", value, key)


def optional_text(fields: Fields, key: str) -> str:
    """Take a string that may be absent, null or empty: then it is ""."""
    return text(fields, key) if fields.get(key) not in (None, "") else ""


def flag(fields: Fields, key: str) -> bool:
    """Take a boolean; absent is False."""
    value = fields.get(key, False)
    if value is True or value is False:
        return value
    return _refuse("boolean", value, key)


def identifier(fields: Fields, key: str) -> str:
    """Take a non-negative 64-bit number, told as a number or as its digits."""
    value = fields.get(key)
    if type(value) is int and 0 <= value < _ID_LIMIT:
        return str(value)
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) and int(value) < _ID_LIMIT:
        return value
    return _refuse("id", value, key)


def moment(fields: Fields, key: str) -> datetime:
    """Take a time given in milliseconds since 1970, between the years 2000 and 2099."""
    value = fields.get(key)
    if type(value) is int and value in _MILLISECONDS:
        seconds, rest = divmod(value, 1000)
        return _EPOCH + timedelta(0, seconds, rest * 1000)
    return _refuse("time", value, key)


def signed(fields: Fields, key: str) -> Decimal:
    """Take an amount of either sign, exact, that numeric(38, 18) can hold."""
    value = fields.get(key)
    if type(value) is str and (number := _plain_number(value)) is not None:
        return number
    if type(value) is int and -_ID_LIMIT < value < _ID_LIMIT:
        return Decimal(value)
    if isinstance(value, Decimal) and _is_storable(value):
        return value
    return _refuse("amount", value, key)


def amount(fields: Fields, key: str) -> Decimal:
    """Take an amount that cannot be negative."""
    value = signed(fields, key)
    return value if value >= ZERO else _refuse("amount of zero or more", value, key)


def optional_amount(fields: Fields, key: str) -> Decimal | None:
    """Take an amount for which absent, null, "" and zero all mean "there is none"."""
    if fields.get(key) in (None, ""):
        return None
    return amount(fields, key) or None


def optional_signed(fields: Fields, key: str) -> Decimal | None:
    """Take an amount of either sign that may be absent, null or ""; zero stays zero."""
    return None if fields.get(key) in (None, "") else signed(fields, key)


def milliseconds(at: datetime) -> int:
    """Turn an aware time into the exchange's milliseconds, exactly."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4096)  # zeros, round sizes and an order's own terms come again and again
def _plain_number(value: str) -> Decimal | None:
    return Decimal(value) if _PLAIN_NUMBER.fullmatch(value) else None


def _is_storable(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return (
        isinstance(exponent, int)
        and exponent >= -_FRACTION_DIGITS
        and value.adjusted() < _WHOLE_DIGITS
    )


def _refuse(wanted: str, value: object, key: str = "") -> NoReturn:
    msg = f"{key or 'message'}: expected {wanted}, got {type(value).__name__}"
    raise MalformedMessage(msg)
