"""
Who is asking: API key, signature over the exact text that was sent, and the time of the request.

The payload is the query string followed by the form body, both as they came, without their
`signature` parameter; it is never re-encoded.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from exchanges.simulator.errors import UNAUTHORISED, ApiError, invalid_key, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account

DEFAULT_WINDOW: Final = 5_000
LONGEST_WINDOW: Final = 60_000
#: how far a client's clock may be ahead
AHEAD: Final = 1_000
SIGNATURE: Final = re.compile(r"(?:^|&)signature=([^&]*)")
KEY_FORMAT: Final = re.compile(r"[A-Za-z0-9_-]+")


def account_of(accounts: Mapping[str, Account], api_key: str | None) -> Account:
    """The account with this key. Raises -2014 for no key at all, -2015 for one nobody has."""
    if not api_key or not KEY_FORMAT.fullmatch(api_key):
        raise ApiError(-2014, "API-key format invalid.", status=UNAUTHORISED)
    found = accounts.get(api_key)
    if found is None:
        raise invalid_key()
    return found


def check_signature(account: Account, query: str, body: str) -> None:
    """HMAC-SHA256 over what was sent (-1022)."""
    match = SIGNATURE.search(body) or SIGNATURE.search(query)
    if match is None:
        msg = "signature"
        raise missing(msg)
    payload = SIGNATURE.sub("", query) + SIGNATURE.sub("", body)
    expected = hmac.new(account.api_secret.encode(), payload.encode(), sha256).hexdigest()
    if not hmac.compare_digest(expected, match[1].lower()):
        raise ApiError(-1022, "Signature for this request is not valid.")


def check_time(params: Mapping[str, str], now: int) -> None:
    """The request must be neither old nor from the future (-1021)."""
    stamp, window = params.get("timestamp", ""), params.get("recvWindow", str(DEFAULT_WINDOW))
    if not stamp.isdigit():
        msg = "timestamp"
        raise missing(msg)
    if not window.isdigit() or int(window) > LONGEST_WINDOW:
        raise ApiError(-1131, f"recvWindow must be less than {LONGEST_WINDOW}")
    if int(stamp) > now + AHEAD:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if int(stamp) < now - int(window):
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
