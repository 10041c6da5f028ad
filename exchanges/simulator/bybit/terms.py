"""
What an order must be before the engine sees it, in Bybit's parameters and refusals.

Names must be unique for ever, among orders of every symbol that still wait, too. Of what depends on
the book nothing is checked: post-only and fill-or-kill orders are accepted, then end. Source:
"Place Order", "Amend Order" of v5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exchanges.simulator import amounts, checks
from exchanges.simulator.amounts import ZERO
from exchanges.simulator.bybit import errors, words
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.call import Call
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order

LINK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")
SIDES: Final[Mapping[str, str]] = {word: side for side, word in words.SIDES.items()}
TYPES: Final[Mapping[str, str]] = {word: kind for kind, word in words.TYPES.items()}
TIMES: Final[Mapping[str, str]] = {word: time for time, word in words.TIMES.items()}
POSITIONS: Final[Mapping[str, str]] = {
    str(number): side for side, number in words.POSITIONS.items()
}
RISES: Final[Mapping[str, bool]] = {"1": True, "2": False}
MOST_OPEN: Final = 500
#: no amount is so large
BEYOND: Final = 10**15


def category_of(call: Call) -> str:
    """The category of the house that is asked."""
    return words.CATEGORY[call.exchange.market_type]


def market_of(call: Call) -> Market:
    """The market named by `symbol`."""
    found = call.exchange.engine.markets.get(required(call.params, "symbol"))
    if found is None or found.is_delisted:
        raise errors.of_category(errors.NO_SYMBOL, category_of(call))
    return found


def required(params: Mapping[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = params.get(name, "")
    if not value:
        text = f"missing parameter {name}"
        raise errors.bad_parameter(text)
    return value


def one_of(params: Mapping[str, str], name: str, known: Mapping[str, str], usual: str = "") -> str:
    """What one of Bybit's words means."""
    value = params.get(name) or usual
    if value not in known:
        text = f"{name} invalid"
        raise errors.bad_parameter(text)
    return known[value]


def amount(params: Mapping[str, str], name: str) -> Decimal:
    """A parameter that must be a number above nothing."""
    value = amounts.parse(required(params, name))
    if value is None or not 0 < value < BEYOND:
        text = f"{name} invalid"
        raise errors.bad_parameter(text)
    return value


