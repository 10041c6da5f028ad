"""
Why the books are what they are: the evidence of each turn, and the worth of each stream.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson
from django.contrib import admin
from django.utils.html import format_html

from tracking.admin.base import FactAdmin
from tracking.models import OrderEvidence, StreamQuality
from tracking.services import stream_quality

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

#: from this share of fills first seen by the stream on, how good that is and how it is drawn
GRADES = (
    (Decimal("0.99"), "good", "#2e7d32"),
    (Decimal("0.9"), "fair", "#b26a00"),
    (Decimal(0), "poor", "#c62828"),
)


def pretty(text: str) -> SafeString:
    """Draw JSON with its lines broken; what is none as it is."""
    with suppress(orjson.JSONDecodeError):
        text = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    return format_html("<pre>{}</pre>", text)


@admin.register(OrderEvidence)
class OrderEvidenceAdmin(FactAdmin[OrderEvidence]):
    """What was said of an order, and what that made of it; `manage.py explain` tells it in turn."""

    list_display = (
        "created_at",
        "account",
        "symbol",
        "exchange_order_id",
        "sources",
        "status_before",
        "status_after",
        "filled_after",
        "executions_added",
        "gap",
        "changed",
    )
    list_filter = ("changed", "status_after", "market_type")
    search_fields = ("=exchange_order_id", "=client_order_id", "=symbol", "account__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    readonly_fields = ("answers_of_rest",)

    @admin.display(description="answers")
    def answers_of_rest(self, row: OrderEvidence) -> SafeString | str:
        """Show what REST answered."""
        return pretty(row.answers) if row.answers else "-"


@admin.register(StreamQuality)
class StreamQualityAdmin(FactAdmin[StreamQuality]):
    """Hours of streams: how many fills each told first, and what it lost, repeated or mixed up."""

    list_display = (
        "hour",
        "account",
        "grade",
        "frames",
        "first_by_stream",
        "first_by_rest",
        "duplicates",
        "reorderings",
        "gaps",
        "mean_lag",
        "lag_max_ms",
    )
    search_fields = ("account__name",)
    date_hierarchy = "hour"
    ordering = ("-hour", "account")

    @admin.display(description="score")
    def grade(self, row: StreamQuality) -> SafeString | str:
        """Show the share of fills first seen by the stream, in a word and a colour."""
        score = stream_quality.score(row)
        if score is None:
            return "-"
        word, colour = next((word, colour) for least, word, colour in GRADES if score >= least)
        return format_html('<b style="color:{}">{} {}</b>', colour, score, word)

    @admin.display(description="mean lag (ms)")
    def mean_lag(self, row: StreamQuality) -> int | None:
        """Show how far receipt lags behind the exchange's clock."""
        return stream_quality.mean_lag_ms(row)
