"""
What an order must be before the engine sees it: parameters, filters, funds, and its own flags.

Codes and texts are Binance's. Nothing is recorded of an order that fails here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exchanges.simulator import amounts
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.config import SPOT
from exchanges.simulator.errors import ApiError, bad_symbol, missing
from exchanges.simulator.matching import finds_all, would_rest
from exchanges.simulator.orders import BY_API, OrderTerms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order

SIDES: Final = ("BUY", "SELL")
TYPES: Final = ("LIMIT", "MARKET")
CONDITIONAL: Final = frozenset({
    "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET",
})  # fmt: skip
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX")
CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


def required(params: Mapping[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = params.get(name, "")
    if not value:
        raise missing(name)
    return value


def one_of(params: Mapping[str, str], name: str, known: tuple[str, ...], code: int) -> str:
    """A parameter that must be one of these words."""
    value = required(params, name)
    if value not in known:
        raise ApiError(code, f"Invalid {name}.")
    return value


def amount(params: Mapping[str, str], name: str) -> Decimal:
    """A parameter that must be a number."""
    value = amounts.parse(required(params, name))
    if value is None:
        raise missing(name)
    return value


def flag(params: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false, and false if it is not sent."""
    return params.get(name, "false").lower() == "true"


def market_of(exchange: SimulatedExchange, params: Mapping[str, str]) -> Market:
    """The market named by `symbol`."""
    found = exchange.engine.markets.get(required(params, "symbol"))
    if found is None or found.is_delisted:
        raise bad_symbol()
    return found


def read_terms(
    exchange: SimulatedExchange, account: Account, params: Mapping[str, str], origin: str = BY_API
) -> OrderTerms:
    """The order these parameters ask for, checked against everything but the market's state."""
    market = market_of(exchange, params)
    side = one_of(params, "side", SIDES, -1117)
    order_type = read_type(params)
    terms = OrderTerms(
        symbol=market.rules.symbol,
        side=side,
        type=order_type,
        quantity=read_quantity(market.rules, params),
        price=read_price(market.rules, params) if order_type == "LIMIT" else ZERO,
        time_in_force=read_time_in_force(params, order_type),
        position_side=read_position_side(account, params),
        reduce_only=flag(params, "reduceOnly"),
        client_id=read_client_id(exchange, account, params),
        origin=origin,
    )
    check_notional(market, terms)
    return terms


def read_type(params: Mapping[str, str]) -> str:
    """LIMIT or MARKET; conditional types moved to another service (-4120)."""
    if params.get("type") in CONDITIONAL:
        raise ApiError(
            -4120,
            "Order type not supported for this endpoint. "
            "Please use the Algo Order API endpoints instead.",
        )
    return one_of(params, "type", TYPES, -1116)


def read_time_in_force(params: Mapping[str, str], order_type: str) -> str:
    """How long it stays; a market order says nothing about it."""
    if order_type == "LIMIT":
        return one_of(params, "timeInForce", TIMES_IN_FORCE, -1115)
    for name in ("timeInForce", "price"):
        if params.get(name):
            raise ApiError(-1106, f"Parameter '{name}' sent when not required.")
    return "GTC"


def read_price(rules: SymbolRules, params: Mapping[str, str]) -> Decimal:
    """A limit price on the tick."""
    price = amount(params, "price")
    if price <= 0:
        raise ApiError(-4001, "Price less than 0.")
    if price % rules.price_tick:
        raise ApiError(-4014, "Price not increased by tick size.")
    return price.quantize(rules.price_tick)


def read_quantity(rules: SymbolRules, params: Mapping[str, str]) -> Decimal:
    """A quantity on the step and within its bounds."""
    quantity = amount(params, "quantity")
    if quantity < rules.minimum_quantity and quantity % rules.quantity_step == 0:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    if quantity > rules.maximum_quantity:
        raise ApiError(-4005, "Quantity greater than max quantity.")
    if quantity % rules.quantity_step:
        raise ApiError(-1111, "Precision is over the maximum defined for this asset.")
    return quantity.quantize(rules.quantity_step)


def read_position_side(account: Account, params: Mapping[str, str]) -> str:
    """BOTH in one-way mode, LONG or SHORT in hedge mode (-4061)."""
    side = params.get("positionSide") or "BOTH"
    if account.hedge != (side in {"LONG", "SHORT"}):
        raise ApiError(-4061, "Order's position side does not match user's setting.")
    if account.hedge and "reduceOnly" in params:
        raise ApiError(-1106, "Parameter 'reduceonly' sent when not required.")
    return side


def change_position_mode(exchange: SimulatedExchange, account: Account, *, hedge: bool) -> None:
    """The mode changes, in all houses that share it, while nothing is open (-4067) or held."""
    if hedge == account.hedge:
        raise ApiError(-4059, "No need to change position side.")
    concerned = exchange.same_in_kin(account)
    if any(each.open for each in concerned):
        raise ApiError(-4067, "Position side cannot be changed if there exists open orders.")
    if any(held.quantity for each in concerned for held in each.positions.values()):
        raise ApiError(-4068, "Position side cannot be changed if there exists position.")
    for each in concerned:
        each.hedge = hedge


