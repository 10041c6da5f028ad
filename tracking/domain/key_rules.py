"""
What an API key may be allowed to do for us, judged from what the exchange says it may do.

A key is for trading and reading. One that can take money out of the account is refused, for a
stolen database must not become a stolen balance. What the exchange does not tell is no refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.questions import KeyPermissions

#: days before a key ends at which its user is warned, each once
EXPIRY_WARNINGS: Final = (14, 7, 1)

EXPIRES: Final = "the key expires at"
TELLS_NOTHING: Final = "the exchange does not tell what the key may do: look there yourself"
NOT_BOUND: Final = "the key is not bound to IP addresses: whoever has it may use it from anywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What follows for the account: `refusals` stop it, `warnings` are told."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    #: False also where the exchange does not tell
    lacks_trading: bool = False


def judge(told: KeyPermissions, now: datetime, *, owner_id: str = "") -> Judgement:
    """Judge a key. `owner_id` is whose key the account's books were opened with; "" if unknown."""
    return Judgement(
        refusals=tuple(_refusals(told, owner_id)),
        warnings=tuple(_warnings(told, now)),
        lacks_trading=_lacks_trading(told, now),
    )


def _lacks_trading(told: KeyPermissions, now: datetime) -> bool:
    """Binance ends a key's trading and leaves its reading; elsewhere the next sync is refused."""
    has_ended = told.expires_at is not None and told.expires_at <= now
    return told.can_trade is False or has_ended


def _refusals(told: KeyPermissions, owner_id: str) -> list[str]:
    is_anothers = bool(owner_id and told.owner_id and owner_id != told.owner_id)
    reasons = {
        "the key can withdraw: make one that cannot": told.can_withdraw,
        "the key can transfer: make one that cannot": told.can_transfer,
        "the key belongs to another user of the exchange than these books": is_anothers,
    }
    return [reason for reason, holds in reasons.items() if holds]


def _warnings(told: KeyPermissions, now: datetime) -> list[str]:
    known = (told.can_trade, told.can_withdraw, told.can_transfer, told.is_ip_bound)
    reasons = {
        TELLS_NOTHING: all(fact is None for fact in known),
        NOT_BOUND: told.is_ip_bound is False,
        "the key may not trade: the account is tracked, and nothing is sent": (
            _lacks_trading(told, now)
        ),
        expiry_text(told.expires_at): warning_due(told.expires_at, now) is not None,
    }
    return [reason for reason, holds in reasons.items() if holds]


def warning_due(expires_at: datetime | None, now: datetime) -> int | None:
    """Give which of `EXPIRY_WARNINGS` has been reached: the latest; None while there is time."""
    if expires_at is None:
        return None
    left = expires_at - now
    return min((days for days in EXPIRY_WARNINGS if left <= timedelta(days=days)), default=None)


def expiry_text(expires_at: datetime | None) -> str:
    """Say when a key ends."""
    return f"{EXPIRES} {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else ""
