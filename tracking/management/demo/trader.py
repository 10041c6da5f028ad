"""
The demo's traders: strategies that use our `OrderManager`, and a hand at the exchange's own site.

Both draw from one seeded generator. The strategies see the market's price and their own open
orders as our database has them, as a bot would; the hand goes past us, and we have to notice.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import structlog
from django.db import connection

from exchanges.errors import ExchangeError
from exchanges.messages import MarketType, OrderStatus, OrderType, Side
from tracking.management.demo.channels import Direct, NotTakenError
from tracking.management.demo.exchange_control import ExchangeControlError
from tracking.management.demo.theatre import symbol_id
from tracking.models import OpenOrder
from tracking.services import clients
from tracking.services.order_intents import InvalidOrderError, OrderIntent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.management.demo.cast import Cast
    from tracking.management.demo.channels import Channel
    from tracking.management.demo.exchange_control import ExchangeControl
    from tracking.management.demo.theatre import Theatre
    from tracking.models import ExchangeAccount, StrategyAccount

log = structlog.get_logger(__name__)

#: how far from the market's price a limit order is put, as shares of it; negative crosses
NEAR = (-0.0004, 0.0005)
FAR = (0.02, 0.04)
MOST_OPEN_ORDERS = 24
CANCEL_PARTIAL_CHANCE = 0.3
#: who is later than this does not hurry for all of it
CATCH_UP = 1.0
STOP_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the traders are; seconds."""

    #: from one order of the strategies to the next; a late one is made up for
    between_orders: tuple[float, float] = (0.12, 0.36)
    #: between two acts by hand
    between_hands: tuple[float, float] = (3.0, 6.0)


class Trader(threading.Thread):
    """Trades in a thread of its own until `stop()`."""

    def __init__(
        self,
        cast: Cast,
        theatre: Theatre,
        *,
        seed: int,
        pace: Pace | None = None,
        channel: Channel | None = None,
    ) -> None:
        """Nothing is traded before `start()`; without a `channel` it is done in this process."""
        super().__init__(name="trader", daemon=True)
        self._cast = cast
        self._theatre = theatre
        self._chance = Random(f"{seed}:trader")  # noqa: S311  (seeded randomness is wanted)
        self._pace = pace or Pace()
        self.channel = channel or Direct()
        self._ending = threading.Event()
        self._hand = Hand(cast, theatre, self._chance)
        self._next_hand = 0.0
        self.orders = 0
        self.refused = 0

    def run(self) -> None:
        """Trade."""
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due = max(due, time.monotonic() - CATCH_UP) + self._chance.uniform(
                *self._pace.between_orders
            )
            try:
                self.turn()
            except (
                ExchangeError,
                ExchangeControlError,
                InvalidOrderError,
                NotTakenError,
            ) as error:
                self.refused += 1
                log.info("trader.refused", reason=str(error) or type(error).__name__)
            except Exception:
                # a store that is away for a moment must not end the trading
                log.exception("trader.failed")
        connection.close()

    def stop(self) -> None:
        """Trade no more; what was begun is finished first."""
        self._ending.set()
        self.join(STOP_TIMEOUT)

    def turn(self) -> None:
        """Place one order, perhaps cancel some, perhaps let the hand act."""
        self._place()
        self._cancel_some()
        if time.monotonic() >= self._next_hand:
            self._next_hand = time.monotonic() + self._chance.uniform(*self._pace.between_hands)
            self._hand.act()

    def _place(self) -> None:
        use = self._chance.choice(self._cast.uses)
        intent = intended(self._theatre, use.account, self._chance)
        self.orders += 1
        self.channel.place(use, intent)

    def _cancel_some(self) -> None:
        orders = self._open_orders()
        partial = [
            order
            for order in orders
            if order.status == OrderStatus.PARTIALLY_FILLED.value
            and self._chance.random() < CANCEL_PARTIAL_CHANCE
        ]
        too_many = orders[: max(0, len(orders) - MOST_OPEN_ORDERS)]
        for order in {order.pk: order for order in partial + too_many}.values():
            self.channel.cancel(self._use_of(order), order)

    def _open_orders(self) -> list[OpenOrder]:
        rows = OpenOrder.objects.filter(
            strategy_account__in=[use.pk for use in self._cast.uses],
            exchange_order_id__isnull=False,
            cancel_requested_at__isnull=True,
        )
        return list(rows.order_by("created_at"))

    def _use_of(self, order: OpenOrder) -> StrategyAccount:
        return next(use for use in self._cast.uses if use.pk == order.strategy_account_id)


