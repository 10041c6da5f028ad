"""
What a refused order ran into, as far as ccxt tells: by its class, else by the exchange's own words.

Most exchanges' codes end in ccxt's `InvalidOrder`, whatever was wrong; their words say what.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from typing import Any, Final

from exchanges import lean_ccxt
from exchanges.refusals import RefusalKind

ccxt: Final[Any] = lean_ccxt.errors()

#: looked at from the top: special cases before what they derive from
_BY_CLASS: Final[tuple[tuple[type[Exception], RefusalKind], ...]] = (
    (ccxt.InsufficientFunds, RefusalKind.INSUFFICIENT_FUNDS),
    (ccxt.OrderImmediatelyFillable, RefusalKind.WOULD_TAKE),
    (ccxt.MarketClosed, RefusalKind.MARKET_CLOSED),
    (ccxt.ContractUnavailable, RefusalKind.MARKET_CLOSED),
    (ccxt.RestrictedLocation, RefusalKind.NO_PERMISSION),
    (ccxt.ManualInteractionNeeded, RefusalKind.NO_PERMISSION),
    (ccxt.NotSupported, RefusalKind.NOT_OFFERED),
    (ccxt.ArgumentsRequired, RefusalKind.NOT_OFFERED),
)
_BY_WORDS: Final = tuple(
    (re.compile(form, re.IGNORECASE), kind)
    for form, kind in (
        (r"reduce.?only", RefusalKind.NOTHING_TO_REDUCE),
        (r"position.?(?:mode|side|idx)|posside", RefusalKind.POSITION_SIDE),
        (r"post.?only|would (?:take|immediately)", RefusalKind.WOULD_TAKE),
        (r"insufficient|not enough", RefusalKind.INSUFFICIENT_FUNDS),
        (r"trigger.?price", RefusalKind.WOULD_TRIGGER),
        (r"too many|(?:active|open|stop) orders", RefusalKind.TOO_MANY_ORDERS),
        (r"minimum|lower limit|too small|notional|at least", RefusalKind.BELOW_MINIMUM),
        (r"precision|decimal|tick|\bstep\b|multiple of", RefusalKind.WRONG_STEP),
        (r"price.{0,40}(?:range|limit|higher|lower|too high)", RefusalKind.PRICE_OUT_OF_BAND),
        (r"maximum|too large|exceed", RefusalKind.ABOVE_MAXIMUM),
    )
)


def kind_of(error: Exception, text: str) -> RefusalKind:
    """Say what a refused order ran into; OTHER where neither class nor words tell."""
    by_class = (kind for theirs, kind in _BY_CLASS if isinstance(error, theirs))
    by_words = (kind for form, kind in _BY_WORDS if form.search(text))
    return next(by_class, None) or next(by_words, RefusalKind.OTHER)
