"""Fields for what is written and never shown."""

from __future__ import annotations

from django import forms


def secret_field(label: str, *, help_text: str = "") -> forms.CharField:
    """Give a field that begins empty, whatever is stored."""
    kept = "Never shown again. Leave empty to keep what is stored."
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=f"{kept} {help_text}".strip(),
    )
