"""
What Binance's refusals of an order mean, in our vocabulary. Pure.

Policy: futures have a code for each reason; spot has one code for all of them and tells them apart
by text, or by the name of the filter that failed. A text is looked for only under the codes that
carry one. What is in neither table is OTHER: then Binance's own words tell.

Sources: USD-M and COIN-M "Error Codes"; Spot "Errors" (messages for -1010, -2010, -2011, -2038;
filter failures) and "Filters".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.refusals import RefusalKind as Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_CODE: Final[Mapping[str, Kind]] = {
    code: kind
    for kind, codes in {
        # -4050: of the cross wallet, -4051: of an isolated position
        Kind.INSUFFICIENT_FUNDS: ("-2018", "-2019", "-2028", "-4050", "-4051"),
        # -4001, -4006: a price of nothing; -5029: of an amendment
        Kind.BELOW_MINIMUM: ("-4001", "-4003", "-4004", "-4006", "-4164", "-5029"),
        Kind.ABOVE_MAXIMUM: ("-2027", "-4005"),
        Kind.WRONG_STEP: ("-1111", "-4014", "-4023"),
        # -4183, -4184, -4210, -4211: of stop orders; -4131: the other side's best price
        Kind.PRICE_OUT_OF_BAND: (
            "-4002", "-4007", "-4013", "-4016", "-4024", "-4131", "-4183", "-4184", "-4210",
            "-4211",
        ),
        Kind.WOULD_TRIGGER: ("-2021", "-4142"),
        Kind.WOULD_TAKE: ("-5022",),
        # -4129: a time in force that needs a position
        Kind.NOTHING_TO_REDUCE: ("-2022", "-2024", "-4118", "-4129"),
        Kind.POSITION_SIDE: ("-4060", "-4061", "-4062"),
        # -4045: stop orders; -5026: amendments of one order
        Kind.TOO_MANY_ORDERS: ("-2025", "-4045", "-5026"),
        Kind.MARKET_CLOSED: ("-4022", "-4140", "-4141", "-5024"),
        # -4087, -4400, -4401: this account may only reduce for now
        Kind.NO_PERMISSION: (
            "-4027", "-4087", "-4088", "-4109", "-4192", "-4400", "-4401", "-4402",
        ),
        Kind.NOT_OFFERED: (
            "-1014", "-1115", "-1116", "-2026", "-4084", "-4120", "-4139", "-5025", "-5038",
        ),
    }.items()
    for code in codes
}  # fmt: skip
#: the codes under which the text tells
_WORDED: Final = frozenset({"-1010", "-1013", "-2010", "-2038"})
#: by a part of the text, in lower case; the first that is found
_BY_TEXT: Final = (
    ("insufficient balance", Kind.INSUFFICIENT_FUNDS),
    ("immediately match and take", Kind.WOULD_TAKE),
    ("trigger immediately", Kind.WOULD_TRIGGER),
    ("market is closed", Kind.MARKET_CLOSED),
    ("is zero or less", Kind.BELOW_MINIMUM),
    ("invalid quantity", Kind.BELOW_MINIMUM),
    ("invalid price", Kind.BELOW_MINIMUM),
    ("disabled on this account", Kind.NO_PERMISSION),
    ("not permitted for this account", Kind.NO_PERMISSION),
    ("restricted for this account", Kind.NO_PERMISSION),
    ("rest api trading is not enabled", Kind.NO_PERMISSION),
    ("not whitelisted", Kind.NO_PERMISSION),
    ("not supported", Kind.NOT_OFFERED),
    ("unsupported", Kind.NOT_OFFERED),
    # filters; MAX_NUM_ORDERS, _ALGO_ORDERS, _ICEBERG_ORDERS, _ORDER_LISTS, also of the exchange
    ("max_num_", Kind.TOO_MANY_ORDERS),
    ("max_position", Kind.ABOVE_MAXIMUM),
    ("max_asset", Kind.ABOVE_MAXIMUM),
    ("percent_price", Kind.PRICE_OUT_OF_BAND),
    ("notional", Kind.BELOW_MINIMUM),
    ("price_filter", Kind.WRONG_STEP),
    ("lot_size", Kind.WRONG_STEP),
)


def kind_of(code: str, text: str) -> Kind:
    """Name the reason of a refusal; OTHER for one not known."""
    if code not in _WORDED:
        return _BY_CODE.get(code, Kind.OTHER)
    lowered = text.lower()
    return next((kind for part, kind in _BY_TEXT if part in lowered), Kind.OTHER)
