"""
What an order on spot must be before the engine sees it: parameters, filters, funds.

Codes and texts are those of the "Errors" and "Filters" pages. Nothing is recorded of an order that
fails here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator import checks
from exchanges.simulator.amounts import ZERO
from exchanges.simulator.errors import ApiError
from exchanges.simulator.matching import would_rest
from exchanges.simulator.orders import BY_API, OrderTerms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market

REJECTED: Final = -2010
MOST_PLACES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a type of order is in the engine's words, and what it asks for."""

    is_limit: bool
    #: stop orders wait for a worse price, profit orders for a better one; others do not wait
    waits_for: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    "LIMIT": Kind(is_limit=True),
    "LIMIT_MAKER": Kind(is_limit=True),
    "MARKET": Kind(is_limit=False),
    "STOP_LOSS": Kind(is_limit=False, waits_for="stop"),
    "STOP_LOSS_LIMIT": Kind(is_limit=True, waits_for="stop"),
    "TAKE_PROFIT": Kind(is_limit=False, waits_for="profit"),
    "TAKE_PROFIT_LIMIT": Kind(is_limit=True, waits_for="profit"),
}
TYPES: Final = tuple(KINDS)
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK")


def read(
    exchange: SimulatedExchange, account: Account, params: Mapping[str, str], origin: str = BY_API
) -> OrderTerms:
    """The order these parameters ask for. Raises ApiError."""
    market = checks.market_of(exchange, params)
    side = checks.one_of(params, "side", checks.SIDES, -1117)
    name = checks.one_of(params, "type", TYPES, -1116)
    kind, rules = KINDS[name], market.rules
    quote_quantity = read_quote_quantity(params, name)
    terms = OrderTerms(
        symbol=rules.symbol,
        side=side,
        type="LIMIT" if kind.is_limit else "MARKET",
        quantity=ZERO if quote_quantity else read_quantity(rules, params),
        quote_quantity=quote_quantity,
        price=read_price(rules, params, "price") if kind.is_limit else ZERO,
        time_in_force=read_time_in_force(params, name),
        trigger_price=read_price(rules, params, "stopPrice") if kind.waits_for else ZERO,
        trigger_rises=(side == "BUY") == (kind.waits_for == "stop"),
        client_id=read_client_id(exchange, account, params),
        origin=origin,
    )
    check(exchange, account, market, terms)
    return terms


def read_quote_quantity(params: Mapping[str, str], name: str) -> Decimal:
    """How much of the quote asset a market order is for, if it says that instead."""
    if name != "MARKET" or not params.get("quoteOrderQty"):
        return ZERO
    if params.get("quantity"):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    return checked_places(params, "quoteOrderQty")


def read_time_in_force(params: Mapping[str, str], name: str) -> str:
    """How long it stays; post-only is a type of its own."""
    if name == "LIMIT_MAKER":
        return "GTX"
    if KINDS[name].is_limit:
        return checks.one_of(params, "timeInForce", TIMES_IN_FORCE, -1115)
    for unwanted in ("timeInForce", "price"):
        if params.get(unwanted):
            raise ApiError(-1106, f"Parameter '{unwanted}' sent when not required.")
    return "GTC"


def checked_places(params: Mapping[str, str], name: str) -> Decimal:
    """A positive number of at most eight places (-1111, -1013)."""
    number = checks.amount(params, name)
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_PLACES:
        raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
    if number <= 0:
        raise ApiError(-1013, f"Invalid {'price' if 'rice' in name else 'quantity'}.")
    return number


def read_price(rules: SymbolRules, params: Mapping[str, str], name: str) -> Decimal:
    """A price on the tick."""
    price = checked_places(params, name)
    if price % rules.price_tick:
        raise ApiError(-1013, "Filter failure: PRICE_FILTER")
    return price.quantize(rules.price_tick)


def read_quantity(rules: SymbolRules, params: Mapping[str, str]) -> Decimal:
    """A quantity on the step and within its bounds."""
    quantity = checked_places(params, "quantity")
    is_within = rules.minimum_quantity <= quantity <= rules.maximum_quantity
    if not is_within or quantity % rules.quantity_step:
        raise ApiError(-1013, "Filter failure: LOT_SIZE")
    return quantity.quantize(rules.quantity_step)


def read_client_id(
    exchange: SimulatedExchange,
    account: Account,
    params: Mapping[str, str],
    name: str = "newClientOrderId",
) -> str:
    """The client's id, unique among open orders, or one of the exchange's making."""
    given = params.get(name)
    if not given:
        return made_id(exchange)
    if not checks.CLIENT_ID.fullmatch(given):
        raise ApiError(
            -1100,
            f"Illegal characters found in parameter '{name}'; "
            "legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        )
    found = account.by_client_id.get((params["symbol"], given))
    if found and found.is_open:
        raise ApiError(REJECTED, "Duplicate order sent.")
    return given


def made_id(exchange: SimulatedExchange) -> str:
    """A client order id as Binance makes them."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(exchange.id_chance.choices(alphabet, k=22))


def check(exchange: SimulatedExchange, account: Account, market: Market, terms: OrderTerms) -> None:
    """What depends on the moment: worth, funds, the book, the price."""
    if terms.type == "LIMIT" and checks.is_full(exchange, len(account.open)):
        raise ApiError(-1013, "Filter failure: MAX_NUM_ORDERS")
    if terms.type == "LIMIT" and not checks.is_in_band(exchange, market, terms):
        raise ApiError(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    worth = terms.quote_quantity or terms.quantity * (terms.price or market.price)
    if worth < market.rules.minimum_notional:
        raise ApiError(-1013, "Filter failure: NOTIONAL")
    if not exchange.engine.custody.affords(account, terms):
        raise ApiError(REJECTED, "Account has insufficient balance for requested action.")
    if terms.time_in_force == "GTX" and not would_rest(market, terms):
        raise ApiError(REJECTED, "Order would immediately match and take.")
    if terms.trigger_price and is_reached(terms, market.price):
        raise ApiError(REJECTED, "Stop price would trigger immediately.")


def is_reached(terms: OrderTerms, price: Decimal) -> bool:
    """Whether the price has come to the trigger already."""
    if terms.trigger_rises:
        return price >= terms.trigger_price
    return price <= terms.trigger_price
