"""
How orders meet: a taker with the house's offers and with those who rest, best price first.

Price-time priority among accounts; of equal prices the accounts' orders come first. An account
does not trade with itself: its resting order expires instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import ZERO
from exchanges.simulator.market import OPPOSITE

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.engine import Engine
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order, OrderTerms

#: how much of a resting order fills when the price reaches it: all, or a share of so many per cent
WHOLE_FILL_PERCENT: Final = 25
SHARE_PERCENT: Final = (20, 70)
MOST_COUNTERPARTIES: Final = 3


def match(engine: Engine, taker: Order) -> None:
    """Let an order trade with what it crosses."""
    market = engine.markets[taker.symbol]
    while taker.is_open and may_fill(engine, taker) and match_once(engine, market, taker):
        continue


def match_once(engine: Engine, market: Market, taker: Order) -> bool:
    """One trade with the best that is there; whether there may be another."""
    offers = market.offers_for(taker.terms.side)
    maker = market.book.best(OPPOSITE[taker.terms.side])
    if maker and (not offers or (maker.price - offers[0].price) * taker.sign <= 0):
        return crosses(taker, maker.price) and meet(engine, taker, maker)
    if not offers or not crosses(taker, offers[0].price):
        return False
    offer = offers[0]
    quantity = min(engine.custody.fillable(taker, offer.price), offer.quantity)
    if quantity <= 0:
        return False
    offer.quantity -= quantity
    if not offer.quantity:
        del offers[0]
    engine.fill(taker, offer.price, quantity, is_maker=False)
    return True


def meet(engine: Engine, taker: Order, maker: Order) -> bool:
    """Two orders of accounts; whether the taker may go on."""
    if maker.account is taker.account:
        engine.expire(maker, states.SELF_TRADE, states.EXPIRED_IN_MATCH)
    elif may_fill(engine, maker):
        price, custody = maker.price, engine.custody
        quantity = min(custody.fillable(taker, price), custody.fillable(maker, price))
        if quantity <= 0:
            return False
        trade_id = engine.markets[taker.symbol].take_trade_id()
        engine.fill(maker, price, quantity, is_maker=True, trade_id=trade_id)
        engine.fill(taker, price, quantity, is_maker=False, trade_id=trade_id)
    return True


def may_fill(engine: Engine, order: Order) -> bool:
    """Whether an order may trade at all; one that has nothing to reduce ends."""
    if not order.reduce_only or engine.custody.fillable(order, order.price) > 0:
        return True
    engine.expire(order, states.REDUCE_ONLY_CONFLICT)
    return False


def fill_reached(engine: Engine, market: Market, *, whole: bool) -> None:
    """Fill the resting orders that the price has reached, wholly or by a drawn share."""
    for side in ("BUY", "SELL"):
        for order in market.book.reached(side, market.price):
            if order.is_open:
                quantity = order.remaining if whole else drawn_share(market, order)
                counterparties = market.fills.randint(1, MOST_COUNTERPARTIES)
                engine.fill_resting(order, quantity, counterparties)


def drawn_share(market: Market, order: Order) -> Decimal:
    """How much of a reached order trades at this move."""
    chance, step = market.fills, market.rules.quantity_step
    if chance.randint(1, 100) <= WHOLE_FILL_PERCENT:
        return order.remaining
    share = order.remaining * chance.randint(*SHARE_PERCENT) / 100
    return max(share // step * step, step)


def crosses(taker: Order, price: Decimal) -> bool:
    """Whether a taker may trade at this price."""
    return taker.terms.type != "LIMIT" or (taker.price - price) * taker.sign >= 0


def would_rest(market: Market, terms: OrderTerms) -> bool:
    """Whether a limit order would not trade at once."""
    sign = 1 if terms.side == "BUY" else -1
    return (terms.price - market.touch(OPPOSITE[terms.side])) * sign < 0


def finds_all(market: Market, account: Account, terms: OrderTerms) -> bool:
    """Whether an order would fill at once and wholly."""
    sign = 1 if terms.side == "BUY" else -1
    on_offer = [(offer.price, offer.quantity) for offer in market.offers_for(terms.side)]
    resting = [
        (order.price, order.remaining)
        for order in market.book.on_side(OPPOSITE[terms.side])
        if order.account is not account
    ]
    within = sum(
        (
            quantity
            for price, quantity in on_offer + resting
            if terms.type == "MARKET" or (terms.price - price) * sign >= 0
        ),
        ZERO,
    )
    return within >= terms.quantity
