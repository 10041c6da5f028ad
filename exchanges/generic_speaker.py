"""
An exchange of ccxt that behaves: our clock, our budget, our sending, and its own understanding.

Policy: as in `http_session`, ccxt addresses and signs and we send; here ccxt reads the answers as
well, for its unified calls. Each of its requests passes the budget with the cost ccxt's own table
gives it. An answer without content is no answer: ccxt would make an order full of None of it.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from exchanges import lean_ccxt
from exchanges.errors import OutcomeUnknown, TransientError
from exchanges.http_session import Answer, Signer
from exchanges.messages import MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.credentials import Credentials
    from exchanges.governor import Governor, Priority

#: when a row of a list was, and what it was: market, order, id
Listing = tuple[int, str, str, str]

_SHORTEST_TIMEOUT: Final = 0.05
#: ccxt's words for our market types, where its calls do not name a market
_KINDS: Final = {
    MarketType.SPOT: ("spot", None),
    MarketType.FUTURES: ("swap", "linear"),
    MarketType.COIN_FUTURES: ("swap", "inverse"),
}

#: which of the tables of markets an exchange may have are asked for
_TABLES: Final = frozenset({"spot", "swap", "future", "linear", "inverse"})

#: a nonce of fewer digits counts seconds
_MILLISECONDS: Final = 10**12
_LITTLE: Final = 5000

# At DEBUG they write every URL, and with it every signature.
for _name in ("ccxt.base.exchange", "ccxt.async_support.base.exchange"):
    logging.getLogger(_name).setLevel(logging.INFO)


class Clock:
    """How far our clock is ahead of the exchange's; shared by all who speak for an account."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._lock = threading.Lock()
        self._last_nonce = 0

    def nonce(self, told: int) -> int:
        """Let nonces grow where they are milliseconds: Kraken refuses one that does not.

        A clock measured anew may go back a little; one that was wrong may go back a lot.
        """
        with self._lock:
            if told >= _MILLISECONDS and 0 <= self._last_nonce - told < _LITTLE:
                told = self._last_nonce + 1
            self._last_nonce = told
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """On whose behalf something is asked, how urgently, and until when."""

    governor: Governor
    holder: str | None
    priority: Priority
    deadline: float
    changes_orders: bool = False

    def acquire(self, cost: float) -> None:
        """Take from the budget. Raises RateLimited or TransientError: nothing may be sent."""
        room = self.deadline - time.monotonic() - _SHORTEST_TIMEOUT
        self.governor.acquire(float(cost), self.priority, max(0.0, room), holder=self.holder)


class Manners:
    """What speaking by REST and streaming have in common; mixed in before ccxt's class."""

    clock: Clock
    options: dict[str, Any]
    has: dict[str, Any]
    #: scheme and host that replace the exchange's own; "" leaves them
    base_url: str

    def milliseconds(self) -> int:
        """Return the exchange's time, as far as it was measured."""
        return time.time_ns() // 1_000_000 - self.clock.offset_ms

    def seconds(self) -> int:
        """Return the exchange's time in seconds."""
        return self.milliseconds() // 1000

    def microseconds(self) -> int:
        """Return the exchange's time in microseconds."""
        return time.time_ns() // 1000 - self.clock.offset_ms * 1000

    def nonce(self) -> int:
        """Return the number ccxt signs with, which is a time."""
        exchange: Any = super()
        return self.clock.nonce(exchange.nonce())

    def prepare(self, credentials: Credentials | None, market_type: MarketType | None) -> None:
        """Take over an account's keys, and which markets calls without a market mean."""
        # it warns of what all markets' orders cost, and of orders a look-up may not find
        self._set_option("fetchOpenOrders", "warnWithoutSymbol", value=False)
        self._set_option("fetchOrder", "acknowledged", value=True)
        if market_type is not None:
            kind, sub_kind = _KINDS[market_type]
            self.options |= {"defaultType": kind}
            self.options |= {"defaultSubType": sub_kind} if sub_kind else {}
        self._trim_markets()
        # asked with signed requests, and about more than we need
        self.has["fetchCurrencies"] = False
        self.options["fetchMargins"] = False
        if credentials is not None:
            self._take_keys(credentials)

    def redirected(self, url: str) -> str:
        """Replace scheme and host; ccxt itself keeps the real ones, its error tables need them."""
        if not self.base_url:
            return url
        parts = urlsplit(url)
        return self.base_url + parts.path + (f"?{parts.query}" if parts.query else "")

    def _trim_markets(self) -> None:
        """Ask for no more tables of markets than are looked at, where the exchange has several."""
        told = self.options.get("fetchMarkets")
        if isinstance(told, dict) and isinstance(told.get("types"), list):
            kept = [name for name in told["types"] if name in _TABLES]
            self.options["fetchMarkets"] = {**told, "types": kept or told["types"]}

    def _set_option(self, method: str, name: str, *, value: bool) -> None:
        told = self.options.get(method)
        self.options[method] = {**(told if isinstance(told, dict) else {}), name: value}

    def _take_keys(self, credentials: Credentials) -> None:
        """Put three keys where the exchange wants them: some sign with a wallet's."""
        wanted = getattr(self, "requiredCredentials", {})
        places = (
            (("apiKey", "walletAddress"), credentials.api_key),
            (("secret", "privateKey"), credentials.api_secret),
            (("password", "uid", "accountId"), credentials.api_password),
        )
        for names, value in places:
            name = next((name for name in names if wanted.get(name)), names[0])
            setattr(self, name, value)


