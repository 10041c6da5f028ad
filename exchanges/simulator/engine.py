"""
The matching engine: takes checked orders, makes fills, and tells the streams what happened.

Every change of an order goes through here, in one thread, so what the streams say and what the
ledger holds are one history. Both sides of a fill between two accounts carry the same trade id.

Invariants: an order never fills beyond its quantity; a terminal order never changes again; the
position of an account is the sum of its signed fills; a reduce-only order never grows a position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from exchanges.simulator import orders as states
from exchanges.simulator.accounts import Account
from exchanges.simulator.amounts import ZERO, split
from exchanges.simulator.fees import charged
from exchanges.simulator.market import OPPOSITE, Market
from exchanges.simulator.orders import Execution, Order, OrderTerms

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.simulator.accounts import Position
    from exchanges.simulator.config import SimulatorConfig

#: how much of a resting order fills when the price reaches it: all, or a share of so many per cent
WHOLE_FILL_PERCENT: Final = 25
SHARE_PERCENT: Final = (20, 70)
MOST_COUNTERPARTIES: Final = 3


class Sink(Protocol):
    """Who is told of changes, at once and in order."""

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        """`kind` is Binance's execution type: NEW, TRADE, CANCELED, EXPIRED, ..."""

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        """The wallet, and perhaps one position, has changed."""


