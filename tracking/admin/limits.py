"""
A strategy's use of an account, with the limits that stop it when it runs away.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator

from exchanges.messages import MarketType
from tracking.admin.base import WithoutSecrets
from tracking.admin.webhook_fields import SymbolsField
from tracking.models import StrategyAccount, Webhook

if TYPE_CHECKING:
    from django.http import HttpRequest

#: below these a limit would only be another way to switch the use off
LEAST: dict[str, int] = {"max_orders_per_minute": 1, "max_request_age": 1}
POSITIVE = ("max_order_notional", "max_daily_notional")


class UseForm(forms.ModelForm[StrategyAccount]):
    """A use; every limit that is given must be one."""

    allowed_symbols = SymbolsField(
        required=False,
        help_text="Unified symbols (BTC/USDT, BTC/USDT:USDT), one a line. Empty: all.",
    )

    class Meta:
        model = StrategyAccount
        fields: ClassVar = [
            "strategy",
            "account",
            "token",
            "is_active",
            "max_orders_per_minute",
            "max_order_notional",
            "max_daily_notional",
            "allowed_symbols",
            "max_request_age",
            "queue_when_full",
        ]
        help_texts: ClassVar = {
            "token": "Five of a-z and 0-9, which open the ids of its orders: keep it as it is.",
            "max_orders_per_minute": "Attempts, whatever became of them. Empty: no limit.",
            "max_order_notional": "In the quote asset of each market. Empty: no limit.",
            "max_daily_notional": "Sent in the last 24 hours, for each quote asset. Empty: none.",
            "max_request_age": "Seconds after which what has not been sent is not sent any more.",
            "queue_when_full": "Wait for room, a day at most, instead of being refused.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        """Let no limit be zero or less."""
        super().__init__(*args, **options)
        for name, least in LEAST.items():
            self.fields[name].validators.append(MinValueValidator(least))

    def clean(self) -> dict[str, Any]:
        """Refuse limits that are none, and symbols the account's market does not have."""
        cleaned = super().clean() or self.cleaned_data
        for name in POSITIVE:
            if (limit := cleaned.get(name)) is not None and limit <= 0:
                self.add_error(name, "expected more than zero; to stop it, switch it off")
        account = cleaned.get("account")
        if account is not None:
            is_spot = account.market_type == MarketType.SPOT.value
            self._refuse_foreign(cleaned.get("allowed_symbols") or [], is_spot=is_spot)
        return cleaned

    def _refuse_foreign(self, symbols: list[str], *, is_spot: bool) -> None:
        foreign = [symbol for symbol in symbols if (":" in symbol) == is_spot]
        if foreign:
            form = "BTC/USDT" if is_spot else "BTC/USDT:USDT"
            told = f"this account's symbols are written as {form}, not as {', '.join(foreign)}"
            self.add_error("allowed_symbols", ValidationError(told))


@admin.register(StrategyAccount)
class StrategyAccountAdmin(WithoutSecrets[StrategyAccount]):
    """Which strategy uses which account, and how far it may go."""

    form = UseForm
    accounts = ("account__",)
    list_display = (
        "strategy",
        "account",
        "token",
        "is_active",
        "max_orders_per_minute",
        "max_order_notional",
        "max_daily_notional",
        "queue_when_full",
    )
    list_select_related = ("strategy", "account")
    list_filter = ("is_active",)
    search_fields = ("strategy__name", "account__name", "token")
    autocomplete_fields = ("strategy", "account")
    ordering = ("strategy__name",)
    fieldsets: ClassVar = [
        (None, {"fields": ["strategy", "account", "token", "is_active"]}),
        (
            "Limits that stop a runaway",
            {
                "description": "They are looked at when an order is made, and hold however many "
                "are sent at once. Orders that can only reduce a position are not held up by "
                "their worth.",
                "fields": [
                    "max_orders_per_minute",
                    "max_order_notional",
                    "max_daily_notional",
                    "allowed_symbols",
                    "max_request_age",
                    "queue_when_full",
                ],
            },
        ),
    ]

    def has_delete_permission(
        self, request: HttpRequest, obj: StrategyAccount | None = None
    ) -> bool:
        """Keep what a live webhook is narrowed to: without it, it would order for all accounts."""
        if obj is not None and Webhook.objects.filter(uses=obj, revoked_at__isnull=True).exists():
            return False
        return super().has_delete_permission(request, obj)
