"""
Accounts and strategies: the only rows people edit here.

Keys are written, never shown: the form has fields for new ones and no field for those that are
kept. An edit writes only the columns it changed, because the same row carries the lease and the
sync's due time, which move every few seconds. A new key is looked at before its account is ACTIVE:
see `services.key_checks`.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.template.response import TemplateResponse

from exchanges import registry
from exchanges.errors import ExchangeError
from tracking.admin import keys
from tracking.admin.base import FactAdmin, WithoutSecrets, check_now, may_sync, sync_now
from tracking.admin.halts import shown_on
from tracking.admin.secret_fields import secret_field
from tracking.models import AccountDrain, AccountState, ExchangeAccount, Strategy
from tracking.services import halts, key_checks
from tracking.services.rehearsal import rehearse_sync

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

NEW_SECRETS = {"new_api_key": "api_key", "new_api_secret": "api_secret"}
#: asked for by some exchanges only (OKX: the passphrase)
NEW_PASSWORD = {"new_api_password": "api_password"}
#: a change of any of these makes it a key nobody has looked at
NAMES_A_KEY = {*NEW_SECRETS, *NEW_PASSWORD, "exchange", "market_type", "simulated"}
#: what such a change writes besides
CHECKED = ("permissions", "keys_checked_at", "state", "state_reason")


def _exchanges() -> list[tuple[str, list[tuple[str, str]]]]:
    """Offer the exchanges we have adapters for, then those ccxt speaks for."""
    return [
        ("With an adapter of their own", [(name, name.title()) for name in registry.names()]),
        ("Through ccxt.pro", [(name, name) for name in registry.generic_names()]),
    ]


class AccountForm(forms.ModelForm[ExchangeAccount]):
    """An account; both keys are needed once."""

    exchange = forms.ChoiceField(choices=_exchanges)
    new_api_key = secret_field("API key")
    new_api_secret = secret_field("API secret")
    new_api_password = secret_field("API passphrase, if the exchange has one")

    class Meta:
        model = ExchangeAccount
        fields: ClassVar = [
            "user",
            "name",
            "exchange",
            "market_type",
            "simulated",
            "position_mode",
            "state",
            "tracking_only",
            "max_open_orders",
        ]
        help_texts: ClassVar = {
            "state": "An account with a new key becomes ACTIVE once the key has been checked.",
            "tracking_only": "Everything is tracked, and nothing is sent.",
            "max_open_orders": "The exchange's limit, or one of your own. Above it orders are "
            "refused, or wait where their strategy queues. Empty: no limit.",
            "market_type": "One account is one market: add another for another.",
            "position_mode": "Read from the exchange when the account's books are opened.",
        }

    def clean(self) -> dict[str, Any]:
        """Ask for the keys of an account that has none; a half-changed pair is refused too.

        What the exchange does not have, the account itself refuses.
        """
        cleaned = super().clean() or self.cleaned_data
        given = [name for name in NEW_SECRETS if cleaned.get(name)]
        if len(given) == 1 or (not given and self.instance.pk is None):
            for name in NEW_SECRETS.keys() - set(given):
                self.add_error(name, "expected both the key and the secret")
        self._refuse_unchecked(cleaned.get("state"))
        return cleaned

    def clean_max_open_orders(self) -> int | None:
        """Refuse a limit that lets nothing rest."""
        limit: int | None = self.cleaned_data["max_open_orders"]
        if limit == 0:
            message = 'expected more than zero; to send nothing, tick "tracking only"'
            raise forms.ValidationError(message)
        return limit

    @property
    def has_new_key(self) -> bool:
        """Whether what was filled in has to be looked at by the exchange first."""
        return not NAMES_A_KEY.isdisjoint(self.changed_data)

    def _refuse_unchecked(self, state: str | None) -> None:
        """Nobody sets an account ACTIVE past the check of its key."""
        if state != AccountState.ACTIVE.value or self.has_new_key:
            return
        if reason := key_checks.may_be_set_active(self.instance):
            self.add_error("state", f'{reason}; use the action "Check the keys"')

    def save(self, commit: bool = True) -> ExchangeAccount:  # noqa: FBT001, FBT002  (Django's signature)
        """Take over the keys that were given."""
        for name, column in (NEW_SECRETS | NEW_PASSWORD).items():
            if value := self.cleaned_data[name]:
                setattr(self.instance, column, value)
        if self.has_new_key:
            key_checks.await_check(self.instance)
        return super().save(commit)


@admin.register(ExchangeAccount)
class AccountAdmin(WithoutSecrets[ExchangeAccount]):
    """Accounts, with who streams them and when they were last compared."""

    form = AccountForm
    accounts = ("",)
    list_display = (
        "name",
        "user",
        "exchange",
        "market_type",
        "simulated",
        "state",
        "tracking_only",
        "halted",
        "lease_owner",
        "synced_at",
    )
    list_select_related = ("user",)
    list_filter = ("exchange", "state", "simulated")
    search_fields = ("name", "user__username", "=id")
    date_hierarchy = "created_at"
    ordering = ("name",)
    readonly_fields = (
        "state_reason",
        "the_key",
        "keys_checked_at",
        "baseline_at",
        "lease_owner",
        "lease_epoch",
        "lease_until",
        "synced_at",
        "next_sync_at",
        "next_full_sync_at",
        "listen_key_refreshed_at",
        "reconnect_requested_at",
    )
    actions = ("sync_now", "rehearse_sync", "check_books", "check_keys")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExchangeAccount]:
        """Read along why an account is halted."""
        reason = halts.standing(OuterRef("pk")).order_by("set_at").values("reason")[:1]
        return super().get_queryset(request).annotate(halt_reason=Subquery(reason))

    @admin.display(description="halted")
    def halted(self, account: ExchangeAccount) -> SafeString:
        """Say whether new orders are sent."""
        return shown_on(account, reason=getattr(account, "halt_reason", None))

    @admin.display(description="what the key may do")
    def the_key(self, account: ExchangeAccount) -> SafeString:
        """Show what the exchange says of the key."""
        return keys.readable(account)

    @admin.action(description="Sync now", permissions=["sync"])
    def sync_now(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        """Compare with the exchange."""
        sync_now(self, request, accounts.values_list("pk", flat=True))

    @admin.action(description="Show what a sync would change", permissions=["sync"])
    def rehearse_sync(
        self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]
    ) -> HttpResponse | None:
        """Rehearse a sync of each account, and show the plans."""
        plans = []
        for account in accounts:
            try:
                plans.append((account, rehearse_sync(account.pk)))
            except ExchangeError as error:
                self.message_user(request, f"account {account.pk}: {error}", messages.ERROR)
        if not plans:
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "What a sync would change",
            "opts": self.model._meta,
            "plans": plans,
        }
        return TemplateResponse(request, "tracking/sync_plan.html", context)

    @admin.action(description="Check the books now", permissions=["sync"])
    def check_books(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        """Have the books proved; the result comes under "Books checks"."""
        check_now(self, request, accounts.values_list("pk", flat=True))

    @admin.action(description="Check the keys", permissions=["sync"])
    def check_keys(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        """Ask the exchanges what the keys may do; one that is good makes its account ACTIVE."""
        keys.check_now(self, request, accounts.values_list("pk", flat=True))

    def has_sync_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_sync(request)

    def save_model(
        self,
        request: HttpRequest,
        obj: ExchangeAccount,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        """Write the changed columns only, and have a new key checked once they are committed."""
        assert isinstance(form, AccountForm)  # noqa: S101  (declared above)
        if change:
            columns = NEW_SECRETS | NEW_PASSWORD
            written = {columns.get(name, name) for name in form.changed_data}
            obj.save(update_fields=written.union(CHECKED if form.has_new_key else ()))
        else:
            super().save_model(request, obj, form, change)
        if form.has_new_key:
            transaction.on_commit(partial(keys.check_now, self, request, [obj.pk]))


@admin.register(Strategy)
class StrategyAdmin(admin.ModelAdmin[Strategy]):
    """Strategies."""

    list_display = ("name", "user", "slug", "is_active", "created_at")
    list_select_related = ("user",)
    list_filter = ("is_active",)
    search_fields = ("name", "slug", "user__username")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    date_hierarchy = "created_at"
    ordering = ("name",)


@admin.register(AccountDrain)
class DrainAdmin(FactAdmin[AccountDrain]):
    """Who works through which inbox."""

    list_display = ("account", "owner", "until", "wanted")
    search_fields = ("account__name", "owner")
    ordering = ("account",)
