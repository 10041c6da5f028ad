"""
What Bybit's failures mean, from the code in the body and the HTTP status.

Policy: creating and cancelling are asynchronous, so a good answer only says that the request was
taken; a code says that it was not, except where Bybit does not know itself (timeouts and errors of
its servers, a name used twice: the first of the two may be ours). Most failures come as HTTP 200.
The same failure of a question is only transient. An order that does not exist is no failure of a
question at all: the list is empty.

Sources: v5 "Error Codes", "Rate Limit Rules" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from exchanges.bybit_refusals import kind_of
from exchanges.errors import (
    AuthenticationError,
    ClockSkewed,
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
from exchanges.understanding import shown
from exchanges.wire import ANSWER_LIMIT, decode

if TYPE_CHECKING:
    from exchanges.http_session import Answer
    from exchanges.wire import Fields

#: "terminate all HTTP sessions and wait for at least 10 minutes"
ADDRESS_PAUSE: Final = 600.0
#: limits of a user are counted by the second
HOLDER_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 10.0
_RESET_AT: Final = "X-Bapi-Limit-Reset-Timestamp"
#: an address' requests were too many, whatever the HTTP status
_ADDRESS_TOO_MANY: Final = frozenset({"403", "10018"})
_SYSTEM_BUSY: Final = "429"

_NO_KEY: Final = (
    *("10003", "10004", "10005", "10007", "10008", "10009", "10010"),
    *("10024", "10028", "33004", "-2015", "100028"),
)
#: a user's requests in this second were too many
TOO_MANY: Final = frozenset({"10006", "170005", "170222"})
_NOT_OPEN: Final = (
    *("110001", "110008", "110010"),
    *("170139", "170142", "170143", "170190", "170213"),
)
#: Bybit does not know what became of it, or is still at it
_NOT_SURE: Final = frozenset(
    {
        *("5004", "10000", "10014", "10016", "40004", "110030", "110072", "110079", "340099"),
        *("170001", "170007", "170032", "170035", "170141", "170146", "170147", "170212", "170234"),
    }
)
#: what a name used twice is called, whatever the code it comes with
_TWICE: Final = "duplicate"
#: refused for a reason that passes
_NOT_NOW: Final = ("30035", "170144", "170191")
_BY_CODE: Final[dict[str, type[ExchangeError]]] = {
    "-1": ClockSkewed,
    "10002": ClockSkewed,
    "10029": UnknownSymbol,
    "170121": UnknownSymbol,
    **dict.fromkeys(_NO_KEY, AuthenticationError),
    **dict.fromkeys(_NOT_OPEN, OrderNotFound),
    **dict.fromkeys(_NOT_NOW, TransientError),
}
_BAD_PARAMETER: Final = "10001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What an answer says went wrong, as far as it says it."""

    status: int
    code: str
    text: str
    retry_after: float | None
    changes_orders: bool
    #: seconds; ten minutes unless the gateway says another time
    address_pause: float = ADDRESS_PAUSE


def read_answer(answer: Answer, *, changes_orders: bool) -> object:
    """Return the JSON of a good answer; raise what any other means.

    An answer without a code proves nothing: transient for a question, unknown for an order.
    """
    try:
        body = decode(answer.body, limit=ANSWER_LIMIT)
    except MalformedMessage:
        body = None
    code, text = _code_and_text(body)
    if answer.status == HTTPStatus.OK and code == "0":
        return body
    raise classify(
        Failure(
            status=answer.status,
            code="" if code == "0" else code,
            text=text or answer.body[:400].decode("utf-8", "replace"),
            retry_after=_retry_after(answer),
            changes_orders=changes_orders,
            address_pause=_address_pause(answer),
        )
    )