def read_client_id(exchange: SimulatedExchange, account: Account, params: Mapping[str, str]) -> str:
    """The client's id, unique among open orders (-4116), or one of the exchange's making."""
    given = params.get("newClientOrderId")
    if not given:
        alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        return "".join(exchange.id_chance.choices(alphabet, k=22))
    if not CLIENT_ID.fullmatch(given):
        raise ApiError(-4015, "Client order id is not valid.")
    found = account.by_client_id.get((params["symbol"], given))
    if found and found.is_open:
        raise ApiError(-4116, "ClientOrderId is duplicated.")
    return given


def check_notional(market: Market, terms: OrderTerms) -> None:
    """An order must be worth something, unless it only reduces (-4164)."""
    least = market.rules.minimum_notional
    worth = terms.quote_quantity or market.rules.worth(terms.price or market.price, terms.quantity)
    if worth < least and not (terms.reduce_only or terms.is_closing):
        raise ApiError(
            -4164,
            f"Order's notional must be no smaller than {least} (unless you choose reduce only).",
        )


def check_amendment(exchange: SimulatedExchange, order: Order, wanted: OrderTerms) -> None:
    """What an order is to be must be something else, worth something, affordable, and rest."""
    if (wanted.quantity, wanted.price) == (order.quantity, order.price):
        raise ApiError(-5027, "No need to modify the order.")
    market = exchange.engine.markets[order.symbol]
    least = market.rules.minimum_notional
    if market.rules.worth(wanted.price, wanted.quantity) < least and not order.reduce_only:
        raise ApiError(-5029, f"Order's notional must be no smaller than {least}")
    check_band(exchange, market, wanted)
    if not exchange.engine.custody.affords_change(order, wanted.quantity, wanted.price):
        raise ApiError(-2019, "Margin is insufficient.")
    if wanted.time_in_force == "GTX":
        check_rests(market, wanted)


def check_placement(exchange: SimulatedExchange, account: Account, terms: OrderTerms) -> None:
    """What depends on the moment: what is held, funds, and the book."""
    market = exchange.engine.markets[terms.symbol]
    check_room(exchange, account, terms)
    check_band(exchange, market, terms)
    if terms.reduce_only or terms.is_closing:
        check_reduces(account, terms)
    else:
        check_funds(exchange, account, terms)
    if terms.time_in_force == "FOK":
        check_fills_at_once(market, account, terms)
    if terms.time_in_force == "GTX":
        check_rests(market, terms)


def check_room(exchange: SimulatedExchange, account: Account, terms: OrderTerms) -> None:
    """An account may have so many orders resting (-2025)."""
    if terms.type == "LIMIT" and is_full(exchange, len(account.open)):
        raise ApiError(-2025, "Reach max open order limit.")


def is_full(exchange: SimulatedExchange, there_are: int) -> bool:
    """Whether an account with so many orders may have no more."""
    return 0 < exchange.config.maximum_open_orders <= there_are


def check_band(exchange: SimulatedExchange, market: Market, terms: OrderTerms) -> None:
    """A bid must not be far above the market, nor an offer far below it (-4016, -4024)."""
    if terms.type != "LIMIT" or is_in_band(exchange, market, terms):
        return
    limit = plain(band_edge(exchange, market, terms.side))
    if terms.side == "BUY":
        raise ApiError(-4016, f"Limit price can't be higher than {limit}.")
    raise ApiError(-4024, f"Limit price can't be lower than {limit}.")


def is_in_band(exchange: SimulatedExchange, market: Market, terms: OrderTerms) -> bool:
    """Whether a limit price keeps to the band, if there is one."""
    if not exchange.config.price_band:
        return True
    edge = band_edge(exchange, market, terms.side)
    return terms.price <= edge if terms.side == "BUY" else terms.price >= edge


def band_edge(exchange: SimulatedExchange, market: Market, side: str) -> Decimal:
    """The dearest bid or the cheapest offer that is taken."""
    share = amounts.EXACT.create_decimal(str(exchange.config.price_band))
    factor = 1 + share if side == "BUY" else 1 - share
    return (market.price * factor).quantize(market.rules.price_tick)


def check_reduces(account: Account, terms: OrderTerms) -> None:
    """A reduce-only order needs something to reduce (-2022)."""
    held = account.position(terms.symbol, terms.position_side).quantity
    is_opposite = held < 0 if terms.side == "BUY" else held > 0
    if not is_opposite or (terms.is_closing and terms.quantity > abs(held)):
        raise ApiError(-2022, "ReduceOnly Order is rejected.")


def check_funds(exchange: SimulatedExchange, account: Account, terms: OrderTerms) -> None:
    """The margin must suffice, less what the order would free by reducing (-2019, spot -2010)."""
    if exchange.engine.custody.affords(account, terms):
        return
    if exchange.config.custody == SPOT:
        raise ApiError(-2010, "Account has insufficient balance for requested action.")
    raise ApiError(-2019, "Margin is insufficient.")


def check_rests(market: Market, terms: OrderTerms) -> None:
    """A post-only order must not trade at once (-5022)."""
    if not would_rest(market, terms):
        raise ApiError(
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be "
            "rejected. The order will not be recorded in the order history",
        )


def check_fills_at_once(market: Market, account: Account, terms: OrderTerms) -> None:
    """A fill-or-kill order must find its whole quantity (-5021)."""
    if not finds_all(market, account, terms):
        raise ApiError(
            -5021,
            "Due to the order could not be filled immediately, the FOK order has been rejected. "
            "The order will not be recorded in the order history",
        )
