"""What a request says: parameters of its query or JSON body, some of which may come repeatedly."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from exchanges.simulator import amounts
from exchanges.simulator.upbit.errors import bad_parameter, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.call import Asked, Call
    from exchanges.simulator.market import Market


def parameters(asked: Asked) -> dict[str, str]:
    """Every parameter that comes once."""
    if not asked.body:
        return dict(parse_qsl(asked.query, keep_blank_values=True))
    try:
        found = json.loads(asked.body)
    except ValueError:
        return dict(parse_qsl(asked.body, keep_blank_values=True))
    if not isinstance(found, dict):
        return {}
    return {name: str(value) for name, value in found.items() if value is not None}


def several(call: Call, name: str) -> list[str]:
    """The values of `name[]`."""
    pairs = parse_qsl(call.asked.query, keep_blank_values=True)
    return [value for key, value in pairs if key in {f"{name}[]", name}]


def market_of(call: Call, name: str = "market") -> Market:
    """The market that is named."""
    found = call.exchange.engine.markets.get(required(call.params, name))
    if found is None or found.is_delisted:
        raise refusal(name="market_does_not_exist", status=404)
    return found


def required(params: Mapping[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = params.get(name, "")
    if not value:
        raise bad_parameter(name)
    return value


def amount(params: Mapping[str, str], name: str) -> Decimal:
    """A parameter that must be a number, and more than nothing."""
    value = amounts.parse(required(params, name))
    if value is None or value <= 0:
        raise bad_parameter(name)
    return value


def whole(params: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number within bounds."""
    text = params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise bad_parameter(name)
    return int(text)


def moment(params: Mapping[str, str], name: str) -> int | None:
    """A time in milliseconds, given as such or in ISO 8601 with an offset."""
    text = params.get(name, "")
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise bad_parameter(name) from None
    if found.tzinfo is None:
        raise bad_parameter(name)
    return int(found.timestamp() * 1000)
