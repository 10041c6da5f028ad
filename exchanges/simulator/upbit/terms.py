"""
What an order must be before the engine sees it.

`limit` names a price and a volume; `price` (a buy) the funds and `market` (a sell) the volume;
`best` the funds or the volume, takes the best price there is, and has to say `ioc` or `fok`.
Source: "Create Order".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator.amounts import ZERO
from exchanges.simulator.market import OPPOSITE
from exchanges.simulator.orders import OrderTerms
from exchanges.simulator.upbit.asked import amount, market_of, required
from exchanges.simulator.upbit.errors import bad_parameter, refusal
from exchanges.simulator.upbit.progress import TIMES_IN_FORCE, UNNAMED
from exchanges.simulator.upbit.rows import SIDES

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.call import Call
    from exchanges.simulator.market import Market

DIRECTIONS: Final = {word: side for side, word in SIDES.items()}
FORCES: Final = {word: force for force, word in TIMES_IN_FORCE.items()}
#: which types take which times in force; "" is none
FORCES_OF: Final = {
    "limit": frozenset({"", "ioc", "fok", "post_only"}),
    "price": frozenset({""}),
    "market": frozenset({""}),
    "best": frozenset({"ioc", "fok"}),
}
LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is to be traded, and at which price."""

    kind: str
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    funds: Decimal = ZERO


def read_terms(call: Call) -> OrderTerms:
    """The order that is asked for, checked against everything but what is owned."""
    market = market_of(call)
    side = DIRECTIONS.get(required(call.params, "side"))
    kind, force = required(call.params, "ord_type"), call.params.get("time_in_force", "")
    if side is None or force not in FORCES_OF.get(kind, ()):
        raise bad_parameter(name="side" if side is None else "time_in_force")
    size = read_size(call, market, side, kind)
    check_worth(market, side, size)
    return OrderTerms(
        symbol=market.rules.symbol,
        side=side,
        type=size.kind,
        quantity=size.quantity,
        price=size.price,
        quote_quantity=size.funds,
        time_in_force=FORCES.get(force, "GTC"),
        client_id=read_identifier(call),
        named=kind,
    )


def read_size(call: Call, market: Market, side: str, kind: str) -> Size:
    """Price, volume and funds, as the type of the order has them."""
    if kind == "limit":
        return Size(
            kind="LIMIT", quantity=read_volume(call, market), price=read_price(call, market, side)
        )
    if side == "BUY":
        if kind == "market":
            raise bad_parameter(name="ord_type")
        return Size(kind="MARKET", funds=amount(call.params, "price"))
    if kind == "price":
        raise bad_parameter(name="ord_type")
    volume = read_volume(call, market)
    if kind == "best":
        return Size(kind="LIMIT", quantity=volume, price=market.touch(OPPOSITE[side]))
    return Size(kind="MARKET", quantity=volume)


def read_volume(call: Call, market: Market) -> Decimal:
    """A volume of at most eight places."""
    volume = amount(call.params, "volume")
    if volume % market.rules.quantity_step:
        raise bad_parameter(name="volume")
    return volume.quantize(market.rules.quantity_step)


def read_price(call: Call, market: Market, side: str) -> Decimal:
    """A price on the step."""
    price = amount(call.params, "price")
    if price % market.rules.price_tick:
        raise refusal(name=f"invalid_price_{SIDES[side]}")
    return price


def check_worth(market: Market, side: str, size: Size) -> None:
    """An order must be worth something."""
    worth = size.funds or size.quantity * (size.price or market.price)
    if worth < market.rules.minimum_notional:
        raise refusal(name=f"under_min_total_{SIDES[side]}")


def check_funds(call: Call, terms: OrderTerms) -> None:
    """Enough must be free."""
    if not call.exchange.engine.custody.affords(call.account, terms):
        raise refusal(name=f"insufficient_funds_{SIDES[terms.side]}")


def read_identifier(call: Call) -> str:
    """A name of the owner's choice, never used before; or none."""
    name = call.params.get("identifier", "")
    if not name:
        return f"{UNNAMED}{call.exchange.id_chance.getrandbits(64):016x}"
    if len(name) > LONGEST_NAME:
        raise bad_parameter(name="identifier")
    if any((symbol, name) in call.account.by_client_id for symbol in call.account.rules):
        raise refusal(name="duplicate_identifier")
    return name
