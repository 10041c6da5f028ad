"""
A refusal by our own checks, or by the exchange: a value, so that nothing has to be raised.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exchanges.errors import (
    AuthenticationError,
    ExchangeError,
    OrderRefused,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.refusals import RefusalKind

#: as long as a reason may be where it is kept
LONGEST: Final = 300
#: the first that fits
_KINDS: Final = (
    (AuthenticationError, RefusalKind.NO_PERMISSION),
    (UnknownSymbol, RefusalKind.UNKNOWN_MARKET),
    (RateLimited, RefusalKind.RATE_LIMITED),
    (TransientError, RefusalKind.EXCHANGE_DOWN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an order is not sent, or was not taken; `reason` is for a trader to read."""

    kind: RefusalKind
    reason: str
    #: the exchange's own code
    code: str = ""


def refusal_of(error: ExchangeError) -> Refusal:
    """Say what an error of the exchange, or of an account that cannot be asked, means."""
    if isinstance(error, OrderRefused):
        kind = error.kind
    else:
        kinds = (kind for which, kind in _KINDS if isinstance(error, which))
        kind = next(kinds, RefusalKind.OTHER)
    return Refusal(kind=kind, reason=in_words(error)[:LONGEST], code=error.code[:32])


def in_words(error: ExchangeError) -> str:
    """Give the exchange's words and, behind them, its code."""
    return f"{error} ({error.code})" if error.code else str(error)
