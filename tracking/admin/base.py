"""
What the admin pages share.

Facts are looked at, never edited: only the write path may change them. Rows are fetched together
with the rows they name, but never with an account's secrets: decrypting them only to draw a list
would be slow, and would put them where nothing needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.db.models import Model

from exchanges.errors import ExchangeError
from tracking.selectors import SECRETS
from tracking.services.order_tracking import sync_open_orders
from tracking.tasks import check_books

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class WithoutSecrets(admin.ModelAdmin[Row]):
    """Rows that name an account, fetched without its secrets."""

    #: the ways from a row to accounts; "" where the row is one
    accounts: ClassVar[tuple[str, ...]] = ("account__",)
    list_select_related: ClassVar[bool | list[str] | tuple[str, ...]] = ("account",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Leave the secrets in the database."""
        paths = [f"{name}{secret}" for name in self.accounts for secret in SECRETS]
        return super().get_queryset(request).defer(*paths)


class FactAdmin(WithoutSecrets[Row]):
    """Something that happened: to be looked at."""

    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Facts come from exchanges."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Facts stay as they are."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Facts stay."""
        del request, obj
        return False


def may_sync(request: HttpRequest) -> bool:
    """Whether this person may make us talk to an exchange."""
    return request.user.has_perm("tracking.change_exchangeaccount")


def sync_now(admin_page: admin.ModelAdmin[Any], request: HttpRequest, ids: Iterable[int]) -> None:
    """Sync accounts one after the other and tell what came of each."""
    for account_id in ids:
        try:
            result = sync_open_orders(account_id, full=True, force=True)
        except ExchangeError as error:
            told, level = f"account {account_id}: {error}", messages.ERROR
        else:
            told, level = f"account {account_id}: {_outcome(result)}", messages.SUCCESS
        admin_page.message_user(request, told, level)


def check_now(admin_page: admin.ModelAdmin[Any], request: HttpRequest, ids: Iterable[int]) -> None:
    """Hand the check of these accounts' books to the workers."""
    accounts = sorted(set(ids))
    for account_id in accounts:
        check_books.delay(account_id=account_id)
    told = f"{len(accounts)} account(s) are being checked: look again in a moment"
    admin_page.message_user(request, told, messages.SUCCESS)


def _outcome(result: Any) -> str:
    if result.skipped:
        return "not tracked, so not synced"
    return f"{result.inserted} inserted, {result.updated} updated, {result.closed} closed"
