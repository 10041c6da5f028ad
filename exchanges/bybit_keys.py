"""
What a Bybit API key may do, as Bybit tells it. Pure.

Policy: a key that only reads may do nothing else, whatever else is listed for it. Keys without
addresses expire (three months after they were made or last used); the others do not, and a date of
1970 says so.
Source: v5 "Get API Key Information" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from exchanges.bybit_calls import result
from exchanges.errors import MalformedMessage
from exchanges.messages import MarketType
from exchanges.questions import KeyPermissions
from exchanges.wire import a_list, an_object, identifier, optional_text

if TYPE_CHECKING:
    from exchanges.wire import Fields

#: what a key must be allowed to place orders, by market type: any of these
_TRADES: Final = {
    MarketType.SPOT: (("Spot", "SpotTrade"),),
    MarketType.FUTURES: (("ContractTrade", "Order"), ("Derivatives", "DerivativesTrade")),
    MarketType.COIN_FUTURES: (("ContractTrade", "Order"), ("Derivatives", "DerivativesTrade")),
}
_WITHDRAWS: Final = (("Wallet", "Withdraw"),)
#: what moves money to another account, or to somebody else
_TRANSFERS: Final = (
    ("Wallet", "AccountTransfer"),
    ("Wallet", "SubMemberTransfer"),
    ("Wallet", "SubMemberTransferList"),
    ("FiatP2P", "FiatP2POrder"),
    ("FiatBybitPay", "FaitPayOrder"),
)
_ANYWHERE: Final = frozenset({"", "*"})
_TIME: Final = re.compile(r"[0-9]{4}-[0-9-]{5}T[0-9:]{8}(?:\.[0-9]{1,6})?Z")
_NEVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


def permissions(body: object, market_type: MarketType) -> KeyPermissions:
    """Read what the key that asked may do. Raises MalformedMessage."""
    row = result(body)
    granted = an_object(row.get("permissions"))
    may_write = _may_write(row)
    return KeyPermissions(
        can_trade=may_write and _has_any(granted, _TRADES[market_type]),
        can_withdraw=may_write and _has_any(granted, _WITHDRAWS),
        can_transfer=may_write and _has_any(granted, _TRANSFERS),
        is_ip_bound=not _ANYWHERE.issuperset(map(str, a_list(row.get("ips") or []))),
        expires_at=_expiry(optional_text(row, "expiredAt")),
        owner_id=identifier(row, "userID"),
    )


def _may_write(row: Fields) -> bool:
    told = row.get("readOnly")
    if told not in (0, 1):
        msg = "readOnly: expected 0 or 1"
        raise MalformedMessage(msg)
    return told == 0


def _has_any(granted: Fields, wanted: tuple[tuple[str, str], ...]) -> bool:
    return any(name in a_list(granted.get(group) or []) for group, name in wanted)


def _expiry(told: str) -> datetime | None:
    if not told:
        return None
    try:
        at = datetime.fromisoformat(told) if _TIME.fullmatch(told) else None
    except ValueError:
        at = None
    if at is None:
        msg = "expiredAt: expected a time"
        raise MalformedMessage(msg)
    return at if at > _NEVER else None
