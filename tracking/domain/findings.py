"""What the core noticed and a person should see. Values, not exceptions: nothing blocks a fill."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AnomalyKind(StrEnum):
    """Why a person should look."""

    DRIFT = "DRIFT"
    FILL_GAP = "FILL_GAP"
    SUMS_DIFFER = "SUMS_DIFFER"
    LATE_FILL = "LATE_FILL"
    UNKNOWN_STATUS = "UNKNOWN_STATUS"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    OVERFILL = "OVERFILL"
    MALFORMED_FRAME = "MALFORMED_FRAME"
    QUARANTINED = "QUARANTINED"
    SAME_TRADE_ID = "SAME_TRADE_ID"
    IMPOSSIBLE_TRANSITION = "IMPOSSIBLE_TRANSITION"
    UNVERIFIED = "UNVERIFIED"
    UNVERIFIABLE = "UNVERIFIABLE"
    FALSE_FAILURE = "FALSE_FAILURE"
    FALSE_ABSENCE = "FALSE_ABSENCE"
    OVERSOLD = "OVERSOLD"
    BOOKS = "BOOKS"
    NOT_FOUND = "NOT_FOUND"
    AUTH_FAILED = "AUTH_FAILED"
    KEY_PERMISSIONS = "KEY_PERMISSIONS"
    NEEDS_REVIEW = "NEEDS_REVIEW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about one order; `detail` says what was seen, in plain words."""

    kind: AnomalyKind
    detail: str
