"""
What needs a person: requests that asking could not settle, what each round told, and two answers.

Asking goes on meanwhile, and may settle a request while somebody looks at it; then it is gone from
here.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timesince import timesince

from tracking.admin.base import FactAdmin
from tracking.admin.repairs import (
    Question,
    ReasonForm,
    Shown,
    actor_of,
    ask,
    is_answered,
    may_repair,
)
from tracking.models import RequestInReview, RequestOutcome
from tracking.services import order_review
from tracking.services.unknown_submits import rounds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from tracking.models import Repair


class OrderForm(ReasonForm):
    """Which order it is, and why somebody believes so."""

    exchange_order_id = forms.CharField(
        max_length=64,
        label="The exchange's order id",
        help_text="It is asked for there; it must name our client order id, or none.",
    )
    field_order = ("exchange_order_id", "reason")


class _Asked(NamedTuple):
    """What a page asks for."""

    action: str
    title: str
    form: type[ReasonForm]


@admin.register(RequestInReview)
class RequestInReviewAdmin(FactAdmin[RequestInReview]):
    """Requests whose outcome nobody could tell within two minutes, the oldest first."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "created_at",
        "age",
        "action",
        "symbol",
        "account",
        "user",
        "client_order_id",
        "detail",
        "rounds",
    )
    list_select_related = ("account", "user")
    list_filter = ("action", "market_type", "account")
    search_fields = ("=client_order_id", "=exchange_order_id", "=symbol", "account__name")
    ordering = ("created_at",)
    fields: ClassVar = (
        "age",
        "action",
        "symbol",
        "account",
        "user",
        "source",
        "client_order_id",
        "exchange_order_id",
        "detail",
        "created_at",
        "sent_at",
        "what_asking_told",
    )
    readonly_fields = ("age", "what_asking_told")
    actions = ("settle_not_accepted", "settle_as_order")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestInReview]:
        """Show those that need a person."""
        rows = super().get_queryset(request)
        return rows.filter(outcome=RequestOutcome.NEEDS_REVIEW.value)

    @admin.display(description="age", ordering="-sent_at")
    def age(self, request: RequestInReview) -> str:
        """Say for how long nobody has known."""
        return timesince(request.sent_at or request.created_at, timezone.now())

    @admin.display(description="rounds kept")
    def rounds(self, request: RequestInReview) -> int:
        """Count what was kept of the asking."""
        return len(request.evidence)

    @admin.display(description="what asking told")
    def what_asking_told(self, request: RequestInReview) -> str:
        """Draw one line a round."""
        return drawn_rounds(request)

    @admin.action(description="It was not accepted…", permissions=["repair"])
    def settle_not_accepted(
        self, request: HttpRequest, rows: QuerySet[RequestInReview]
    ) -> HttpResponse | None:
        """Ask why, and give them up; one that appears later is brought back all the same."""
        return self._settle(
            request,
            list(rows),
            _Asked("settle_not_accepted", "Settle as not accepted", ReasonForm),
            lambda row, told: order_review.say_not_accepted(
                row, actor=actor_of(request), reason=told["reason"]
            ),
        )

    @admin.action(description="It is this order…", permissions=["repair"])
    def settle_as_order(
        self, request: HttpRequest, rows: QuerySet[RequestInReview]
    ) -> HttpResponse | None:
        """Ask which order it is, and why; the exchange is asked for that order."""
        chosen = list(rows)
        if len(chosen) > 1:
            self.message_user(request, "one request at a time is one order", messages.ERROR)
            return None
        return self._settle(
            request,
            chosen,
            _Asked("settle_as_order", "Settle as an order of the exchange", OrderForm),
            lambda row, told: order_review.say_which_order(
                row, told["exchange_order_id"], actor=actor_of(request), reason=told["reason"]
            ),
        )

    def _settle(
        self,
        request: HttpRequest,
        chosen: list[RequestInReview],
        asked: _Asked,
        settle: Callable[[Any, dict[str, Any]], Repair],
    ) -> HttpResponse | None:
        if not chosen:
            told = "nothing to settle: it has been settled since the list was drawn"
            self.message_user(request, told, messages.WARNING)
            return None
        question = Question(
            title=asked.title,
            action=asked.action,
            rows=chosen,
            shown=[_shown(row) for row in chosen],
            form=asked.form(request.POST if is_answered(request) else None),
            button="Settle",
        )
        return ask(self, request, question, settle)

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Offer the actions to those who may use them."""
        return may_repair(request)


def drawn_rounds(request: RequestInReview) -> str:
    """Draw what asking has told, one line a round."""
    return render_to_string("tracking/review_rounds.html", {"rounds": rounds_of(request)})


def _shown(request: RequestInReview) -> Shown:
    return Shown(
        title=str(request),
        facts=[
            ("account", request.account),
            ("sent", request.sent_at),
            ("why it is open", request.detail),
            ("what asking told", drawn_rounds(request)),
        ],
    )