class Speaker(Manners, Signer):
    """Asks and orders, in ccxt's unified calls. Of one thread."""

    def __init__(
        self,
        *,
        clock: Clock,
        base_url: str,
        credentials: Credentials | None,
        market_type: MarketType | None,
    ) -> None:
        self.clock, self.base_url = clock, base_url
        Signer.__init__(self, "", "")
        self.enableRateLimit = True
        self.prepare(credentials, market_type)
        #: set before every call
        self.asking: Asking
        self.forget()

    def forget(self) -> None:
        """Forget the last call."""
        self.has_sent, self.last_status = False, 0
        self.asked_at: datetime | None = None
        self.last_headers: Mapping[str, str] = {}
        self.listed: frozenset[Listing] = frozenset()

    def filter_by_symbol_since_limit(self, array: Any, *arguments: Any, **named: Any) -> Any:
        """Note what was listed before ccxt leaves out other markets; called by ccxt."""
        exchange: Any = super()
        told = frozenset(
            (row["timestamp"], str(row.get("symbol")), str(row.get("order")), str(row.get("id")))
            for row in array
            if row.get("timestamp") is not None
        )
        self.listed = max(self.listed, told, key=len)
        return exchange.filter_by_symbol_since_limit(array, *arguments, **named)

    def throttle(self, cost: float | None = None) -> None:
        """Take what ccxt says a request costs from the budget; called by ccxt."""
        self.asking.acquire(1.0 if cost is None else cost)

    def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Any:
        """Send one request and return the JSON of the answer; called by ccxt."""
        ccxt: Any = self
        if self.asking.changes_orders and time.monotonic() >= self.asking.deadline:
            msg = "its time was over before it was sent"
            raise TransientError(msg)
        self.deadline = max(self.asking.deadline, time.monotonic() + _SHORTEST_TIMEOUT)
        self.has_sent = True
        sent = ccxt.prepare_request_headers(headers)
        outcome = super().fetch(self.redirected(url), method, sent, body)
        if not isinstance(outcome, Answer):
            raise self._unanswered("no answer: " + outcome.name, has_left=outcome.has_left)
        self.asked_at = self.asked_at or outcome.requested_at
        self.last_status, self.last_headers = outcome.status, outcome.headers
        return self._understand(outcome, url, method, (sent, body))

    def _understand(self, answer: Answer, url: str, method: str, sent: tuple[Any, Any]) -> Any:
        ccxt: Any = self
        text = answer.body.decode("utf-8", "replace")
        told = ccxt.parse_json(text)
        reason = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else ""
        headers = dict(answer.headers)
        ccxt.handle_errors(answer.status, reason, url, method, headers, text, told, *sent)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            ccxt.handle_http_status_code(answer.status, reason, url, method, text)
        if not isinstance(told, dict | list) or answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            nothing = "an answer without content"
            raise self._unanswered(nothing, has_left=True)
        return told

    def _unanswered(self, text: str, *, has_left: bool) -> TransientError | OutcomeUnknown:
        in_doubt = has_left and self.asking.changes_orders
        return OutcomeUnknown(text) if in_doubt else TransientError(text)


@cache
def speaker_of(exchange: str) -> Any:
    """Return the class that speaks for an exchange, by ccxt's name for it."""
    return type(f"Speaker_{exchange}", (Speaker, lean_ccxt.load(exchange)), {})


@cache
def described(exchange: str) -> Any:
    """Return an instance to look up what ccxt declares of an exchange; it asks nothing."""
    return lean_ccxt.load(exchange)({"number": str})
