"""
Cancelling from the admin: chosen orders, or all of a strategy, account, symbol or side.

Either page shows what would be cancelled and wants the number typed, so that nobody cancels more
than was seen. The requests are committed here and handed to the workers; no exchange is asked.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from exchanges.messages import Side
from tracking import tasks
from tracking.admin.ordering import may_order
from tracking.admin.repairs import Question, Shown, drawn, is_answered
from tracking.models import ExchangeAccount, OpenOrder, RequestSource, Strategy
from tracking.models.fields import choices
from tracking.selectors import SECRETS
from tracking.services.cancel_all import CancelFilter, accept_cancel_all, orders_to_cancel
from tracking.services.order_requests import accept_cancel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib import admin
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

CANCEL_ALL: Final = "tracking_openorder_cancel_all"
#: more orders than these are counted, but not drawn
MOST_SHOWN: Final = 200


class TypedCancelForm(forms.Form):
    """The word and the number, typed by whoever has seen the orders."""

    confirm = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    #: makes a form that is sent twice one request for each order
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, count: int, **options: Any) -> None:
        """`count`: how many orders are shown."""
        super().__init__(*args, **options)
        self.expected = f"CANCEL {count}"
        self.fields["confirm"].label = f"Type {self.expected}"

    def clean_confirm(self) -> str:
        """Refuse anything else: also the right number of a moment ago."""
        typed: str = self.cleaned_data["confirm"].strip()
        if typed != self.expected:
            message = f"expected {self.expected}: so many orders would be cancelled now"
            raise forms.ValidationError(message)
        return typed


class WhichForm(forms.Form):
    """Which orders; what is empty narrows nothing."""

    strategy = forms.ModelChoiceField(Strategy.objects.order_by("name"), required=False)
    account = forms.ModelChoiceField(
        ExchangeAccount.objects.defer(*SECRETS).order_by("name"), required=False
    )
    symbol = forms.CharField(max_length=64, required=False)
    side = forms.ChoiceField(choices=[("", "both"), *choices(Side)], required=False)

    def which(self) -> CancelFilter:
        """Give the filter; the form has to be valid."""
        told = self.cleaned_data
        return CancelFilter(
            strategy_id=told["strategy"].pk if told["strategy"] else None,
            account_id=told["account"].pk if told["account"] else None,
            symbol=told["symbol"].strip() or None,
            side=Side(told["side"]) if told["side"] else None,
        )


def cancel_chosen(
    page: admin.ModelAdmin[Any], request: HttpRequest, rows: QuerySet[OpenOrder]
) -> HttpResponse | None:
    """Cancel the orders chosen in a list, once their number was typed."""
    orders = list(rows.filter(cancel_requested_at__isnull=True))
    if not orders:
        told = "nothing to cancel: the orders have ended, or are being cancelled"
        page.message_user(request, told, messages.WARNING)
        return None
    form = TypedCancelForm(request.POST if is_answered(request) else None, count=len(orders))
    if not form.is_valid():
        question = Question(
            title="Cancel orders",
            action="cancel",
            rows=orders,
            shown=[_shown(order) for order in orders],
            form=form,
            button="Cancel these orders",
        )
        return drawn(page, request, question)
    stem = form.cleaned_data["key"].hex
    requests = [
        accept_cancel(order, key=f"admin-{stem}:{order.pk}", source=RequestSource.ADMIN)
        for order in orders
    ]
    _hand_on(page, request, [made.pk for made in requests])
    return None


def cancel_all(page: admin.ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Ask which orders, show them, and cancel them once their number was typed."""
    if not may_order(request):
        raise PermissionDenied
    asked = WhichForm(request.GET)
    which = asked.which() if asked.is_valid() else None
    by_owner = _living(which) if which else {}
    orders = [order for owned in by_owner.values() for order in owned]
    form = TypedCancelForm(request.POST or None, count=len(orders))
    if which is None or not orders or not form.is_valid():
        context = {
            **page.admin_site.each_context(request),
            "title": "Cancel all orders…",
            "opts": page.model._meta,
            "asked": asked,
            "form": form,
            "orders": _named(orders[:MOST_SHOWN]),
            "count": len(orders),
        }
        return TemplateResponse(request, "tracking/cancel_all.html", context)
    key = f"admin-{form.cleaned_data['key'].hex}"
    requests = [
        made
        for user_id in by_owner
        for made in accept_cancel_all(user_id, which, key=key, source=RequestSource.ADMIN)
    ]
    _hand_on(page, request, [made.pk for made in requests])
    return HttpResponseRedirect(reverse("admin:tracking_openorder_changelist"))


def _living(which: CancelFilter) -> dict[int, list[OpenOrder]]:
    """Give the orders that fit, by whose they are."""
    owners = OpenOrder.objects.order_by().values_list("account__user_id", flat=True).distinct()
    living = {user_id: orders_to_cancel(user_id, which) for user_id in sorted(owners)}
    return {user_id: orders for user_id, orders in living.items() if orders}


def _named(orders: Sequence[OpenOrder]) -> QuerySet[OpenOrder]:
    """Read them once more with what they belong to, without any account's secrets."""
    of = ("account", "strategy_account__strategy", "strategy_account__account")
    accounts = ("account", "strategy_account__account")
    secrets = [f"{account}__{secret}" for account in accounts for secret in SECRETS]
    named = OpenOrder.objects.filter(pk__in=[order.pk for order in orders]).select_related(*of)
    return named.defer(*secrets).order_by("pk")


def _hand_on(page: admin.ModelAdmin[Any], request: HttpRequest, ids: Sequence[int]) -> None:
    tasks.send_requests(ids)
    told = f"{len(ids)} order(s) are being cancelled: what becomes of it is under order requests"
    page.message_user(request, told, messages.SUCCESS)


def _shown(order: OpenOrder) -> Shown:
    facts = [
        ("account", order.account),
        ("belongs to", order.strategy_account or "no strategy: the residual"),
        ("filled", f"{order.filled_quantity:f} of {order.quantity:f}"),
    ]
    return Shown(title=str(order), facts=facts)
