"""
Keys of accounts on their pages: what they may do, in words, and the check of a new one.

The check asks the exchange, so it runs after the commit of the form and before its answer.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.utils.html import format_html, format_html_join

from tracking.services.key_checks import check_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from tracking.models import ExchangeAccount
    from tracking.services.key_checks import KeyVerdict

FACTS: Final = {
    "can_trade": "may trade",
    "can_withdraw": "may withdraw",
    "can_transfer": "may transfer",
    "is_ip_bound": "is bound to IP addresses",
}
ANSWERS: Final = {True: "yes", False: "no", None: "the exchange does not tell"}


def check_now(page: admin.ModelAdmin[Any], request: HttpRequest, ids: Iterable[int]) -> None:
    """Check keys one after the other and tell what came of each."""
    for account_id in ids:
        verdict = check_key(account_id)
        page.message_user(request, f"account {account_id}: {verdict.told}", _level(verdict))


def _level(verdict: KeyVerdict) -> int:
    if verdict.refused or verdict.unasked:
        return messages.ERROR
    return messages.WARNING if verdict.warnings else messages.SUCCESS


def readable(account: ExchangeAccount) -> SafeString:
    """Write what a key may do, and what we think of it, as lines."""
    if account.keys_checked_at is None:
        return format_html("{}", "not checked yet")
    return format_html_join("", "<div>{}: {}</div>", _lines(account.permissions))


def _lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [(name, ANSWERS[told.get(fact)]) for fact, name in FACTS.items()]
    lines.append(("expires at", told.get("expires_at") or "never, or the exchange does not tell"))
    if told.get("owner_id"):
        lines.append(("belongs to user", told["owner_id"]))
    lines += [("refused", told["refused"])] if told.get("refused") else []
    return lines + [("warning", text) for text in told.get("warnings", ())]
