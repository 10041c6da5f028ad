"""
ccxt for signing and addressing, our own hands for sending.

Policy: one ccxt instance and one connection pool per thread (ccxt instances are not thread-safe,
and its sockets must not survive a fork); its own rate limiter and error classes stay unused. No
proxies from the environment, no redirects, no answer beyond a size, no call beyond its time. What
goes wrong leaves as one of our errors with no URL, no key and no signature in it or behind it.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from exchanges import lean_ccxt
from exchanges.errors import AuthenticationError, OutcomeUnknown, TransientError
from exchanges.wire import ANSWER_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.credentials import Credentials

#: How long after its timestamp a request may still be executed by the exchange.
RECEIVE_WINDOW_MS = 5000
_CHUNK = 1 << 16
#: what requests leaves alone in a URL, besides letters and digits
_SENT_AS_IT_IS = "!#$%&'()*+,/:;=?@[]~"

#: endpoints that ccxt's table does not list, by the names they would have: path, host, method
_UNLISTED: Final[Mapping[str, Mapping[str, tuple[str, str, str]]]] = {
    "binance": {
        "privatePutOrderAmendKeepPriority": ("order/amend/keepPriority", "private", "PUT"),
    },
}

# At DEBUG it writes every URL, and with it every signature.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as it came, with our own times around it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    requested_at: datetime
    received_at: datetime


class HttpSession:
    """Sends requests to one base URL. Safe to share between threads."""

    def __init__(
        self, production_url: str, base_url: str | None = None, *, signer: str = "binanceusdm"
    ) -> None:
        """`base_url` replaces `production_url` in what ccxt addresses; None leaves it.

        `signer` is ccxt's name of the exchange.
        """
        self._signer_name = signer
        self._production_url = production_url
        self._base_url = (base_url or production_url).rstrip("/")
        self._local = threading.local()
        self.clock_offset_ms = 0

    def call(
        self,
        endpoint: str,
        parameters: Mapping[str, object],
        *,
        credentials: Credentials | None,
        changes_orders: bool,
        timeout: float,
    ) -> Answer:
        """Call one of ccxt's raw endpoints by its name, e.g. "fapiPrivateGetOrder".

        Raises OutcomeUnknown if an order left and no answer came, TransientError if a question
        got no answer or nothing left, AuthenticationError if the keys cannot sign.
        """
        signer = self._signer()
        signer.apiKey = credentials.api_key if credentials else ""
        signer.secret = credentials.api_secret if credentials else ""
        signer.password = credentials.api_password if credentials else ""
        signer.options["timeDifference"] = self.clock_offset_ms
        signer.deadline = time.monotonic() + timeout
        outcome = _called(signer, endpoint, parameters)
        if isinstance(outcome, Answer):
            return outcome
        if isinstance(outcome, AuthenticationError):
            raise outcome
        # Raised here and not where it was caught: there the library's error, with the whole
        # URL in its text, would hang on ours as its context.
        failure: Failure = outcome
        kind = OutcomeUnknown if failure.has_left and changes_orders else TransientError
        msg = f"no answer: {failure.name}"
        raise kind(msg)

    def _signer(self) -> Signer:
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.pid = os.getpid()
            kind = signer_of(self._signer_name)
            self._local.signer = kind(self._production_url, self._base_url)
        signer: Signer = self._local.signer
        return signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no answer, in words that hold no secret."""

    name: str
    has_left: bool


class Signer:
    """The sending; mixed in before one of ccxt's exchanges, which addresses and signs."""

    apiKey: str  # noqa: N815 - ccxt's name
    secret: str
    password: str
    options: dict[str, object]

    def __init__(self, production_url: str, base_url: str) -> None:
        exchange: Any = super()
        exchange.__init__(
            {
                "enableRateLimit": False,
                "number": str,
                "options": {"recvWindow": RECEIVE_WINDOW_MS, "timeDifference": 0},
            }
        )
        self.deadline = 0.0
        self._redirect = (production_url, base_url)
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.mount("http://", HTTPAdapter(max_retries=0))
        self._http.mount("https://", HTTPAdapter(max_retries=0))

    def rawencode(self, *terms: Any) -> str:
        """Write a query down unencoded, as Bybit signs it, but for what cannot be sent so."""
        exchange: Any = super()
        return quote(exchange.rawencode(*terms), safe=_SENT_AS_IT_IS)

    def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Answer | Failure:
        """Send one request; called by ccxt with the signed URL or body."""
        requested_at = datetime.now(UTC)
        try:
            return self._send(url.replace(*self._redirect, 1), method, headers, body, requested_at)
        except requests.RequestException as error:
            return Failure(name=type(error).__name__, has_left=_has_left(error))
        except (HTTPError, OSError, ValueError) as error:
            return Failure(name=type(error).__name__, has_left=True)

    def _send(
        self,
        url: str,
        method: str,
        headers: dict[str, str] | None,
        body: str | None,
        requested_at: datetime,
    ) -> Answer | Failure:
        with self._http.request(
            method,
            url,
            data=body.encode() if body else None,
            # ccxt names itself as the broker of whoever signs with it
            headers={name: text for name, text in (headers or {}).items() if name != "Referer"},
            timeout=max(0.01, self.deadline - time.monotonic()),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = self._read(response)
            if content is None:
                return Failure(name="answer too long or too slow", has_left=True)
            return Answer(
                status=response.status_code,
                headers=response.headers,
                body=content,
                requested_at=requested_at,
                received_at=datetime.now(UTC),
            )

    def _read(self, response: Any) -> bytes | None:
        content = bytearray()
        # read1 returns what has come; waiting for a whole chunk would not see the deadline
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            content += chunk
            if len(content) > ANSWER_LIMIT or time.monotonic() > self.deadline:
                return None
        return bytes(content)


def _called(
    signer: Signer, endpoint: str, parameters: Mapping[str, object]
) -> Answer | Failure | AuthenticationError:
    """Let ccxt sign and our hands send; an error is not raised where the library's hangs on it."""
    method = getattr(signer, endpoint)
    try:
        outcome: Answer | Failure = method(dict(parameters))
    except Exception as error:  # noqa: BLE001 - whatever ccxt stumbles over in a key it cannot read
        return AuthenticationError(f"the request could not be signed: {type(error).__name__}")
    return outcome


@cache
def signer_of(exchange: str) -> type[Signer]:
    """Return ccxt's class of an exchange, with the sending replaced."""
    kind = lean_ccxt.load(exchange)
    unlisted = {
        name: lean_ccxt.endpoint(*where) for name, where in _UNLISTED.get(exchange, {}).items()
    }
    return type(f"Signer_{exchange}", (Signer, kind), unlisted)


def _has_left(error: requests.RequestException) -> bool:
    """Tell whether the request may have reached the exchange before this happened."""
    if isinstance(error, requests.ConnectTimeout):
        return False
    cause = error.args[0] if error.args else None
    return not (isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError))
