"""
Upbit's markets: which there are, their smallest orders and the steps of their prices. Pure.

Policy: the list of markets names no steps, and the step of a price depends on the price itself, by
a published table. A price that is on no step is rounded when an order is written down: a buy never
pays more for that, a sell never gets less.

Sources: docs.upbit.com, "KRW market" (as of 2025-07-31), "BTC market", "USDT market".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from exchanges.errors import MalformedMessage
from exchanges.messages import MarketType, Side
from exchanges.questions import Market
from exchanges.upbit_vocabulary import quote_of
from exchanges.wire import a_list, an_object, text

#: eight places, of quantities and of the cheapest prices
FINEST: Final = Decimal("0.00000001")
_MINIMUM: Final = {"KRW": Decimal(5000), "BTC": Decimal("0.00005"), "USDT": Decimal("0.5")}
#: from this price on, this step
_Bands = tuple[tuple[Decimal, Decimal], ...]


def _bands(*rows: tuple[str, str]) -> _Bands:
    return tuple((Decimal(floor), Decimal(step)) for floor, step in rows)


_BANDS: Final[dict[str, _Bands]] = {
    "KRW": _bands(
        ("1000000", "1000"),
        ("500000", "500"),
        ("100000", "100"),
        ("50000", "50"),
        ("10000", "10"),
        ("5000", "5"),
        ("100", "1"),
        ("10", "0.1"),
        ("1", "0.01"),
        ("0.1", "0.001"),
        ("0.01", "0.0001"),
        ("0.001", "0.00001"),
        ("0.0001", "0.000001"),
        ("0.00001", "0.0000001"),
    ),
    "USDT": _bands(
        ("10", "0.01"),
        ("1", "0.001"),
        ("0.1", "0.0001"),
        ("0.01", "0.00001"),
        ("0.001", "0.000001"),
        ("0.0001", "0.0000001"),
    ),
}
#: dollars are priced more finely than other things of their price (since 2025-03-21)
_DOLLARS: Final = frozenset({"KRW-USDT", "KRW-USDC"})
_DOLLAR_BAND: Final = (Decimal(1000), Decimal("0.5"))


def price_bands(symbol_id: str) -> _Bands:
    """Give the steps of a market's prices, e.g. of "KRW-BTC". Raises MalformedMessage."""
    bands = _BANDS.get(quote_of(symbol_id), ())
    if symbol_id not in _DOLLARS:
        return bands
    dearer = tuple(band for band in bands if band[0] > _DOLLAR_BAND[0])
    return (*dearer, _DOLLAR_BAND, *(band for band in bands if band[0] < _DOLLAR_BAND[0]))


def stepped(symbol_id: str, side: Side, price: Decimal) -> Decimal:
    """Round a price to its step: down for a buy, up for a sell."""
    step = next((step for floor, step in price_bands(symbol_id) if price >= floor), FINEST)
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (price / step).to_integral_value(rounding=rounding) * step


def market(answer: object, *, market_type: MarketType) -> Market:
    """Read one row of the list of markets. Their names in Korean are of no concern."""
    symbol_id = text(an_object(answer), "market")
    quote = quote_of(symbol_id)
    base = symbol_id.removeprefix(f"{quote}-")
    return Market(
        market_type=market_type,
        symbol_id=symbol_id,
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        settle=None,
        price_step=FINEST,
        price_bands=price_bands(symbol_id),
        quantity_step=FINEST,
        minimum_quantity=FINEST,
        minimum_notional=_MINIMUM.get(quote),
    )


def markets(body: object, market_type: MarketType) -> list[Market]:
    """Read the list of markets; one that cannot be read is left out alone."""
    found: list[Market] = []
    for row in a_list(body):
        try:
            found.append(market(row, market_type=market_type))
        except MalformedMessage:
            continue
    return found
