"""
What was asked for and what became of it; refusals, to be tried again or dismissed.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from django import forms
from django.contrib import admin, messages
from django.utils.html import format_html_join

from tracking import tasks
from tracking.admin.base import FactAdmin
from tracking.admin.evidence import pretty
from tracking.admin.ordering import may_order
from tracking.admin.repairs import Question, ReasonForm, Shown, drawn, is_answered
from tracking.domain.refusals import words
from tracking.models import FailedOrder, OrderRequest
from tracking.services import failed_orders, waiting_queue
from tracking.services.order_intents import InvalidOrderError
from tracking.services.order_requests import RequestMismatchError

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


@admin.register(OrderRequest)
class OrderRequestAdmin(FactAdmin[OrderRequest]):
    """What was asked for, and what became of it."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "created_at",
        "action",
        "symbol",
        "account",
        "user",
        "source",
        "outcome",
        "priority",
        "detail",
        "client_order_id",
        "sent_at",
        "answered_at",
    )
    list_select_related = ("account", "user")
    list_filter = ("outcome", "action", "source", "market_type")
    search_fields = (
        "=idempotency_key",
        "=exchange_order_id",
        "=client_order_id",
        "=symbol",
        "account__name",
    )
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    exclude = ("body", "terms", "evidence")
    readonly_fields = ("asked", "what_is_sent", "what_was_changed", "what_asking_told", "refusal")

    actions = ("withdraw",)

    @admin.action(description="Withdraw what waits for room", permissions=["order"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[OrderRequest]) -> None:
        """Take requests out of the waiting queue; those that do not wait stay as they are."""
        actor = request.user.get_username()
        done = [row for row in rows if waiting_queue.withdraw(row, actor)]
        for row in done:
            self.log_change(request, row, "withdrawn")
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, f"{len(done)} request(s) withdrawn", level)

    def has_order_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_order(request)

    @admin.display(description="asked")
    def asked(self, request: OrderRequest) -> SafeString:
        """Show what was asked, without what was left empty."""
        return _drawn({name: value for name, value in request.body.items() if value is not None})

    @admin.display(description="what is sent")
    def what_is_sent(self, request: OrderRequest) -> SafeString:
        """Show the terms after the market's steps."""
        terms = {name: value for name, value in request.terms.items() if name != "changes"}
        return _drawn(terms)

    @admin.display(description="what the market's steps changed")
    def what_was_changed(self, request: OrderRequest) -> SafeString | str:
        """Show what differs from what was asked, in words."""
        changes = request.terms.get("changes") or []
        return format_html_join("", "<p>{}</p>", ((change,) for change in changes)) or "nothing"

    @admin.display(description="what asking has told")
    def what_asking_told(self, request: OrderRequest) -> SafeString | str:
        """Show the evidence of a submit whose outcome was in doubt."""
        return _drawn(request.evidence) if request.evidence else "nothing was in doubt"

    @admin.display(description="refusal")
    def refusal(self, request: OrderRequest) -> str:
        """Say why it was refused, and what helps."""
        failure = FailedOrder.objects.filter(request=request).first()
        return " ".join(words(failure.kind)) if failure else "none"


class RetryForm(ReasonForm):
    """Why, and what is to be another."""

    quantity = forms.CharField(max_length=60, required=False, help_text="Empty: as it was.")
    price = forms.CharField(max_length=60, required=False, help_text="Empty: as it was.")
    #: makes a form that is sent twice one request
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def changes(self) -> dict[str, str]:
        """Give what was filled in."""
        told = self.cleaned_data
        return {name: told[name].strip() for name in ("quantity", "price") if told[name].strip()}


