"""
What is said on the private socket: who wants to hear what, in which form.

A request is a list of objects: a ticket, one or more types or a method, a format. A good one is not
acknowledged. A new one takes the place of the one before. Sources: "WebSocket guide", "List
subscriptions", "My Order", "My Asset".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from exchanges.simulator.upbit.dialect import ASSET, ORDER

TYPES: Final = frozenset({ORDER, ASSET, "announcement"})
DEFAULT: Final = "DEFAULT"
LIST: Final = "JSON_LIST"
FORMATS: Final = frozenset({DEFAULT, LIST})


class RequestError(Exception):
    """The request is refused; `name` is the error's."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        super().__init__(name)
        self.name = name


@dataclass(slots=True)
class Subscription:
    """What one socket hears."""

    types: dict[str, list[str]] = field(default_factory=dict)
    format: str = DEFAULT

    def hear(self, text: str) -> str | None:
        """Take a request; returns what is answered. Raises RequestError."""
        parts = read(text)
        ticket = next((str(part["ticket"]) for part in parts if part.get("ticket")), "")
        if not ticket:
            raise RequestError(name="NO_TICKET")
        self._choose_format(parts)
        if any(part.get("method") == "LIST_SUBSCRIPTIONS" for part in parts):
            return json.dumps(self._listed(ticket))
        wanted = [part for part in parts if "type" in part]
        if not wanted:
            raise RequestError(name="NO_TYPE")
        self.types = dict(map(codes_of, wanted))
        return None

    def _choose_format(self, parts: list[dict[str, Any]]) -> None:
        for part in parts:
            if "format" in part:
                if part["format"] not in FORMATS:
                    raise RequestError(name="WRONG_FORMAT")
                self.format = part["format"]

    def _listed(self, ticket: str) -> dict[str, Any]:
        result = [
            {"type": name} | ({"codes": codes} if name == ORDER else {})
            for name, codes in self.types.items()
        ]
        return {"method": "LIST_SUBSCRIPTIONS", "result": result, "ticket": ticket}

    def wants(self, text: str) -> bool:
        """Whether a frame is about a market that was asked for."""
        codes = self.types.get(ORDER)
        if not codes or f'"type":"{ORDER}"' not in text:
            return True
        return any(f'"code":"{code}"' in text for code in codes)

    def formed(self, text: str) -> str:
        """A frame in the form that was asked for."""
        return f"[{text}]" if self.format == LIST else text


def read(text: str) -> list[dict[str, Any]]:
    """The objects of a request."""
    try:
        parts = json.loads(text)
    except ValueError:
        raise RequestError(name="WRONG_FORMAT") from None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise RequestError(name="WRONG_FORMAT")
    return parts


def codes_of(part: dict[str, Any]) -> tuple[str, list[str]]:
    """A type and its codes; none of them means all."""
    name, codes = part["type"], part.get("codes") or []
    if name not in TYPES or not isinstance(codes, list):
        raise RequestError(name="INVALID_PARAM")
    return name, [str(code) for code in codes]
