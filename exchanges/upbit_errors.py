"""
What Upbit's failures mean, from the HTTP status and the name in the body.

Policy: an order that may have reached the matching engine is `OutcomeUnknown` unless Upbit says by
name that it was refused. Orders and questions are counted by pocket, so a limit they meet stops
that pocket; prices and markets are counted by address, whose limit stops everybody.

Sources: docs.upbit.com, "Errors", "Rate limits", "Authentication" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from exchanges.errors import (
    AuthenticationError,
    ExchangeError,
    MalformedMessage,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.refusals import RefusalKind
from exchanges.understanding import shown
from exchanges.wire import ANSWER_LIMIT, decode

if TYPE_CHECKING:
    from exchanges.http_session import Answer

_TEAPOT: Final = 418
_TOO_MANY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, _TEAPOT})
#: the windows of Upbit's limits last one second
_WINDOW: Final = 1.0
#: a ban whose length could not be read; Upbit lengthens it for whoever goes on asking
_UNTOLD_BAN: Final = 60.0
#: the groups that are counted by address, as `Remaining-Req` names them
_BY_ADDRESS: Final = frozenset(
    {"market", "candles", "ticker", "trades", "orderbook", "crix-trades", "origin"}
)
_BY_NAME: Final[dict[str, type[ExchangeError]]] = {
    "order_not_found": OrderNotFound,
    "market_does_not_exist": UnknownSymbol,
    "invalid_market": UnknownSymbol,
    "too_many_requests": RateLimited,
    "too_many_request": RateLimited,
    "invalid_query_payload": AuthenticationError,
    "jwt_verification": AuthenticationError,
    "invalid_access_key": AuthenticationError,
    "expired_access_key": AuthenticationError,
    "no_authorization_ip": AuthenticationError,
    "no_authorization_i_p": AuthenticationError,
    "no_authorization_token": AuthenticationError,
    "out_of_scope": AuthenticationError,
}
#: what a refused order ran into, by how its name begins; most end in `_bid` or `_ask`
_KINDS: Final = (
    ("insufficient_funds", RefusalKind.INSUFFICIENT_FUNDS),
    ("under_min_total", RefusalKind.BELOW_MINIMUM),
    ("over_max_total", RefusalKind.ABOVE_MAXIMUM),
    ("over_krw_funds", RefusalKind.ABOVE_MAXIMUM),
    ("invalid_price", RefusalKind.WRONG_STEP),
    ("invalid_volume", RefusalKind.WRONG_STEP),
    ("under_price_limit", RefusalKind.PRICE_OUT_OF_BAND),
    ("over_price_limit", RefusalKind.PRICE_OUT_OF_BAND),
    ("market_offline", RefusalKind.MARKET_CLOSED),
    ("not_supported_ord_type", RefusalKind.NOT_OFFERED),
)
#: an identifier can be used once: an error that names it says that the order may be there
_IDENTIFIER: Final = "identifier"
#: a nonce is made for one request: if it was used, somebody on the way sent ours twice
_NOT_SURE: Final = frozenset({"nonce_used", "server_error"})
_GROUP: Final = re.compile(r"group=([a-z_-]{1,40})")
_SECONDS: Final = re.compile(r"([0-9]{1,6})\s*(?:seconds?\b|초)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """What an answer says went wrong, as far as it says it."""

    answer: Answer
    name: str
    text: str
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
    name, words = _name_and_text(body)
    is_good = answer.status in (HTTPStatus.OK, HTTPStatus.CREATED)
    if is_good and not name and isinstance(body, dict | list):
        return body
    raise _classified(
        _Failure(
            answer=answer,
            name=name,
            text=words or answer.body[:400].decode("utf-8", "replace"),
            changes_orders=changes_orders,
        )
    )


def is_by_address(limit: RateLimited) -> bool:
    """Tell whether a limit is that of the address. `code` is the group that was counted."""
    return limit.code in _BY_ADDRESS


def _classified(failure: _Failure) -> ExchangeError:
    """Name a failure. The order of the questions matters: bans first, then doubt, then names."""
    if failure.answer.status in _TOO_MANY or _BY_NAME.get(failure.name) is RateLimited:
        return _limited(failure)
    if _is_doubtful(failure):
        return _error(OutcomeUnknown if failure.changes_orders else TransientError, failure)
    refusal = OrderRefused if failure.changes_orders else PermanentError
    return _error(_BY_NAME.get(failure.name, refusal), failure)


def _limited(failure: _Failure) -> RateLimited:
    group = _GROUP.search(failure.answer.headers.get("Remaining-Req", ""))
    return RateLimited(
        _described(failure),
        code=group[1] if group else "",
        http_status=failure.answer.status,
        retry_after=_retry_after(failure),
    )


def _is_doubtful(failure: _Failure) -> bool:
    """Tell whether the order may have been done: no name at all, a server error, or said so."""
    return (
        not failure.name
        or failure.name in _NOT_SURE
        or (failure.changes_orders and _IDENTIFIER in failure.name)
        or failure.answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or failure.answer.status == HTTPStatus.REQUEST_TIMEOUT
    )


def _error(kind: type[ExchangeError], failure: _Failure) -> ExchangeError:
    if kind is OrderRefused:
        return OrderRefused(
            _described(failure),
            code=failure.name,
            http_status=failure.answer.status,
            kind=_refusal_kind(failure.name),
        )
    return kind(_described(failure), code=failure.name, http_status=failure.answer.status)


def _refusal_kind(name: str) -> RefusalKind:
    kinds = (kind for beginning, kind in _KINDS if name.startswith(beginning))
    return next(kinds, RefusalKind.OTHER)


def _described(failure: _Failure) -> str:
    return shown(f"HTTP {failure.answer.status} {failure.name} {failure.text}")


def _name_and_text(body: object) -> tuple[str, str]:
    """Take {"error": {"name": ..., "message": ...}} apart; old errors have a number for a name."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    name, words = error.get("name"), error.get("message")
    told = name if isinstance(name, str) else f"{name}" if type(name) is int else ""
    return shown(told).lower() or "unnamed", words if isinstance(words, str) else ""


def _retry_after(failure: _Failure) -> float:
    """Give the pause: a limit is over with its second, a ban when its text or header says."""
    told = failure.answer.headers.get("Retry-After", "")
    if told.isascii() and told.isdigit():
        return float(min(int(told), 4 * 86400))
    if failure.answer.status != _TEAPOT:
        return _WINDOW
    found = _SECONDS.search(failure.text)
    return float(found[1]) if found else _UNTOLD_BAN
