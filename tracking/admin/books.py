"""
The proof of the books, green or red, and what positions need to know of markets.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import admin
from django.utils.html import format_html, format_html_join

from tracking.admin.base import FactAdmin, check_now, may_sync
from tracking.models import BooksCheck, CheckState, MarketTerms
from tracking.services.books import Line
from tracking.services.books.records import UNREAD

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

#: how each state is called and drawn
VERDICTS: Final = {
    CheckState.CLEAN: ("clean", "#2e7d32"),
    CheckState.VIOLATED: ("violated", "#c62828"),
    CheckState.UNREADABLE: ("exchange not read", "#b26a00"),
    CheckState.RUNNING: ("running", "#616161"),
}


def coloured(text: str, colour: str) -> SafeString:
    """Draw a verdict."""
    return format_html('<strong style="color: {}">{}</strong>', colour, text)


@admin.register(BooksCheck)
class BooksCheckAdmin(FactAdmin[BooksCheck]):
    """Checks of the books; the newest of each account first."""

    list_display = (
        "account",
        "verdict",
        "violations",
        "rows_checked",
        "with_exchange",
        "started_at",
        "finished_at",
    )
    list_filter = ("state", "with_exchange", "account")
    search_fields = ("account__name", "lines")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
    readonly_fields = ("verdict", "report")
    fields = (
        "account",
        "verdict",
        "with_exchange",
        "started_at",
        "finished_at",
        "rows_checked",
        "violations",
        "report",
    )
    actions = ("check_again",)

    @admin.display(description="verdict", ordering="state")
    def verdict(self, row: BooksCheck) -> SafeString:
        """Say it in colour."""
        return coloured(*VERDICTS[CheckState(row.state)])

    @admin.display(description="invariants")
    def report(self, row: BooksCheck) -> SafeString:
        """Draw one row an invariant, each violation below it."""
        lines = format_html_join("", "{}", ((_drawn(Line.from_json(told)),) for told in row.lines))
        return format_html("<table>{}</table>", lines)

    @admin.action(description="Check the books of these accounts now", permissions=["check"])
    def check_again(self, request: HttpRequest, checks: QuerySet[BooksCheck]) -> None:
        """Check again; the result is a row of its own."""
        check_now(self, request, checks.values_list("account_id", flat=True))

    def has_check_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may make us ask an exchange."""
        return may_sync(request)


def _drawn(line: Line) -> SafeString:
    state = CheckState.VIOLATED if line.violation_count else CheckState.CLEAN
    colour = VERDICTS[CheckState.UNREADABLE if line.invariant == UNREAD else state][1]
    return format_html(
        "<tr><th>{}</th><td>{} rows</td><td>{}{}</td></tr>",
        coloured(line.invariant, colour),
        line.rows_checked,
        line.says,
        _violations(line),
    )


def _violations(line: Line) -> SafeString | str:
    if not line.violation_count:
        return ""
    shown = format_html_join(
        "", "<li>{}: {}</li>", ((v.subject, v.detail) for v in line.violations)
    )
    more = line.violation_count - len(line.violations)
    return format_html(
        "<ul>{}{}</ul>", shown, format_html("<li>{} more</li>", more) if more else ""
    )


@admin.register(MarketTerms)
class MarketTermsAdmin(FactAdmin[MarketTerms]):
    """What one contract of a market is."""

    accounts = ()
    list_display = ("exchange", "market_type", "symbol", "base", "quote", "settle", "contract_size")
    list_select_related = False
    list_filter = ("exchange", "market_type", "settle")
    search_fields = ("=symbol", "=base", "=quote")
    ordering = ("exchange", "market_type", "symbol")
