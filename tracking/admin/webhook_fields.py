"""Form fields for the lists of a webhook's template: one entry a line, kept as a JSON list."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, Final

from django import forms

_UNIFIED: Final = re.compile(r"[A-Z0-9]+/[A-Z0-9]+(:[A-Z0-9]+(-\d{6})?)?")


class LinesField(forms.CharField):
    """A list of words, written one a line, or separated by commas or blanks."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 40})

    def prepare_value(self, value: Any) -> Any:
        """Write a list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Read lines as a list. Raises ValidationError."""
        words = value if isinstance(value, list) else re.split(r"[\s,]+", value or "")
        return [self.checked(str(word)) for word in words if word]

    def checked(self, word: str) -> str:
        """Give the word as it is kept. Raises ValidationError."""
        return word

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, however they were written."""
        try:
            told: list[str] = self.to_python(data)
        except forms.ValidationError:
            return True
        return told != list(initial or [])


class SymbolsField(LinesField):
    """Unified symbols."""

    def checked(self, word: str) -> str:
        """Refuse what is no unified symbol."""
        symbol = word.upper()
        if not _UNIFIED.fullmatch(symbol):
            message = f"expected a unified symbol such as BTC/USDT or BTC/USDT:USDT, not {word}"
            raise forms.ValidationError(message)
        return symbol


class NetworksField(LinesField):
    """Addresses or networks of either version."""

    def checked(self, word: str) -> str:
        """Refuse what is neither."""
        try:
            return str(ip_network(word, strict=False)).removesuffix("/32").removesuffix("/128")
        except ValueError:
            message = f"expected an address or a network such as 10.0.0.0/8, not {word}"
            raise forms.ValidationError(message) from None
