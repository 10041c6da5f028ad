"""
The fields of one order in a webhook's body, each read by its kind.

Several names mean the same, as several senders spell them; two of them at once are refused, and so
is a name nobody knows: a misspelt `reduce_only` would otherwise open what it should close.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

Member = TypeVar("Member", bound="StrEnum")

#: what amounts may be: the columns are numeric(38,18)
WHOLE_DIGITS, PLACES = 20, 18
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?")
_LONGEST_AMOUNT = 60
_BOOLEANS = {"true": True, "false": False}


class Fields:
    """The fields of one object, taken one by one; whoever has taken all says `finish`."""

    def __init__(self, given: Any, *, index: int | None = None) -> None:
        """Raise WebhookRefused unless an object was given. null counts as not given."""
        self._index = index
        if not isinstance(given, dict):
            self.refuse("expected a JSON object")
        self._left: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }

    def refuse(self, detail: str) -> NoReturn:
        """Refuse this object. Raises WebhookRefused."""
        where = "" if self._index is None else f"order {self._index}: "
        raise WebhookRefused(WebhookRefusal.INVALID, where + detail, index=self._index)

    def take(self, *names: str) -> Any:
        """Take the value that goes by one of these names; None if there is none."""
        given = [name for name in names if name in self._left]
        if len(given) > 1:
            self.refuse(f"expected one of {' and '.join(given)}, not both")
        return self._left.pop(given[0]) if given else None

    def text(self, *names: str, longest: int = 64) -> str:
        """Take a text of visible ASCII; "" if there is none."""
        value = self.take(*names)
        if value is None:
            return ""
        if isinstance(value, Decimal):
            # an id or a name that happens to be a number
            value = str(value)
        if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            self.refuse(f"expected {names[0]} to be a text of printable ASCII")
        if len(value) > longest:
            self.refuse(f"expected {names[0]} to have at most {longest} characters")
        return value.strip()

    def amount(self, *names: str) -> Decimal | None:
        """Take an amount above zero, given as a number or as text."""
        value = self.take(*names)
        if value is None:
            return None
        if not isinstance(value, str | Decimal):
            self.refuse(f"expected {names[0]} to be a number")
        text = str(value).strip()
        if len(text) > _LONGEST_AMOUNT:
            self.refuse(f"expected {names[0]} to have at most {_LONGEST_AMOUNT} characters")
        if not _AMOUNT.fullmatch(text):
            self.refuse(f"expected {names[0]} to be a number above 0")
        return self._in_range(names[0], Decimal(text))

    def _in_range(self, name: str, amount: Decimal) -> Decimal:
        if amount <= 0:
            self.refuse(f"expected {name} to be a number above 0")
        if amount.adjusted() >= WHOLE_DIGITS or amount.adjusted() < -PLACES:
            self.refuse(f"expected {name} between 1e-{PLACES} and 1e{WHOLE_DIGITS}")
        if amount != round(amount, PLACES):
            self.refuse(f"expected {name} to have at most {PLACES} decimal places")
        return amount

    def flag(self, name: str) -> bool:
        """Take a yes or no; no if there is none."""
        value = self.take(name)
        if value is None:
            return False
        if isinstance(value, str):
            value = _BOOLEANS.get(value.strip().lower())
        if not isinstance(value, bool):
            self.refuse(f"expected {name} to be true or false")
        return value

    def choice(self, words: Mapping[str, Member], *names: str) -> Member | None:
        """Take one of these words, however it is capitalised."""
        word = self.text(*names).upper().replace("-", "_").replace(" ", "_")
        if not word:
            return None
        if word not in words:
            self.refuse(f"expected {names[0]} to be one of {', '.join(words)}")
        return words[word]

    def rest(self) -> dict[str, Any]:
        """Give what nobody has taken yet."""
        return dict(self._left)

    def finish(self, *ignored: str) -> None:
        """Refuse what nobody has taken, but for names that mean nothing to us."""
        left = sorted(name for name in self._left if name not in ignored)
        if left:
            # only our own words: a name may be long, or hold what should not be repeated
            shown = [name for name in left if re.fullmatch(r"\w{1,32}", name, re.ASCII)]
            told = f": {', '.join(shown[:5])}" if shown else ""
            self.refuse(f"there are fields nobody knows{told}")
