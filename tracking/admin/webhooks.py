"""
Webhooks of strategies, and what came by them.

A secret is made here, never typed in, and shown on one page after it was saved: no other page has
it. What a webhook authorises can be edited; its strategy, its kind and its secret cannot. A webhook
is revoked, not deleted: its deliveries are what makes a call count once.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.template.response import TemplateResponse
from django.urls import reverse

from exchanges.messages import Side
from tracking.admin.base import FactAdmin
from tracking.admin.webhook_fields import NetworksField, SymbolsField
from tracking.models import StrategyAccount, Webhook, WebhookDelivery, WebhookKind
from tracking.selectors import SECRETS
from tracking.services import webhook_issue

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

#: secrets between the save of their webhook and the one page that shows them
_to_be_shown: WeakKeyDictionary[Webhook, str] = WeakKeyDictionary()


class WebhookForm(forms.ModelForm[Webhook]):
    """A webhook and what it authorises."""

    allowed_symbols = SymbolsField(required=False, help_text="Unified, one a line; empty: all.")
    allowed_sides = forms.MultipleChoiceField(
        choices=[(side.value, side.value) for side in Side],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: both.",
    )
    allowed_ips = NetworksField(
        required=False,
        help_text="Addresses or networks calls may come from, one a line; empty: any. "
        "Behind a proxy TRUSTED_PROXIES has to be set.",
    )

    class Meta:
        model = Webhook
        fields: ClassVar = [
            "strategy",
            "name",
            "kind",
            "uses",
            "allowed_symbols",
            "allowed_sides",
            "max_order_notional",
            "max_orders_per_minute",
            "allowed_ips",
            "client_certificate",
        ]
        help_texts: ClassVar = {
            "kind": "HMAC: the caller signs each call. TOKEN: TradingView, which cannot.",
            "uses": "None: all accounts the strategy uses.",
            "max_order_notional": "In the quote asset of each market; empty: any.",
            "max_orders_per_minute": "Needed for a TOKEN; empty: any number.",
            "client_certificate": "The name (CN) a trusted proxy has to tell, such as "
            "“TradingView Webhooks”; empty: none is wanted.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the accounts of the strategy, once that is chosen; never with their secrets."""
        super().__init__(*args, **options)
        uses = StrategyAccount.objects.select_related("strategy", "account").defer(
            *(f"account__{name}" for name in (*SECRETS, "api_password"))
        )
        if self.instance.pk is not None:
            uses = uses.filter(strategy_id=self.instance.strategy_id)
        field = self.fields["uses"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  (a relation)
        field.queryset = uses

    def clean(self) -> dict[str, Any]:
        """Refuse a token without a rate, others' accounts, and a secret that nobody would try."""
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        strategy = cleaned.get("strategy") or getattr(self.instance, "strategy", None)
        if kind == WebhookKind.TOKEN.value and not cleaned.get("max_orders_per_minute"):
            self.add_error("max_orders_per_minute", "a token needs one, above 0")
        if strategy is not None and any(
            use.strategy_id != strategy.pk for use in cleaned.get("uses") or ()
        ):
            self.add_error("uses", "expected accounts that this strategy uses")
        notional = cleaned.get("max_order_notional")
        if notional is not None and notional <= 0:
            self.add_error("max_order_notional", "expected a number above 0")
        is_new = self.instance.pk is None
        if is_new and strategy is not None and not webhook_issue.has_room(strategy, kind):
            raise ValidationError(webhook_issue.TooManySecretsError.__doc__ or "")
        return cleaned


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin[Webhook]):
    """Webhooks, without their secrets."""

    form = WebhookForm
    list_display = (
        "name",
        "strategy",
        "kind",
        "max_orders_per_minute",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("strategy",)
    list_filter = ("kind", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "strategy__name", "strategy__slug")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    actions = ("make_another", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """Leave the secrets in the database."""
        return super().get_queryset(request).defer("secret", "token_hash")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Webhook | None = None
    ) -> tuple[str, ...]:
        """Whose it is and how its callers prove themselves stays as it was made."""
        del request
        if obj is None:
            return ()
        return ("strategy", "kind", "created_at", "last_used_at", "revoked_at")

    def has_delete_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """Webhooks are revoked."""
        del request, obj
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Webhook,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        """Make the secret of a new one; of an old one write what was edited only."""
        del request
        if not change:
            told = webhook_issue.issue(obj)
            _to_be_shown[obj] = told
            return
        columns = [name for name in form.changed_data if name != "uses"]
        if columns:
            obj.save(update_fields=columns)

    def response_add(
        self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, instead of going on to the list."""
        del post_url_continue
        return self._secret_page(request, obj, _to_be_shown.pop(obj))

    @admin.action(description="Make another one like it, to rotate", permissions=["add"])
    def make_another(
        self, request: HttpRequest, webhooks: QuerySet[Webhook]
    ) -> HttpResponse | None:
        """Make a second secret; the old one works until it is revoked."""
        chosen = list(webhooks[:2])
        if len(chosen) != 1:
            self.message_user(request, "choose one webhook", messages.ERROR)
            return None
        try:
            second, told = webhook_issue.rotate(chosen[0])
        except webhook_issue.TooManySecretsError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        self.log_addition(request, second, f"like webhook {chosen[0].pk}")
        return self._secret_page(request, second, told)

    @admin.action(description="Revoke for good", permissions=["change"])
    def revoke(self, request: HttpRequest, webhooks: QuerySet[Webhook]) -> None:
        """End what a secret is good for."""
        for webhook in webhooks:
            self.log_change(request, webhook, "revoked")
        count = webhook_issue.revoke(webhooks.values_list("pk", flat=True))
        self.message_user(request, f"{count} revoked")

    def _secret_page(self, request: HttpRequest, webhook: Webhook, told: str) -> HttpResponse:
        path = reverse("webhook", args=[webhook.strategy.slug])
        context = {
            **self.admin_site.each_context(request),
            "title": "The secret of a webhook",
            "opts": self.model._meta,
            "webhook": webhook,
            "address": request.build_absolute_uri(path),
            "secret": told,
            "is_token": webhook.kind == WebhookKind.TOKEN.value,
        }
        return TemplateResponse(
            request,
            "tracking/webhook_secret.html",
            context,
            headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(FactAdmin[WebhookDelivery]):
    """Calls that were accepted."""

    accounts = ()
    list_display = ("webhook", "key", "received_at")
    list_select_related: ClassVar = ["webhook__strategy"]
    search_fields = ("key", "webhook__name", "webhook__strategy__name")
    date_hierarchy = "received_at"
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Leave the secrets in the database."""
        return super().get_queryset(request).defer("webhook__secret", "webhook__token_hash")