def failure_of(row: Fields) -> ExchangeError | None:
    """Name what one order of many met, {"code": 0, "msg": "OK"}; None if it was taken."""
    code, said = row.get("code"), row.get("msg")
    if code == 0 and type(code) is int:
        return None
    return classify(
        Failure(
            status=HTTPStatus.OK,
            code=str(code) if type(code) is int else "",
            text=said if isinstance(said, str) else "",
            retry_after=None,
            changes_orders=True,
        )
    )


def classify(failure: Failure) -> ExchangeError:
    """Name a failure. The order of the questions matters: limits first, then doubt, then codes."""
    if limited := _limited(failure):
        return limited
    if _is_doubtful(failure):
        return _error(OutcomeUnknown if failure.changes_orders else TransientError, failure)
    if failure.code == _BAD_PARAMETER and _names_symbol(failure.text):
        return _error(UnknownSymbol, failure)
    if failure.status == HTTPStatus.UNAUTHORIZED:
        return _error(AuthenticationError, failure)
    refusal = OrderRefused if failure.changes_orders else PermanentError
    return _error(_BY_CODE.get(failure.code, refusal), failure)


def _limited(failure: Failure) -> RateLimited | None:
    """Tell a limit from anything else: the user's, the system's, or the address's."""
    if failure.code in TOO_MANY:
        return _limit(failure, failure.retry_after or HOLDER_PAUSE)
    if failure.code == _SYSTEM_BUSY or failure.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limit(failure, HOLDER_PAUSE)
    is_untold = failure.status == HTTPStatus.FORBIDDEN and not failure.code
    if is_untold or failure.code in _ADDRESS_TOO_MANY:
        return _limit(failure, failure.address_pause)
    return None


def _limit(failure: Failure, pause: float) -> RateLimited:
    return RateLimited(
        _describe(failure), code=failure.code, http_status=failure.status, retry_after=pause
    )


def _is_doubtful(failure: Failure) -> bool:
    """Tell whether the order may have been done: no code, a server's error, or it is said so."""
    no_code = not failure.code and failure.status != HTTPStatus.UNAUTHORIZED
    return (
        no_code
        or failure.code in _NOT_SURE
        or (failure.changes_orders and _TWICE in failure.text.lower())
        or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or failure.status == HTTPStatus.REQUEST_TIMEOUT
    )


def _names_symbol(text: str) -> bool:
    """Whether the parameter refused is the market: a delisted one is told so."""
    said = text.lower()
    return "symbol" in said and "invalid" in said


def _error(kind: type[ExchangeError], failure: Failure) -> ExchangeError:
    if kind is OrderRefused:
        return OrderRefused(
            _describe(failure),
            code=failure.code,
            http_status=failure.status,
            kind=kind_of(failure.code, failure.text),
        )
    return kind(_describe(failure), code=failure.code, http_status=failure.status)


def _describe(failure: Failure) -> str:
    return " ".join(f"HTTP {failure.status} {failure.code} {shown(failure.text)}".split())


def _code_and_text(body: object) -> tuple[str, str]:
    """Take {"retCode": 110007, "retMsg": "..."} apart; ("", "") for what is no such answer."""
    if not isinstance(body, dict):
        return "", ""
    code, text = body.get("retCode"), body.get("retMsg")
    is_code = type(code) is int and abs(code) < 10**8
    return (str(code) if is_code else "", text if isinstance(text, str) else "")


def _address_pause(answer: Answer) -> float:
    told = answer.headers.get("Retry-After", "")
    if told.isascii() and told.isdigit() and len(told) < 6:  # noqa: PLR2004 - a day is enough
        return max(1.0, float(told))
    return ADDRESS_PAUSE


def _retry_after(answer: Answer) -> float | None:
    """Take the time at which the limit ends; two clocks, so no more than a short pause."""
    told = answer.headers.get(_RESET_AT, "")
    if not (told.isascii() and told.isdigit() and len(told) < 15):  # noqa: PLR2004 - milliseconds
        return None
    left = int(told) / 1000 - answer.received_at.timestamp()
    return min(max(left, 0.1), _LONGEST_PAUSE)
