"""
Placing an order from the admin: a form, and the path every order takes.

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

from exchanges.messages import PositionSide, Side
from tracking import tasks
from tracking.models import RequestSource, StrategyAccount
from tracking.models.fields import choices
from tracking.selectors import SECRETS
from tracking.services.order_intents import PLACEABLE, TIMES, InvalidOrderError, OrderIntent
from tracking.services.order_requests import RequestMismatchError, Wanted, accept

if TYPE_CHECKING:
    from django.contrib import admin
    from django.http import HttpRequest, HttpResponse

    from tracking.models import OrderRequest

PLACE_ORDER: Final = "tracking_openorder_place"
#: what is no part of the intent
_ROUND_IT: Final = frozenset({"use", "priority", "key"})


def may_order(request: HttpRequest) -> bool:
    """Whether this person may place and cancel orders of any account."""
    return request.user.has_perm("tracking.add_orderrequest")


def _uses() -> Any:
    uses = StrategyAccount.objects.filter(is_active=True, strategy__is_active=True)
    secrets = [f"account__{secret}" for secret in SECRETS]
    return uses.select_related("strategy", "account").defer(*secrets).order_by("pk")


def _amount(told: str = "") -> forms.CharField:
    return forms.CharField(max_length=60, required=False, help_text=told)


class PlaceOrderForm(forms.Form):
    """One order; exactly one of quantity, quote quantity and percent."""

    use = forms.ModelChoiceField(StrategyAccount.objects.none(), label="For")
    symbol = forms.CharField(max_length=64, help_text="BTC/USDT, BTC/USDT:USDT")
    side = forms.ChoiceField(choices=choices(Side))
    order_type = forms.ChoiceField(
        choices=[(kind.value, kind.value) for kind in sorted(PLACEABLE)], initial="LIMIT"
    )
    quantity = _amount("In the base asset; of inverse futures in contracts.")
    quote_quantity = _amount("Or in the quote asset.")
    percent = _amount("Or of what is available; of the position where it is reduce-only.")
    price = _amount()
    stop_price = _amount("Where a STOP or TAKE_PROFIT order triggers.")
    time_in_force = forms.ChoiceField(
        choices=[(time.value, time.value) for time in sorted(TIMES)],
        initial="GTC",
        help_text="GTX: post-only.",
    )
    position_side = forms.ChoiceField(choices=choices(PositionSide), initial="NET")
    reduce_only = forms.BooleanField(required=False)
    priority = forms.IntegerField(min_value=-100, max_value=100, initial=0)
    #: makes a form that is sent twice one order
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer what is active."""
        super().__init__(*args, **options)
        field = self.fields["use"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (declared above)
        field.queryset = _uses()

    def clean(self) -> dict[str, Any]:
        """Read the order as every other way of ordering does."""
        told = super().clean() or self.cleaned_data
        body = {name: value for name, value in told.items() if name not in _ROUND_IT}
        if self.errors:
            return told
        try:
            told["intent"] = OrderIntent.from_body({k: v for k, v in body.items() if v != ""})
        except InvalidOrderError as error:
            raise forms.ValidationError(str(error)) from error
        return told

    def placed(self) -> OrderRequest:
        """Commit the request; the form has to be valid."""
        told = self.cleaned_data
        wanted = Wanted(
            use=told["use"],
            intent=told["intent"],
            key=f"admin-{told['key'].hex}",
            source=RequestSource.ADMIN,
            priority=told["priority"],
        )
        return accept([wanted])[0]


def place_order(page: admin.ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Ask for an order, commit it, hand it to the workers, and go where its outcome is shown."""
    if not may_order(request):
        raise PermissionDenied
    form = PlaceOrderForm(request.POST or None, initial={"use": request.GET.get("use")})
    made = _placed(form) if form.is_valid() else None
    if made is None:
        context = {
            **page.admin_site.each_context(request),
            "title": "Place an order…",
            "opts": page.model._meta,
            "form": form,
        }
        return TemplateResponse(request, "tracking/place_order.html", context)
    tasks.send_requests([made.pk])
    told = "the order is committed and is being sent: what becomes of it is shown here"
    page.message_user(request, told, messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:tracking_orderrequest_change", args=[made.pk]))


def _placed(form: PlaceOrderForm) -> OrderRequest | None:
    try:
        return form.placed()
    except RequestMismatchError:
        form.add_error(None, "this form has placed another order: reload it to place one more")
        return None
