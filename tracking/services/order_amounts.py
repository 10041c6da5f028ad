"""
How much an order is for, where that was told in money or in percent of what is there.

Percent of what: where an order can only reduce, of the strategy's position; on spot of the free
balance, selling of the base asset; elsewhere of free margin, as what the order is worth, without
leverage. Nothing is rounded here.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from exchanges.messages import MarketType, OrderType, PositionSide, Side
from exchanges.refusals import RefusalKind
from tracking.models import StrategyPosition
from tracking.services import market_prices
from tracking.services.order_limits import only_reduces
from tracking.services.payloads import plain
from tracking.services.refusals import Refusal

if TYPE_CHECKING:
    from exchanges.adapter import Adapter
    from exchanges.questions import Market, NewOrder
    from exchanges.rest import RestClient
    from tracking.models import StrategyAccount
    from tracking.services.order_intents import OrderIntent

ZERO = Decimal(0)
ONE = Decimal(1)


class NotReckonedError(Exception):
    """There is nothing to reckon an amount from; `refusal` says why."""

    def __init__(self, kind: RefusalKind, reason: str) -> None:
        """Keep it as a refusal."""
        super().__init__(reason)
        self.refusal = Refusal(kind=kind, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much, either way, and in words how it was reckoned."""

    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    changes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Desk:
    """Where one order is reckoned: whose it is, its market, and whom to ask."""

    use: StrategyAccount
    client: RestClient
    market: Market
    facts: Adapter
    intent: OrderIntent

    @cached_property
    def price(self) -> Decimal | None:
        """At what price it is reckoned: its own, or the market's last. Raises ExchangeError."""
        return (
            self.intent.price
            or self.intent.stop_price
            or market_prices.last_price(self.client, self.market)
        )

    @property
    def is_inverse(self) -> bool:
        """Whether the market counts contracts that are worth so much of the quote asset."""
        return self.market.market_type is MarketType.COIN_FUTURES

    @property
    def contract_size(self) -> Decimal:
        """What one of what the market counts is."""
        return self.market.contract_size or ONE

    def worth(self, quantity: Decimal) -> Decimal | None:
        """Say what a quantity is worth in the quote asset; None: nobody knows a price."""
        return self._worth_at(quantity, None if self.is_inverse else self.price)

    def most_worth(self, quantity: Decimal) -> Decimal | None:
        """Say the same at the dearest price it may be filled at. Raises ExchangeError."""
        told = (self.price, self.intent.price, self.intent.stop_price)
        known = [] if self.is_inverse else [price for price in told if price is not None]
        if not known:
            return self.worth(quantity)
        price = market_prices.dearest(self.client, self.market, self.intent.side, max(known))
        return self._worth_at(quantity, price)

    def _worth_at(self, quantity: Decimal, price: Decimal | None) -> Decimal | None:
        if self.is_inverse:
            return quantity * self.contract_size
        return None if price is None else quantity * self.contract_size * price


def amount_of(desk: Desk, draft: NewOrder) -> Amount:
    """Reckon how much an order is for. Raises NotReckonedError and ExchangeError."""
    intent = desk.intent
    if intent.quantity is not None:
        return Amount(quantity=intent.quantity)
    if intent.quote_quantity is not None:
        return _for_money(desk, intent.quote_quantity, ())
    return _percent(desk, draft, intent.percent or ZERO)


def _for_money(desk: Desk, money: Decimal, changes: tuple[str, ...]) -> Amount:
    intent = desk.intent
    is_market_buy = intent.order_type is OrderType.MARKET and intent.side is Side.BUY
    # selling, Upbit and some of ccxt's exchanges take quantities only
    if is_market_buy and desk.facts.takes_quote_quantity:
        return Amount(quote_quantity=money, changes=changes)
    asset = desk.market.quote
    if desk.is_inverse:
        quantity = money / desk.contract_size
        said = f"{plain(money)} {asset} in contracts of {plain(desk.contract_size)} {asset}"
    else:
        price = _price(desk)
        quantity = money / (price * desk.contract_size)
        said = f"{plain(money)} {asset} at a price of {plain(price)}"
    return Amount(quantity=quantity, changes=(*changes, f"the quantity is {said}"))


def _price(desk: Desk) -> Decimal:
    if desk.price is None:
        reason = f"nothing was ever traded in {desk.market.symbol}: there is no price to reckon by"
        raise NotReckonedError(RefusalKind.OTHER, reason)
    return desk.price


def _percent(desk: Desk, draft: NewOrder, percent: Decimal) -> Amount:
    if only_reduces(draft):
        held = _held(desk)
        said = f"{plain(percent)} percent of a position of {plain(held)}"
        return Amount(quantity=held * percent / 100, changes=(f"the quantity is {said}",))
    market, is_spot = desk.market, desk.market.market_type is MarketType.SPOT
    if is_spot and desk.intent.side is Side.SELL:
        free = _available(desk, market.base)
        said = f"{plain(percent)} percent of {plain(free)} {market.base}"
        return Amount(quantity=free * percent / 100, changes=(f"the quantity is {said}",))
    asset = market.quote if is_spot else market.settle or market.quote
    free = _available(desk, asset)
    money = free * percent / 100
    if desk.is_inverse:
        money *= _price(desk)
    said = f"{plain(percent)} percent of {plain(free)} {asset} that are free"
    return _for_money(desk, money, (f"its worth is {said}",))


def _available(desk: Desk, asset: str) -> Decimal:
    free = desk.client.fetch_available(asset)
    if free <= 0:
        raise NotReckonedError(RefusalKind.INSUFFICIENT_FUNDS, f"no {asset} is free")
    return free


def _held(desk: Desk) -> Decimal:
    """Say how much of the strategy's position an order of this side can reduce."""
    intent = desk.intent
    row = StrategyPosition.objects.filter(
        account=desk.use.account_id,
        strategy_account=desk.use,
        market_type=desk.market.market_type.value,
        symbol=intent.symbol,
        position_side=intent.position_side.value,
    ).first()
    held = row.quantity if row else ZERO
    if intent.position_side is PositionSide.NET and intent.side is Side.BUY:
        held = -held
    held = held if intent.position_side is PositionSide.NET else abs(held)
    if held <= 0:
        reason = f"the strategy holds nothing in {intent.symbol} that this could reduce"
        raise NotReckonedError(RefusalKind.NOTHING_TO_REDUCE, reason)
    return held
