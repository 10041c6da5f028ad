"""What a request says: parameters of its query, or of its JSON body, as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from exchanges.simulator.bybit import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.call import Asked


def read(asked: Asked) -> dict[str, str]:
    """Parameters of the query, or of the JSON body; what JSON says without quotes, as text."""
    if asked.method == "GET" or not asked.body:
        return dict(parse_qsl(asked.query, keep_blank_values=True))
    body = decoded(asked.body)
    if not isinstance(body, dict):
        text = "the body is no JSON object"
        raise errors.bad_parameter(text)
    return as_texts(body)


def decoded(body: str) -> Any:
    """The JSON of a body with its numbers as they are written; None for what is no JSON."""
    try:
        return json.loads(body, parse_float=str, parse_int=str)
    except ValueError:
        return None


def as_texts(body: Mapping[Any, Any]) -> dict[str, str]:
    """Every parameter as a query would have it."""
    return {str(name): as_text(value) for name, value in body.items() if value is not None}


def as_text(value: object) -> str:
    """A value as a query would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
