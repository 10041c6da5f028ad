"""
Who asks: key, time and signature in `X-BAPI-` headers.

The signature is HMAC-SHA256 over timestamp, key, window, and the query or body exactly as they
came. A request is in time from `window` ms before the server's clock to a second after it.
Source: "Integration Guidance" of v5.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit.errors import bad_parameter, invalid_key, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.call import Asked

KEY: Final = "X-BAPI-API-KEY"
TIMESTAMP: Final = "X-BAPI-TIMESTAMP"
WINDOW: Final = "X-BAPI-RECV-WINDOW"
SIGNATURE: Final = "X-BAPI-SIGN"
DEFAULT_WINDOW: Final = "5000"
#: how far a client's clock may be ahead
AHEAD: Final = 1_000


def check(asked: Asked, accounts: Mapping[str, Account], now: int) -> Account:
    """The account whose request it is. Raises 10001, 10003, 10002 or 10004, in this order."""
    account = accounts.get(asked.headers.get(KEY, ""))
    if account is None:
        raise invalid_key()
    stamp = asked.headers.get(TIMESTAMP, "")
    window = asked.headers.get(WINDOW, DEFAULT_WINDOW)
    check_time(stamp, window, now)
    payload = asked.query if asked.method == "GET" else asked.body
    text = f"{stamp}{account.api_key}{window}{payload}"
    expected = hmac.new(account.api_secret.encode(), text.encode(), sha256).hexdigest()
    told = asked.headers.get(SIGNATURE, "")
    if not hmac.compare_digest(expected.encode(), told.lower().encode()):
        raise refusal(10004, "error sign! please check your signature generation algorithm.")
    return account


def check_time(stamp: str, window: str, now: int) -> None:
    """The request must be neither old nor from the future (10002)."""
    if not stamp.isdecimal() or not window.isdecimal():
        text = "invalid timestamp or recv_window"
        raise bad_parameter(text)
    if not now - int(window) <= int(stamp) < now + AHEAD:
        text = (
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now}],recv_window[{window}]"
        )
        raise refusal(10002, text)
