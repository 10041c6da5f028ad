"""
What Binance's failures mean, from the HTTP status and the code in the body, never from the URL.

Policy: an order that may have reached the matching engine is `OutcomeUnknown` unless Binance says
in so many words that it was not done. The same failure of a question is only transient. "Duplicate"
(-4116, spot's text) proves that an order of this id is there: it is never a refusal of the first
send.

Sources: USD-M and spot "General Info" (HTTP return codes) and "Error Codes".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from exchanges.binance_refusals import kind_of
from exchanges.errors import (
    AuthenticationError,
    ClockSkewed,
    ExchangeError,
    ListenKeyGone,
    MalformedMessage,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.understanding import shown
from exchanges.wire import ANSWER_LIMIT, decode

if TYPE_CHECKING:
    from exchanges.http_session import Answer

TOO_MANY_ORDERS = "-1015"
DUPLICATE_CLIENT_ORDER_ID = "-4116"
#: what spot says instead, under the code of every refusal
_DUPLICATE_TEXT = "Duplicate order sent."
#: A block by the firewall ends by itself; asking on prolongs it.
WAF_PAUSE = 300.0

_TEAPOT = 418
_TOO_MANY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, _TEAPOT})
_NOT_DONE = frozenset({"-1008"})
_NOT_DONE_TEXT = "Service Unavailable."
#: -4083: of a batch of which some may have been placed
_NOT_SURE = frozenset({"-1000", "-1001", "-1006", "-1007", "-4083", DUPLICATE_CLIENT_ORDER_ID})
#: futures mean something else by -2026 than spot does
_REDUCE_ONLY_TEXT = "when reduceOnly"
_BY_CODE: dict[str, type[ExchangeError]] = {
    "-1002": AuthenticationError,
    "-1003": RateLimited,
    "-1008": TransientError,
    TOO_MANY_ORDERS: RateLimited,
    "-1021": ClockSkewed,
    "-1022": AuthenticationError,
    "-1121": UnknownSymbol,
    # spot: too many connections
    "-1034": RateLimited,
    "-1125": ListenKeyGone,
    # spot: no such key (any more)
    "-2008": AuthenticationError,
    "-2011": OrderNotFound,
    "-2013": OrderNotFound,
    "-2014": AuthenticationError,
    "-2015": AuthenticationError,
    # spot: archived, for it ended without a fill more than 90 days ago
    "-2026": OrderNotFound,
    # spot: no order has both of these ids
    "-2039": OrderNotFound,
    "-5028": ClockSkewed,
}
_UNTIL = re.compile(r"until ([0-9]{13})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What an answer says went wrong, as far as it says it."""

    status: int
    code: str
    text: str
    retry_after: float | None
    changes_orders: bool


def read_answer(answer: Answer, *, changes_orders: bool) -> object:
    """Return the JSON of a good answer.

    Raises what the answer means otherwise. A 200 without JSON in it proves nothing: transient for
    a question, unknown for an order.
    """
    try:
        body = decode(answer.body, limit=ANSWER_LIMIT)
    except MalformedMessage:
        body = None
    code, text = _code_and_text(body)
    if answer.status == HTTPStatus.OK and not code and isinstance(body, dict | list):
        return body
    raise classify(
        Failure(
            status=answer.status,
            code=code,
            text=text or answer.body[:400].decode("utf-8", "replace"),
            retry_after=_retry_after(answer, text),
            changes_orders=changes_orders,
        )
    )


def classify(failure: Failure) -> ExchangeError:
    """Name a failure. The order of the questions matters: bans first, then doubt, then codes."""
    if _is_limit(failure):
        return _limited(failure)
    if failure.code in _NOT_DONE or failure.text.strip().strip('"') == _NOT_DONE_TEXT:
        return _error(TransientError, failure)
    if _is_doubtful(failure):
        return _error(OutcomeUnknown if failure.changes_orders else TransientError, failure)
    known = None if _REDUCE_ONLY_TEXT in failure.text else _BY_CODE.get(failure.code)
    if known is None and failure.changes_orders:
        return _refused(failure)
    return _error(known or PermanentError, failure)


def error_in(row: object) -> ExchangeError | None:
    """Read what became of one order of several: None if it was done.

    The answer as a whole was good, so what a code says holds for this order alone.
    """
    code, text = _code_and_text(row)
    if not code:
        return None
    return classify(
        Failure(
            status=HTTPStatus.BAD_REQUEST,
            code=code,
            text=text,
            retry_after=None,
            changes_orders=True,
        )
    )


def _is_limit(failure: Failure) -> bool:
    waf = failure.status == HTTPStatus.FORBIDDEN and not failure.code
    return failure.status in _TOO_MANY or waf or _BY_CODE.get(failure.code) is RateLimited


def _limited(failure: Failure) -> RateLimited:
    pause = WAF_PAUSE if failure.status == HTTPStatus.FORBIDDEN else None
    return RateLimited(
        _describe(failure),
        code=failure.code,
        http_status=failure.status,
        retry_after=failure.retry_after if failure.retry_after is not None else pause,
    )


def _is_doubtful(failure: Failure) -> bool:
    """Tell whether the order may have been done: no code at all, a server error, or said so."""
    return (
        not failure.code
        or failure.code in _NOT_SURE
        or failure.text.strip() == _DUPLICATE_TEXT
        or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or failure.status == HTTPStatus.REQUEST_TIMEOUT
    )


def _refused(failure: Failure) -> OrderRefused:
    return OrderRefused(
        _describe(failure),
        code=failure.code,
        http_status=failure.status,
        kind=kind_of(failure.code, failure.text),
    )


def _error(kind: type[ExchangeError], failure: Failure) -> ExchangeError:
    return kind(_describe(failure), code=failure.code, http_status=failure.status)


def _describe(failure: Failure) -> str:
    return f"HTTP {failure.status} {failure.code} {shown(failure.text)}".replace("  ", " ").strip()


def _code_and_text(body: object) -> tuple[str, str]:
    """Take {"code": -1121, "msg": "..."} apart; success has no code, or a positive one."""
    if not isinstance(body, dict):
        return "", ""
    code, text = body.get("code"), body.get("msg")
    words = text if isinstance(text, str) else ""
    is_error = type(code) is int and -(10**6) < code < 0
    return (str(code), words) if is_error else ("", words)


def _retry_after(answer: Answer, text: str) -> float | None:
    told = answer.headers.get("Retry-After", "")
    if told.isascii() and told.isdigit():
        return float(min(int(told), 4 * 86400))
    if found := _UNTIL.search(text):
        return max(0.0, int(found[1]) / 1000 - answer.received_at.timestamp())
    return None
