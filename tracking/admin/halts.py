"""
Halts: adding one stops all that it names at once; lifting it is an action.

The form is saved outside of the admin's own transaction: a halt is one, with locks of its own.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from tracking.admin.base import WithoutSecrets
from tracking.models import Halt
from tracking.services import halts

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from tracking.models import ExchangeAccount


class HaltForm(forms.ModelForm[Halt]):
    """What is to stop, and why."""

    class Meta:
        model = Halt
        fields: ClassVar = ["account", "reason"]
        help_texts: ClassVar = {
            "account": "Empty: all accounts.",
            "reason": "Each refused order says it.",
        }

    def clean_reason(self) -> str:
        """Refuse an empty one."""
        return str(self.cleaned_data["reason"]).strip()


class StandingFilter(admin.SimpleListFilter):
    """Those that stand, where nothing is said."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer the two states."""
        del request, model_admin
        return [("standing", "standing"), ("lifted", "lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Halt]) -> QuerySet[Halt]:
        """Narrow the list."""
        del request
        if self.value() is None:
            return queryset
        return queryset.filter(lifted_at__isnull=self.value() == "standing")


@admin.register(Halt)
class HaltAdmin(WithoutSecrets[Halt]):
    """What is halted, and what was."""

    form = HaltForm
    list_display = ("what", "state", "reason", "set_by", "set_at", "lifted_by", "lifted_at")
    list_display_links = ("what",)
    list_filter: ClassVar = (StandingFilter,)
    search_fields = ("reason", "set_by", "account__name", "=account__id")
    autocomplete_fields = ("account",)
    date_hierarchy = "set_at"
    ordering = ("-set_at",)
    actions = ("lift",)

    @admin.display(description="what", ordering="account")
    def what(self, halt: Halt) -> str:
        """Name it."""
        return str(halt.account) if halt.account else "EVERYTHING"

    @admin.display(description="state")
    def state(self, halt: Halt) -> str:
        """Say whether it stands."""
        return "lifted" if halt.lifted_at else "HALTED"

    @admin.action(description="Lift: let new orders be sent again", permissions=["change"])
    def lift(self, request: HttpRequest, rows: QuerySet[Halt]) -> None:
        """Lift those that stand."""
        for halt in rows.filter(lifted_at__isnull=True):
            if halts.lift_halt(account_id=halt.account_id, actor=request.user.get_username()):
                self.log_change(request, halt, "lifted")
                self.message_user(request, f"{self.what(halt)} is not halted any more")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Draw and save the form, in no transaction around that of the halt."""
        # what Django's own does inside a transaction; its types do not name it
        draw = super()._changeform_view  # type: ignore[misc]
        answer: HttpResponse = draw(request, object_id, form_url, extra_context)
        return answer

    def save_model(
        self,
        request: HttpRequest,
        obj: Halt,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        """Halt."""
        del form, change
        reason, begun = obj.reason, timezone.now()
        halt = halts.set_halt(
            account_id=obj.account_id, reason=reason, actor=request.user.get_username()
        )
        obj.pk, obj.set_at, obj.reason = halt.pk, halt.set_at, halt.reason
        if halt.set_at < begun:
            told = f"it was halted already: {halts.in_words(halt, begun)}"
            self.message_user(request, told, messages.WARNING)

    def has_change_permission(self, request: HttpRequest, obj: Halt | None = None) -> bool:
        """What was halted stays told as it was; the permission is to lift."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Halt | None = None) -> bool:
        """What was halted stays told."""
        del request, obj
        return False


def shown_on(account: ExchangeAccount, *, reason: str | None) -> SafeString:
    """Say plainly that an account is halted, or offer to halt it."""
    if reason is not None:
        return format_html("<strong>HALTED: {}</strong>", reason)
    page = reverse("admin:tracking_halt_add")
    return format_html('<a href="{}?account={}">halt…</a>', page, account.pk)
