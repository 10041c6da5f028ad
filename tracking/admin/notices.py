"""
Channels of notices, to edit and to try out; and what was told.

The address of a channel is written, never shown: it holds tokens and passwords. An edit writes only
the columns it changed, because the channel's place in the journal moves every few seconds.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages

from tracking.admin.base import FactAdmin
from tracking.admin.secret_fields import secret_field
from tracking.models import Notice, NoticeChannel
from tracking.services import notices
from tracking.services.notice_addresses import why_refused

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class ChannelForm(forms.ModelForm[NoticeChannel]):
    """A channel; its address is needed once."""

    new_url = secret_field(
        "Address", help_text="As apprise writes it: tgram://…, discord://…, mailto://…, ntfy://…"
    )
    max_per_minute = forms.IntegerField(
        min_value=1, max_value=1000, initial=20, help_text="What is more is summed up in one."
    )

    class Meta:
        model = NoticeChannel
        fields: ClassVar = [
            "user",
            "name",
            "new_url",
            "is_active",
            "on_fill",
            "on_failure",
            "on_unknown",
            "on_stream_down",
            "on_drift",
            "on_key_expiring",
            "max_per_minute",
        ]

    def clean_new_url(self) -> str:
        """Refuse an address that nothing can be sent to."""
        url: str = self.cleaned_data["new_url"].strip()
        if not url and self.instance.pk is not None:
            return url
        if reason := why_refused(url):
            raise forms.ValidationError(reason)
        return url

    def save(self, commit: bool = True) -> NoticeChannel:  # noqa: FBT001, FBT002  (Django's signature)
        """Take over the address that was given."""
        if url := self.cleaned_data["new_url"]:
            self.instance.url = url
        return super().save(commit)


@admin.register(NoticeChannel)
class NoticeChannelAdmin(admin.ModelAdmin[NoticeChannel]):
    """Where users are told, and whether that works."""

    form = ChannelForm
    list_display = ("name", "user", "is_active", "max_per_minute", "last_error", "created_at")
    list_select_related = ("user",)
    list_filter = ("is_active",)
    search_fields = ("name", "user__username")
    ordering = ("name",)
    readonly_fields = ("last_error", "created_at")
    actions = ("send_test",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoticeChannel]:
        """Leave the addresses in the database."""
        return super().get_queryset(request).defer("url")

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, channels: QuerySet[NoticeChannel]) -> None:
        """Have a test sent to each channel; what came of it is told there and under "Notices"."""
        for channel in channels:
            try:
                notices.ask_for_test(channel)
            except notices.ChannelIsOffError as error:
                self.message_user(request, f"{channel}: {error}", messages.ERROR)
            else:
                told = f"{channel}: a test is on its way; see Notices in a few seconds"
                self.message_user(request, told, messages.SUCCESS)

    def save_model(
        self,
        request: HttpRequest,
        obj: NoticeChannel,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        """Write the changed columns only; a new channel begins at the present."""
        if change:
            columns = {"url" if name == "new_url" else name for name in form.changed_data}
            obj.save(update_fields=columns)
            return
        notices.begin_at_present(obj)
        super().save_model(request, obj, form, change)


@admin.register(Notice)
class NoticeAdmin(FactAdmin[Notice]):
    """What was told to whom, and what was given up."""

    accounts = ()
    list_display = (
        "created_at",
        "channel",
        "kind",
        "title",
        "sent_at",
        "attempts",
        "given_up_at",
    )
    list_select_related = ("channel",)
    list_filter = ("kind",)
    search_fields = ("title", "text", "channel__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Leave the addresses in the database."""
        return super().get_queryset(request).defer("channel__url")
