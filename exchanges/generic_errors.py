"""
What ccxt's exceptions mean, in our terms.

Policy: ccxt's classes are what it made of an exchange's codes, and they are not always right: a
plain `ExchangeError` is a code nobody has looked at (a rate limit among them), a 403 or 404 without
JSON counts as "not available", a wrong clock as a network error. So the HTTP status is looked at
first, then the class. An order that may have reached the exchange is `OutcomeUnknown` unless the
class says in so many words that it was refused; the same failure of a question is transient.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from exchanges import lean_ccxt
from exchanges.errors import (
    AuthenticationError,
    ClockSkewed,
    ExchangeError,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.generic_refusals import kind_of
from exchanges.understanding import shown

ccxt: Final[Any] = lean_ccxt.errors()

#: A block by a firewall ends by itself; asking on prolongs it.
_WAF_PAUSE: Final = 300.0
_TEAPOT: Final = 418
_LIMITS: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, _TEAPOT})
#: looked at from the top: special cases before what they derive from
_BY_CLASS: Final[tuple[tuple[type[Exception], type[ExchangeError]], ...]] = (
    (ccxt.RateLimitExceeded, RateLimited),
    (ccxt.DDoSProtection, RateLimited),
    (ccxt.InvalidNonce, ClockSkewed),
    (ccxt.AuthenticationError, AuthenticationError),
    (ccxt.OrderNotFound, OrderNotFound),
    (ccxt.OrderNotCached, OrderNotFound),
    (ccxt.BadSymbol, UnknownSymbol),
)
_REFUSALS: Final = (
    ccxt.InsufficientFunds,
    ccxt.InvalidOrder,
    ccxt.BadRequest,
    ccxt.OperationRejected,
    ccxt.ArgumentsRequired,
    ccxt.NotSupported,
    ccxt.InvalidAddress,
)
#: some exchanges' "no such order" is an invalid one to ccxt (Kraken: EOrder:Unknown order)
_NO_SUCH_ORDER: Final = re.compile(r"(?i)unknown order|order.{0,12}not (?:found|exist)")
#: a name used twice is an invalid order to ccxt, and may be that of our own
_USED_TWICE: Final = re.compile(r"(?i)duplicat|repeated|already (?:in use|used|exist)")
_URL: Final = re.compile(r"(?:https?|wss?)://\S+")


class MarketRequired(PermanentError):
    """This can be asked of one market at a time only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of the request that failed."""

    changes_orders: bool = False
    #: whether anything was sent at all
    has_sent: bool = True
    #: of the last answer; 0 where none came
    status: int = 0
    retry_after: float | None = None
    #: never to be repeated
    secrets: tuple[str, ...] = field(default=(), repr=False)


def classify(error: Exception, given: Circumstances | None = None) -> ExchangeError:
    """Name a failure; one of our own errors stays what it is."""
    if isinstance(error, ExchangeError):
        return error
    given = given or Circumstances()
    text = described(error, given.secrets)
    if limited := _limited(error, given, text):
        return limited
    if _NO_SUCH_ORDER.search(text) and isinstance(error, ccxt.ExchangeError):
        return OrderNotFound(text, http_status=given.status or None)
    kind = _kind(error, given, text)
    if kind is OrderRefused:
        refused = kind_of(error, text)
        return OrderRefused(text, http_status=given.status or None, kind=refused)
    return kind(text, http_status=given.status or None)


def described(error: Exception, secrets: tuple[str, ...] = ()) -> str:
    """Say what happened without URLs, keys and signatures."""
    text = _URL.sub("...", str(error))
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return f"{type(error).__name__}: {shown(text)}".rstrip(": ")


def _limited(error: Exception, given: Circumstances, text: str) -> RateLimited | None:
    is_block = given.status == HTTPStatus.FORBIDDEN and isinstance(error, ccxt.NetworkError)
    is_limit = isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection)
    if not (is_block or is_limit or given.status in _LIMITS):
        return None
    pause = _WAF_PAUSE if is_block else None
    return RateLimited(
        text,
        http_status=given.status or None,
        retry_after=given.retry_after if given.retry_after is not None else pause,
    )


def _kind(error: Exception, given: Circumstances, text: str) -> type[ExchangeError]:
    doubtful = OutcomeUnknown if given.changes_orders and given.has_sent else TransientError
    is_again = isinstance(error, _REFUSALS) and _USED_TWICE.search(text)
    if isinstance(error, ccxt.DuplicateOrderId) or (is_again and given.changes_orders):
        # it may be our own, sent by somebody who did not hear the answer
        return doubtful if given.changes_orders else PermanentError
    if given.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return doubtful
    for theirs, ours in _BY_CLASS:
        if isinstance(error, theirs):
            return ours
    if isinstance(error, ccxt.ArgumentsRequired) and not given.changes_orders:
        return MarketRequired
    if isinstance(error, _REFUSALS):
        return OrderRefused if given.changes_orders else PermanentError
    return doubtful
