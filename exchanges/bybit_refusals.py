"""
What Bybit's refusals of orders mean for a trader, by code; contracts and spot have codes apart.

`10001` is one code for every wrong parameter: there the words tell. What is in no table is OTHER,
and then Bybit's own words tell.

Sources: v5 "Error Codes", "Enums Definitions" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exchanges.refusals import RefusalKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES: Final[Mapping[RefusalKind, tuple[str, ...]]] = {
    RefusalKind.INSUFFICIENT_FUNDS: (
        *("110004", "110006", "110007", "110011", "110012", "110014", "110039", "110040"),
        *("110044", "110045", "110046", "110051", "110052", "110053"),
        *("170033", "170034", "170131", "170223", "170226"),
    ),
    RefusalKind.BELOW_MINIMUM: ("110094", "170136", "170140"),
    RefusalKind.ABOVE_MAXIMUM: (
        *("110013", "110016", "110021", "110022"),
        *("170010", "170011", "170019", "170124", "170135", "170197", "170198", "170199"),
        *("170200", "170228", "170229"),
    ),
    RefusalKind.WRONG_STEP: ("110049", "170134", "170137", "170148"),
    RefusalKind.PRICE_OUT_OF_BAND: (
        *("110003", "170132", "170133", "170192", "170193", "170194", "170204", "170206"),
        *("170371", "170372"),
    ),
    RefusalKind.WOULD_TRIGGER: ("110092", "110093"),
    RefusalKind.WOULD_TAKE: ("170218",),
    RefusalKind.NOTHING_TO_REDUCE: ("110017", "110034"),
    RefusalKind.POSITION_SIDE: ("110029",),
    RefusalKind.TOO_MANY_ORDERS: ("110009", "110020", "170810"),
    RefusalKind.MARKET_CLOSED: (
        *("110023", "110042", "110063", "110066", "110070", "110074"),
        *("170031", "170151", "170157", "170159"),
    ),
    RefusalKind.UNKNOWN_MARKET: ("110037", "170221"),
    RefusalKind.NO_PERMISSION: (
        *("110065", "110067", "110068", "110069"),
        *("170036", "170037", "170201", "170209", "170224", "170241"),
    ),
    RefusalKind.NOT_OFFERED: ("170115", "170116", "170202", "170217", "170227"),
}
_BY_CODE: Final = {code: kind for kind, codes in _CODES.items() for code in codes}
_BAD_PARAMETER: Final = "10001"
#: what `10001` says, in any case, the first that fits
_BY_WORDS: Final = (
    (re.compile(r"position idx|position mode"), RefusalKind.POSITION_SIDE),
    (re.compile(r"below minimum|minimum limit|less than the min"), RefusalKind.BELOW_MINIMUM),
    (re.compile(r"exceeds? max|maximum limit"), RefusalKind.ABOVE_MAXIMUM),
    (re.compile(r"qty invalid|price invalid|(?:qty|price)step|tick ?size"), RefusalKind.WRONG_STEP),
    (re.compile(r"reduce.?only"), RefusalKind.NOTHING_TO_REDUCE),
    (re.compile(r"(?:timeinforce|ordertype|orderfilter) invalid"), RefusalKind.NOT_OFFERED),
)
#: why the matching engine ended an order that had been taken (`rejectReason`)
_ENDS: Final[Mapping[str, str]] = {
    "EC_PostOnlyWillTakeLiquidity": "post-only, and it would have taken",
    "EC_NoImmediateQtyToFill": "nothing to fill it with at once",
    "EC_NoEnoughQtyToFill": "not enough to fill it with",
    "EC_CancelForNoFullFill": "could not be filled whole",
    "EC_BySelfMatch": "would have met an order of its own account",
    "EC_ReachRiskPriceLimit": "beyond the limit of prices",
    "EC_ReachMarketPriceLimit": "beyond the limit of prices",
    "EC_CancelByOrderValueZero": "what is left buys nothing",
    "EC_CancelByMatchValueZero": "what is left buys nothing",
    "EC_LimitOrderInvalidPrice": "a price that is not allowed",
    "EC_InvalidPriceScale": "a price finer than the market allows",
    "EC_InvalidSymbolStatus": "the market is closed",
    "EC_SecurityStatusFail": "the market is closed",
    "EC_InCallAuctionStatus": "the market is in its opening auction",
    "EC_ReachMaxTradeNum": "it met too many orders at once",
    "EC_MarketOrderCannotBePostOnly": "a market order cannot be post-only",
    "EC_CancelByMMP": "market maker protection",
}


def kind_of(code: str, text: str) -> RefusalKind:
    """Say what a refused order ran into."""
    if code == _BAD_PARAMETER:
        said = text.lower()
        return next((kind for form, kind in _BY_WORDS if form.search(said)), RefusalKind.OTHER)
    return _BY_CODE.get(code, RefusalKind.OTHER)


def in_words(reason: str) -> str:
    """Say why an order ended, with Bybit's own name for it; the name alone where that is all."""
    meaning = _ENDS.get(reason)
    return f"{meaning} ({reason})" if meaning else reason
