"""
What the key of an account may do, as its exchange shows it; and how that is set by hand.

A key is good for trading unless it is said: bound to addresses, without withdrawals and transfers,
not expiring. Each exchange shows these few things in words of its own, and refuses what a key may
not do as it always does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from exchanges.simulator.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """The permissions of one key."""

    can_trade: bool = True
    can_withdraw: bool = False
    can_transfer: bool = False
    ip_bound: bool = True
    #: in milliseconds; 0: never
    expires_at: int = 0

    def may_trade(self, now: int) -> bool:
        """Whether orders are taken from this key at that time."""
        return self.can_trade and not self.has_expired(now)

    def has_expired(self, now: int) -> bool:
        """Whether its time is over."""
        return 0 < self.expires_at <= now


def changed(terms: KeyTerms, changes: Mapping[str, Any]) -> KeyTerms:
    """The permissions with some of them changed. Raises ControlError."""
    known = {each.name: type(each.default) for each in fields(KeyTerms)}
    for name, value in changes.items():
        if known.get(name) is not type(value):
            text = f"{name}: {value!r} will not do"
            raise ControlError(text)
    return replace(terms, **changes)


def shown(terms: KeyTerms) -> dict[str, Any]:
    """The permissions by name."""
    return asdict(terms)