class StateFilter(admin.SimpleListFilter):
    """Those nobody has dealt with, where nothing is said."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer what may have become of it."""
        del request, model_admin
        return [("retried", "tried again"), ("dismissed", "dismissed"), ("all", "all")]

    def choices(self, changelist: Any) -> Any:
        """Name the first one for what it is."""
        first, *others = super().choices(changelist)
        yield first | {"display": "to be dealt with"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[FailedOrder]
    ) -> QuerySet[FailedOrder]:
        """Narrow the list; a single one is found whatever its state."""
        del request
        match self.value():
            case None:
                return queryset.filter(failed_orders.OPEN)
            case "retried":
                return queryset.filter(retried_at__isnull=False)
            case "dismissed":
                return queryset.filter(dismissed_at__isnull=False)
            case _:
                return queryset


@admin.register(FailedOrder)
class FailedOrderAdmin(FactAdmin[FailedOrder]):
    """What was refused, in words, and what may be done about it."""

    accounts = ("account__", "request__strategy_account__account__")
    list_display = ("created_at", "what_happened", "reason", "code", "account", "request")
    list_select_related = (
        "account",
        "request__strategy_account__account",
        "request__strategy_account__strategy",
    )
    list_filter: ClassVar = (StateFilter, "kind")
    search_fields = ("=request__client_order_id", "=code", "reason", "account__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    readonly_fields = ("what_happened", "what_helps", "asked")
    actions = ("retry", "dismiss")

    @admin.display(description="what happened")
    def what_happened(self, failure: FailedOrder) -> str:
        """Say it in our words."""
        return words(failure.kind).what

    @admin.display(description="what helps")
    def what_helps(self, failure: FailedOrder) -> str:
        """Say what to do."""
        return words(failure.kind).advice

    @admin.display(description="asked")
    def asked(self, failure: FailedOrder) -> SafeString:
        """Show what was asked for."""
        return _drawn(failure.request.body)

    @admin.action(description="Try again…", permissions=["order"])
    def retry(self, request: HttpRequest, rows: QuerySet[FailedOrder]) -> HttpResponse | None:
        """Show what was asked, ask why and what to change, and ask for it anew."""
        chosen = list(rows)
        if not chosen:
            told = "nothing to try again: somebody has dealt with it"
            self.message_user(request, told, messages.WARNING)
            return None
        form = RetryForm(request.POST if is_answered(request) else None)
        if not form.is_valid():
            question = Question(
                title="Try again what was refused",
                action="retry",
                rows=chosen,
                shown=[_shown(failure) for failure in chosen],
                form=form,
                button="Try again",
            )
            return drawn(self, request, question)
        made = [new for failure in chosen if (new := self._retried(request, failure, form))]
        if made:
            tasks.send_requests([new.pk for new in made])
            self.message_user(request, f"{len(made)} order(s) are being sent again")
        return None

    @admin.action(description="Dismiss", permissions=["order"])
    def dismiss(self, request: HttpRequest, rows: QuerySet[FailedOrder]) -> None:
        """Put away what nobody has dealt with."""
        done = [failure for failure in rows if failed_orders.dismiss(failure)]
        for failure in done:
            self.log_change(request, failure, "dismissed")
        self.message_user(request, f"{len(done)} refusal(s) dismissed")

    def has_order_permission(self, request: HttpRequest) -> bool:
        """Offer the actions to those who may use them."""
        return may_order(request)

    def _retried(
        self, request: HttpRequest, failure: FailedOrder, form: RetryForm
    ) -> OrderRequest | None:
        key = f"admin-{form.cleaned_data['key'].hex}:{failure.pk}"
        try:
            made = failed_orders.retry(failure, key=key, changes=form.changes())
        except (failed_orders.NotRetriedError, InvalidOrderError, RequestMismatchError) as error:
            self.message_user(request, f"{failure}: {error}", messages.ERROR)
            return None
        self.log_change(request, failure, f"tried again: {form.cleaned_data['reason']}")
        return made


def _shown(failure: FailedOrder) -> Shown:
    request = failure.request
    told = {name: value for name, value in request.body.items() if value is not None}
    return Shown(
        title=str(request),
        facts=[
            ("account", failure.account),
            ("refused", " ".join(words(failure.kind))),
            ("told", failure.reason),
            *told.items(),
        ],
    )


def _drawn(told: object) -> SafeString:
    return pretty(orjson.dumps(told).decode())
