"""
Repairs by hand: a page that shows what is there and asks why, and the list of what was done.

Each action goes by two steps: the page, and the same request again with its form filled in. What
may not be is told as a message; nothing of it is done then.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import AbstractBaseUser
from django.template.response import TemplateResponse

from tracking.admin.base import FactAdmin
from tracking.admin.evidence import pretty
from tracking.models import Repair, StrategyAccount
from tracking.services.repairs import RepairRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


#: the choice of no strategy; an empty one is no choice
RESIDUAL: Final = "residual"


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="Kept for ever with your name and what was there before and after.",
    )


class OwnerForm(ReasonForm):
    """Why, and to whom. Nothing is chosen beforehand: the residual is an answer like any other."""

    strategy_account = forms.TypedChoiceField(label="Belongs to")

    def __init__(self, *args: Any, account_id: int, **options: Any) -> None:
        """Offer the strategies that use the account, and none of them."""
        super().__init__(*args, **options)
        uses = StrategyAccount.objects.filter(account_id=account_id)
        by_id = {
            str(use.pk): use
            for use in uses.select_related("strategy", "account").defer(
                "account__api_key", "account__api_secret"
            )
        }
        field = self.fields["strategy_account"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101  (declared above)
        field.choices = [
            ("", "choose…"),
            (RESIDUAL, "no strategy: the residual"),
            *((pk, str(use)) for pk, use in by_id.items()),
        ]
        field.coerce = by_id.get
        self.order_fields(["strategy_account", "reason"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing the page shows before it is repaired."""

    title: str
    facts: Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a page asks before a repair."""

    title: str
    action: str
    rows: Sequence[Model]
    shown: Sequence[Shown]
    form: forms.Form
    #: said above the form
    warning: str = ""
    #: what goes with the form unseen, to notice that something has changed meanwhile
    hidden: Sequence[tuple[str, str]] = ()
    #: what the button says
    button: str = "Repair"


def is_answered(request: HttpRequest) -> bool:
    """Whether the page was filled in, and this is not the request that asks for it."""
    return "apply" in request.POST


def ask(
    page: admin.ModelAdmin[Any],
    request: HttpRequest,
    question: Question,
    repair: Callable[[Any, dict[str, Any]], Repair],
) -> HttpResponse | None:
    """Show the page until its form is valid; then repair row by row, and say what came of it."""
    if not (is_answered(request) and question.form.is_valid()):
        return drawn(page, request, question)
    for row in question.rows:
        try:
            done = repair(row, question.form.cleaned_data)
        except RepairRefusedError as error:
            page.message_user(request, f"{row}: {error}", messages.ERROR)
        else:
            page.message_user(request, f"{done.subject}: done, see repair {done.pk}")
    return None


def drawn(page: admin.ModelAdmin[Any], request: HttpRequest, question: Question) -> HttpResponse:
    """Draw the page that asks."""
    context = {
        **page.admin_site.each_context(request),
        "title": question.title,
        "opts": page.model._meta,
        "media": page.media,
        "question": question,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "tracking/repair.html", context)


def may_repair(request: HttpRequest) -> bool:
    """Whether this person may change books by hand."""
    return request.user.has_perm("tracking.add_repair")


def actor_of(request: HttpRequest) -> AbstractBaseUser:
    """Name who is signed in."""
    user = request.user
    assert isinstance(user, AbstractBaseUser)  # noqa: S101  (the admin lets nobody else in)
    return user


@admin.register(Repair)
class RepairAdmin(FactAdmin[Repair]):
    """What was put right by hand, by whom, and why."""

    list_display = ("created_at", "action", "subject", "account", "actor", "reason")
    list_filter = ("action",)
    search_fields = ("subject", "actor", "reason", "account__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields: ClassVar = (
        "created_at",
        "account",
        "action",
        "subject",
        "actor",
        "user",
        "reason",
        "was",
        "became",
    )
    readonly_fields = ("was", "became")

    @admin.display(description="before")
    def was(self, repair: Repair) -> SafeString:
        """Show what was there before."""
        return _drawn(repair.before)

    @admin.display(description="after")
    def became(self, repair: Repair) -> SafeString:
        """Show what was there after."""
        return _drawn(repair.after)


def _drawn(state: object) -> SafeString:
    return pretty(orjson.dumps(state).decode())
