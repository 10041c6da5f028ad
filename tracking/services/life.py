"""The life of one order as values: what happened, one entry each, and what the books hold now."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.services.order_search import OrderKey
    from tracking.services.payloads import Json, Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: str
    #: who said so: WS, REST_ORDER, a person
    source: str = ""
    text: str
    details: dict[str, Json] = field(default_factory=dict)
    #: as it was received, secrets struck out; "" where nothing was
    raw: str = ""

    def as_json(self) -> Payload:
        """Write it for programs."""
        told: Json = json.loads(self.raw) if _is_json(self.raw) else self.raw
        return {
            "at": self.at.isoformat(),
            "kind": self.kind,
            "source": self.source,
            "text": self.text,
            "details": self.details,
            "raw": told,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Everything that is known of one order."""

    key: OrderKey
    entries: list[Entry]
    #: what the books hold now: order, trade, executions, positions
    books: Payload

    def as_json(self) -> Payload:
        """Write it for programs."""
        return {
            "account": self.key.account_id,
            "order": self.key.label,
            "id_space": self.key.id_space,
            "exchange_order_id": self.key.exchange_order_id,
            "client_order_id": self.key.client_order_id,
            "entries": [entry.as_json() for entry in self.entries],
            "books": self.books,
        }


def milliseconds(begin: datetime, end: datetime) -> int:
    """Give what lies between two moments; of two clocks it may be less than zero."""
    return round((end - begin).total_seconds() * 1000)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
