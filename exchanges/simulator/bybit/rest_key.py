"""
The key itself: what it may do, and what is said to it when it may not.

A key without addresses ends after a while, one that is bound to some does not unless it is told to.
Source: "Get API Key Information", "Error Codes" of v5.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit.endpoints import private
from exchanges.simulator.bybit.errors import expired_key, refusal

if TYPE_CHECKING:
    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.key_terms import KeyTerms

UID_DIGITS: Final = 100_000_000
DAY_MS: Final = 86_400_000


def check(terms: KeyTerms, now: int, *, changes: bool) -> None:
    """Refuse a key whose time is over (33004), and orders of one that may not trade (10005)."""
    if terms.has_expired(now):
        raise expired_key()
    if changes and not terms.can_trade:
        text = "Permission denied, please check your API key permissions."
        raise refusal(10005, text)


def uid(api_key: str) -> int:
    """The number of the user behind a key."""
    return UID_DIGITS + int.from_bytes(sha256(api_key.encode()).digest()[:4]) % UID_DIGITS


def granted(terms: KeyTerms) -> Json:
    """What a key may do, in Bybit's groups."""
    transfers = ["AccountTransfer", "SubMemberTransfer"] if terms.can_transfer else []
    trades = terms.can_trade
    return {
        "ContractTrade": ["Order", "Position"] if trades else [],
        "Spot": ["SpotTrade"] if trades else [],
        "Wallet": transfers + (["Withdraw"] if terms.can_withdraw else []),
        "Options": [],
        "Derivatives": ["DerivativesTrade"] if trades else [],
        "CopyTrading": [],
        "BlockTrade": [],
        "Exchange": [],
        "Earn": [],
        "FiatP2P": [],
        "FiatBybitPay": [],
        "Affiliate": [],
    }


def query_api(call: Call) -> Json:
    """GET user/query-api."""
    terms, number = call.account.permissions, uid(call.account.api_key)
    may_write = terms.can_trade or terms.can_withdraw or terms.can_transfer
    ends = datetime.fromtimestamp(terms.expires_at // 1000, UTC)
    left = max(0, terms.expires_at - call.exchange.clock.now()) // DAY_MS
    return {
        "id": str(number),
        "note": "simulated",
        "apiKey": call.account.api_key,
        "readOnly": int(not may_write),
        "secret": "",
        "permissions": granted(terms),
        "ips": ["127.0.0.1"] if terms.ip_bound else ["*"],
        "type": 1,
        "deadlineDay": left if terms.expires_at else -2,
        "expiredAt": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        "createdAt": "2025-01-01T00:00:00Z",
        "unified": 0,
        "uta": 1,
        "userID": number,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [private("user/query-api", "GET", query_api)]