class Hand:
    """Somebody who trades on the exchange's own site."""

    def __init__(self, cast: Cast, theatre: Theatre, chance: Random) -> None:
        """Draw from the traders' common generator."""
        self._accounts = cast.accounts
        self._theatre = theatre
        self._chance = chance

    def act(self) -> None:
        """Place an order by hand; now and then cancel whatever is open instead."""
        account = self._chance.choice(self._accounts)
        if self._chance.random() < 0.2 and self._cancelled_one(account):  # noqa: PLR2004
            return
        intent = intended(self._theatre, account, self._chance)
        place_by_hand(self._theatre.control_of(account), account, intent)

    def _cancelled_one(self, account: ExchangeAccount) -> bool:
        known = OpenOrder.objects.filter(account=account, exchange_order_id__isnull=False)
        orders = list(known.order_by("pk"))
        if not orders:
            return False
        order = self._chance.choice(orders)
        where = {"symbol": symbol_id(account, order.symbol), "orderId": order.exchange_order_id}
        self._theatre.control_of(account).act("cancel", account.api_key, **where)
        return True


def place_by_hand(control: ExchangeControl, account: ExchangeAccount, intent: OrderIntent) -> None:
    """Place an order past us. Raises ExchangeControlError if the exchange refuses it."""
    terms: dict[str, object] = {
        "symbol": symbol_id(account, intent.symbol),
        "side": intent.side.value,
        "type": intent.order_type.value,
    }
    market = clients.rest_client(account).markets.market_of(
        MarketType(account.market_type), intent.symbol
    )
    terms["quantity"] = f"{on_step(intent.quantity or Decimal(0), market.quantity_step):f}"
    if intent.price is not None:
        terms["price"] = f"{on_step(intent.price, market.price_step_at(intent.price)):f}"
    control.act("place", account.api_key, **terms)


def on_step(amount: Decimal, step: Decimal) -> Decimal:
    """Round an amount down to a market's step."""
    return amount // step * step


def intended(theatre: Theatre, account: ExchangeAccount, chance: Random) -> OrderIntent:
    """Draw an order for an account, as its market is; in contracts where it counts those."""
    house = theatre.house_of(account)
    intent = draw_intent(chance, theatre.prices(account), house.notional)
    markets = clients.rest_client(account).markets
    market = markets.market_of(MarketType(account.market_type), intent.symbol)
    if house.market_type is not MarketType.COIN_FUTURES or market.contract_size is None:
        return intent
    price = intent.price or theatre.prices(account)[intent.symbol]
    contracts = (intent.quantity or Decimal(0)) * price / market.contract_size
    return replace(intent, quantity=on_step(contracts, market.quantity_step))


def draw_intent(
    chance: Random, prices: Mapping[str, Decimal], notionals: tuple[int, int]
) -> OrderIntent:
    """Draw an order: a market order, a limit order near the price, or one far from it.

    `notionals`: the least and the most it is worth, in the quote asset.
    """
    symbol, side = chance.choice(list(prices)), chance.choice((Side.BUY, Side.SELL))
    price = prices[symbol]
    notional = Decimal(chance.randint(*notionals))
    kind = chance.choices(("market", "near", "far"), weights=(25, 65, 10))[0]
    return OrderIntent(
        symbol=symbol,
        side=side,
        order_type=OrderType.MARKET if kind == "market" else OrderType.LIMIT,
        quantity=notional / price,
        price=None if kind == "market" else _limit(chance, price, side, kind),
    )


def _limit(chance: Random, price: Decimal, side: Side, kind: str) -> Decimal:
    away = Decimal(str(chance.uniform(*(FAR if kind == "far" else NEAR))))
    return price * (1 - away if side is Side.BUY else 1 + away)