class Engine:
    """All markets and accounts of the exchange."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        seed: int,
        clock: Callable[[], int],
        sink: Sink,
    ) -> None:
        """`clock` gives milliseconds; `sink` is told of every change."""
        self.config = config
        self.clock = clock
        self.sink = sink
        self.accounts: dict[str, Account] = {}
        #: called after every move of a price
        self.watchers: list[Callable[[Market], None]] = []
        self.markets = {
            rules.symbol: Market.opened(
                rules,
                seed,
                first_order_id=config.first_order_id,
                first_trade_id=config.first_trade_id,
                clock=clock,
            )
            for rules in config.symbols
        }

    def open_account(
        self, api_key: str, api_secret: str, balance: Decimal, *, hedge: bool = False
    ) -> Account:
        """A new account, or the one that has this key already."""
        found = self.accounts.get(api_key)
        if found is None:
            found = self.accounts[api_key] = Account(
                api_key=api_key,
                api_secret=api_secret,
                wallet=balance,
                deposited=balance,
                hedge=hedge,
            )
        return found

    def begin_anew(self) -> None:
        """Forget every order, fill and position, without a word; ids start again."""
        for market in self.markets.values():
            market.begin_anew(self.config.first_order_id, self.config.first_trade_id)
        for account in self.accounts.values():
            account.begin_anew()

    def place(self, account: Account, terms: OrderTerms) -> Order:
        """Accept a checked order, match what matches, leave, cancel or expire the rest."""
        order = self.accept(account, terms)
        self._match(order)
        if order.is_open:
            self._leave(order)
        return order

    def accept(self, account: Account, terms: OrderTerms) -> Order:
        """Enter an order into the account's books, not yet into the market."""
        market = self.markets[terms.symbol]
        now = self.clock()
        order = Order(
            account=account,
            rules=market.rules,
            order_id=terms.condition.number if terms.condition else market.take_order_id(),
            terms=terms,
            quantity=terms.quantity,
            price=terms.price,
            created=now,
            updated=now,
            reduce_only=terms.reduce_only or terms.is_closing,
        )
        account.add(order)
        account.by_hand += terms.origin == states.BY_HAND
        self.sink.order_changed(order, "NEW", None)
        return order

    def rest(self, order: Order) -> None:
        """Put an accepted order into the book as it is."""
        self.markets[order.symbol].book.add(order)

    def _leave(self, order: Order) -> None:
        if order.terms.type == "MARKET":
            self.expire(order, states.MARKET_LEFTOVER)
        elif order.terms.time_in_force in {"IOC", "FOK"}:
            self.expire(order, states.IOC_LEFTOVER)
        else:
            self.rest(order)

    def cancel(self, order: Order) -> None:
        """End an open order at its owner's wish."""
        self._end(order, states.CANCELED, "CANCELED")

    def expire(self, order: Order, reason: str, status: str = states.EXPIRED) -> None:
        """End an open order for a reason of the exchange's."""
        order.expiry_reason = reason
        self._end(order, status, "EXPIRED")

    def _end(self, order: Order, status: str, kind: str) -> None:
        self.markets[order.symbol].book.remove(order)
        order.account.close(order, status, self.clock())
        self.sink.order_changed(order, kind, None)

    def amend(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        """Change an open limit order; it is cancelled if it had filled that much already."""
        if quantity <= order.executed:
            self.cancel(order)
            return
        self.markets[order.symbol].book.remove(order)
        order.account.rearrange(order, quantity, price)
        order.updated, order.frame_head = self.clock(), ""
        self.sink.order_changed(order, "AMENDMENT", None)
        self._match(order)
        if order.is_open:
            self.rest(order)

    def _match(self, taker: Order) -> None:
        market = self.markets[taker.symbol]
        while taker.is_open and self._can_grow_or_reduce(taker) and self._match_once(market, taker):
            continue

    def _match_once(self, market: Market, taker: Order) -> bool:
        offers = market.offers_for(taker.terms.side)
        maker = market.book.best(OPPOSITE[taker.terms.side])
        if maker and (not offers or (maker.price - offers[0].price) * taker.sign <= 0):
            return crosses(taker, maker.price) and self._meet(taker, maker)
        if not offers or not crosses(taker, offers[0].price):
            return False
        offer = offers[0]
        quantity = min(self.fillable(taker), offer.quantity)
        offer.quantity -= quantity
        if not offer.quantity:
            del offers[0]
        self.fill(taker, offer.price, quantity, is_maker=False)
        return True

    def _meet(self, taker: Order, maker: Order) -> bool:
        if maker.account is taker.account:
            self.expire(maker, states.SELF_TRADE, states.EXPIRED_IN_MATCH)
        elif self._can_grow_or_reduce(maker):
            quantity = min(self.fillable(taker), self.fillable(maker))
            trade_id = self.markets[taker.symbol].take_trade_id()
            price = maker.price
            self.fill(maker, price, quantity, is_maker=True, trade_id=trade_id)
            self.fill(taker, price, quantity, is_maker=False, trade_id=trade_id)
        return True

    def _can_grow_or_reduce(self, order: Order) -> bool:
        if self.fillable(order) > 0:
            return True
        self.expire(order, states.REDUCE_ONLY_CONFLICT)
        return False

    def fillable(self, order: Order) -> Decimal:
        """What may fill now: what remains, or what is left to reduce."""
        if not order.reduce_only:
            return order.remaining
        position = order.account.position(order.symbol, order.terms.position_side)
        return min(order.remaining, max(ZERO, -position.quantity * order.sign))

    def fill(
        self,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        *,
        is_maker: bool,
        trade_id: int | None = None,
        kind: str = "TRADE",
    ) -> Execution:
        """Trade `quantity` of an open order with somebody; the one place where fills are made."""
        account = order.account
        position = account.position(order.symbol, order.terms.position_side)
        rate = self.config.maker_fee if is_maker else self.config.taker_fee
        notional = price * quantity
        commission, asset = charged(account, self.markets, order.rules.quote, notional * rate)
        execution = Execution(
            order=order,
            trade_id=trade_id or self.markets[order.symbol].take_trade_id(),
            price=price,
            quantity=quantity,
            commission=commission,
            commission_asset=asset,
            is_maker=is_maker,
            realized_pnl=position.apply(quantity * order.sign, price),
            time=self.clock(),
        )
        position.updated = execution.time
        order.executed += quantity
        order.quote += notional
        account.record(execution)
        self._progress(order, execution)
        self.sink.holdings_changed(account, position, "ORDER")
        self.sink.order_changed(order, kind, execution)
        return execution

    def _progress(self, order: Order, execution: Execution) -> None:
        order.updated = execution.time
        if order.remaining:
            order.status = states.PARTIALLY_FILLED
            return
        self.markets[order.symbol].book.remove(order)
        order.account.close(order, states.FILLED, execution.time)

    def fill_resting(
        self, order: Order, quantity: Decimal, counterparties: int, trade_id: int | None = None
    ) -> int:
        """Let others trade against a resting order at its price; returns the number of fills.

        With a `trade_id` all of them carry this one, as some exchanges number them.
        """
        market = self.markets[order.symbol]
        quantity = min(quantity, self.fillable(order))
        if quantity <= 0:
            self._can_grow_or_reduce(order)
            return 0
        pieces = split(quantity, counterparties, market.rules.quantity_step, market.fills)
        for piece in pieces:
            self.fill(order, order.price, piece, is_maker=True, trade_id=trade_id)
        return len(pieces)

    def step(self, symbol: str) -> None:
        """Move the price of one symbol once and fill what it reached, in part or whole."""
        market = self.markets[symbol]
        market.step(self.config.volatility)
        self.sweep(market)

    def sweep(self, market: Market, *, whole: bool = False) -> None:
        """Fill the resting orders that the price has reached."""
        for side in ("BUY", "SELL"):
            for order in market.book.reached(side, market.price):
                if order.is_open:
                    quantity = order.remaining if whole else drawn_share(market, order)
                    counterparties = market.fills.randint(1, MOST_COUNTERPARTIES)
                    self.fill_resting(order, quantity, counterparties)
        for look in self.watchers:
            look(market)


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
