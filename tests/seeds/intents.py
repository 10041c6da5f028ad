"""What a strategy may want, by chance."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.order_intents import OrderIntent

if TYPE_CHECKING:
    import random

#: unified symbol: a price at which one may buy and wait, and one at which one may sell and wait
MARKETS = {"BTC/USDT:USDT": (30000, 90000), "ETH/USDT:USDT": (1000, 9000)}


def an_intent(chance: random.Random, *, hedge: bool) -> OrderIntent:
    """Resting or filling at once, either way, sometimes what the exchange refuses."""
    symbol = chance.choice(list(MARKETS))
    side = chance.choice([Side.BUY, Side.SELL])
    position_side = chance.choice([PositionSide.LONG, PositionSide.SHORT])
    order_type = chance.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET])
    prices = dict(zip(Side, MARKETS[symbol], strict=True))
    return OrderIntent(
        symbol=symbol,
        side=side,
        order_type=order_type,
        quantity=Decimal(chance.choice(["0.05", "0.1", "0.2", "0.2", "900"])),
        price=Decimal(prices[side]) if order_type is OrderType.LIMIT else None,
        time_in_force=TimeInForce.GTC,
        position_side=position_side if hedge else PositionSide.NET,
    )
