"""
The errors an exchange adapter may raise, and nothing else may leave one.

The adapter alone decides what a failure means, from the HTTP status and the code in the body
(never from an exception class of a library, which differs by URL: ccxt `get_exceptions_by_url`):

* `TransientError`: nothing happened, asking again later makes sense.
* `PermanentError`: nothing happened, asking again will not help; a person must act.
* `OutcomeUnknown`: it may have happened. Never resend; ask what became of it.
"""

from __future__ import annotations

from typing import NoReturn

from exchanges.refusals import RefusalKind


class ExchangeError(Exception):
    """The exchange did not do what was asked."""

    def __init__(self, detail: str = "", *, code: str = "", http_status: int | None = None) -> None:
        """Keep the exchange's own code; `detail` must already be free of secrets."""
        super().__init__(detail or (type(self).__doc__ or "").strip())
        self.code = code
        self.http_status = http_status


class TransientError(ExchangeError):
    """The exchange could not be asked just now; try again later."""

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """`retry_after`: seconds the exchange (or our governor) asks us to wait, if known."""
        super().__init__(detail, code=code, http_status=http_status)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """The request budget is spent or the exchange has banned this address for a while."""


class ClockSkewed(TransientError):
    """The exchange refused our timestamp; the clock offset must be measured again."""


class PermanentError(ExchangeError):
    """The exchange refused, and will refuse the same again."""


class AuthenticationError(PermanentError):
    """The API key is wrong, expired, or lacks a permission or this address."""


class OrderRefused(PermanentError):
    """The exchange refused the order (funds, limits, filters, post-only, reduce-only ...)."""

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        http_status: int | None = None,
        kind: RefusalKind = RefusalKind.OTHER,
    ) -> None:
        """`kind`: what the code means, in our words."""
        super().__init__(detail, code=code, http_status=http_status)
        self.kind = kind


class OrderNotFound(PermanentError):
    """The exchange says it knows no such order. By itself this proves nothing."""


class ListenKeyGone(PermanentError):
    """The listen key does not exist any more (-1125): get a new one and reconnect."""


class UnknownSymbol(PermanentError):
    """The exchange's market table has no such symbol."""


class MalformedMessage(PermanentError):
    """A frame or an answer that cannot be read; `raw` keeps it as it came."""

    def __init__(self, detail: str = "", *, raw: bytes | str = "") -> None:
        """`raw` is what arrived, undecodable bytes replaced."""
        super().__init__(detail)
        self.raw = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


class OutcomeUnknown(ExchangeError):
    """The request left, but no answer says what became of it. Ask; never send it again."""


def not_offered(text: str) -> NoReturn:
    """Refuse what an exchange cannot be told, before anything is sent."""
    raise OrderRefused(text, kind=RefusalKind.NOT_OFFERED)