def flag(params: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false, and false if it is not sent."""
    return params.get(name) == "true"


def read(call: Call) -> OrderTerms:
    """The order that is asked for, checked against everything but the book."""
    market, params = market_of(call), call.params
    kind = one_of(params, "orderType", TYPES)
    side = one_of(params, "side", SIDES)
    by_value = is_by_value(call, kind, side)
    trigger, rises = read_trigger(call, market)
    terms = OrderTerms(
        symbol=market.rules.symbol,
        side=side,
        type=kind,
        quantity=ZERO if by_value else read_quantity(call, market.rules),
        quote_quantity=amount(params, "qty") if by_value else ZERO,
        price=read_price(call, market.rules, "price") if kind == "LIMIT" else ZERO,
        time_in_force=one_of(params, "timeInForce", TIMES, "GTC") if kind == "LIMIT" else "GTC",
        position_side=read_position(call),
        reduce_only=flag(params, "reduceOnly"),
        client_id=read_link_id(call),
        trigger_price=trigger,
        trigger_rises=rises,
    )
    check_band(call, market, terms)
    check_worth(call, market, terms)
    return terms


def is_by_value(call: Call, kind: str, side: str) -> bool:
    """Spot market buys say what to spend, unless `marketUnit` says otherwise.

    Sells that say what to get are no part of this simulation.
    """
    if category_of(call) != words.SPOT or kind != "MARKET":
        return False
    unit = call.params.get("marketUnit") or ("quoteCoin" if side == "BUY" else "baseCoin")
    if unit == "quoteCoin" and side == "SELL":
        text = "marketUnit invalid"
        raise errors.bad_parameter(text)
    return unit == "quoteCoin"


def read_quantity(call: Call, rules: SymbolRules) -> Decimal:
    """A quantity on the step and within its bounds."""
    quantity, category = amount(call.params, "qty"), category_of(call)
    if quantity % rules.quantity_step:
        raise errors.of_category(errors.OFF_STEP, category)
    if quantity < rules.minimum_quantity:
        raise errors.of_category(errors.TOO_SMALL, category)
    if quantity > rules.maximum_quantity:
        raise errors.of_category(errors.TOO_LARGE, category)
    return quantity.quantize(rules.quantity_step)


def read_price(call: Call, rules: SymbolRules, name: str) -> Decimal:
    """A price on the tick."""
    price = amount(call.params, name)
    if price % rules.price_tick:
        raise errors.of_category(errors.OFF_TICK, category_of(call))
    return price.quantize(rules.price_tick)


def read_trigger(call: Call, market: Market) -> tuple[Decimal, bool]:
    """The price that is waited for, and whether it must rise; spot derives the direction."""
    if not call.params.get("triggerPrice"):
        return ZERO, False
    price = read_price(call, market.rules, "triggerPrice")
    if category_of(call) == words.SPOT:
        return price, price > market.price
    told = call.params.get("triggerDirection", "")
    if told not in RISES:
        text = "triggerDirection invalid"
        raise errors.bad_parameter(text)
    rises = RISES[told]
    if rises and price <= market.price:
        text = f"expect Rising, but trigger_price[{price}] <= current[{market.price}]??laste"
        raise errors.refusal(110092, text)
    if not rises and price >= market.price:
        text = f"expect Falling, but trigger_price[{price}] >= current[{market.price}]??last"
        raise errors.refusal(110093, text)
    return price, rises


def read_position(call: Call) -> str:
    """The positionIdx must fit the position mode (10001)."""
    side = one_of(call.params, "positionIdx", POSITIONS, "0")
    if category_of(call) == words.SPOT:
        return "BOTH"
    if call.account.hedge != (side != "BOTH"):
        text = "position idx not match position mode"
        raise errors.refusal(10001, text)
    return side


def read_link_id(call: Call) -> str:
    """The client's name for the order, never used before (110072, 170141); "" for none."""
    given = call.params.get("orderLinkId", "")
    if not given:
        return ""
    if not LINK_ID.fullmatch(given):
        text = "OrderLinkedID is invalid"
        raise errors.bad_parameter(text)
    if by_link_id(call.account, given):
        raise errors.of_category(errors.DUPLICATE, category_of(call))
    return given


def by_link_id(account: Account, link_id: str) -> Order | None:
    """The order with this name, of whatever symbol."""
    found = (account.by_client_id.get((symbol, link_id)) for symbol in account.rules)
    return next((order for order in found if order), None)


def check_worth(call: Call, market: Market, terms: OrderTerms) -> None:
    """It must be worth something, be affordable, and not be one too many."""
    account, category = call.account, category_of(call)
    only_reduces = terms.reduce_only or terms.is_closing
    price = terms.price or market.price
    worth = terms.quote_quantity or market.rules.worth(price, terms.quantity)
    if worth < market.rules.minimum_notional and not only_reduces:
        raise errors.of_category(errors.WORTHLESS, category)
    if only_reduces:
        check_reduces(account, terms)
    elif not call.exchange.engine.custody.affords(account, terms):
        raise errors.of_category(errors.NO_BALANCE, category)
    check_room(call, terms)


def check_room(call: Call, terms: OrderTerms) -> None:
    """So many orders of a contract may be open, or of all of spot; or as many as are set."""
    category, alive = category_of(call), call.account.open.values()
    is_spot = category == words.SPOT
    there_are = sum(is_spot or order.symbol == terms.symbol for order in alive)
    if there_are >= MOST_OPEN or checks.is_full(call.exchange, len(alive)):
        raise errors.of_category(errors.TOO_MANY_OPEN, category)


def check_band(call: Call, market: Market, terms: OrderTerms) -> None:
    """A bid must not be far above the market, nor an offer far below it."""
    if terms.type != "LIMIT" or checks.is_in_band(call.exchange, market, terms):
        return
    edge = checks.band_edge(call.exchange, market, terms.side)
    raise errors.of_category(errors.out_of_band(terms.side, edge), category_of(call))


def check_reduces(account: Account, terms: OrderTerms) -> None:
    """A reduce-only order needs something to reduce (110017), unless it still waits."""
    held = account.position(terms.symbol, terms.position_side).quantity
    is_opposite = held < 0 if terms.side == "BUY" else held > 0
    if not is_opposite and not terms.trigger_price:
        text = "current position is zero, cannot fix reduce-only order qty"
        raise errors.refusal(110017, text)
