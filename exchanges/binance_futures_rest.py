"""
Binance futures by REST, USD-M and COIN-M: positions, incomes, conditional orders, listen keys.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from exchanges import binance_answers as answers
from exchanges import binance_requests as requests
from exchanges.binance_incomes import fetch_activity
from exchanges.binance_orders import not_offered, offered, read_batch
from exchanges.binance_rest import BinanceRest
from exchanges.binance_vocabulary import CONDITIONAL
from exchanges.binance_wallet import Wallet, balances
from exchanges.errors import (
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
)
from exchanges.governor import Priority
from exchanges.messages import IdSpace, Source
from exchanges.questions import Activity
from exchanges.rest import TIMEOUT
from exchanges.understanding import outcome, understood
from exchanges.wire import a_list, an_object, flag, optional_text, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.binance_calls import FuturesEndpoints
    from exchanges.binance_rest import Speech
    from exchanges.calls import Calls, Endpoint, Told
    from exchanges.errors import ExchangeError
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import HoldingReport, MarketType, OrderSnapshot
    from exchanges.questions import Amendment, NewOrder, OrderRef


class BinanceFuturesRest(BinanceRest):
    """One account of USD-M or COIN-M. Implements `rest.RestClient` and `rest.KeyedRestClient`."""

    def __init__(
        self,
        *,
        api: Calls,
        governor: Governor,
        markets: Markets,
        market_type: MarketType,
        speech: Speech,
        wallet: Calls,
        endpoints: FuturesEndpoints,
    ) -> None:
        """`endpoints` are those of `speech`, with what only futures have."""
        super().__init__(
            api=api,
            governor=governor,
            markets=markets,
            market_type=market_type,
            speech=speech,
            wallet=wallet,
        )
        self._endpoints, self._wallet = endpoints, Wallet()

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order, conditional or not. Raises OrderNotFound, which proves nothing."""
        is_algo = ref.id_space is IdSpace.ALGO
        endpoint = self._endpoints.algo_order if is_algo else self._endpoints.order
        return self._one(endpoint, ref, timeout, priority)

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the conditional orders that have not triggered yet."""
        endpoints = self._endpoints
        endpoint = endpoints.open_algo_orders if symbol_id else endpoints.all_open_algo_orders
        parameters = requests.of_symbol(symbol_id)
        return self._many(endpoint, parameters, IdSpace.ALGO, timeout, priority)

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held. A market that is not mentioned is held at zero."""
        told = self._api.call(self._endpoints.holdings, {}, priority=priority, timeout=timeout)
        return understood(
            lambda: tuple(
                answers.holding(row, market_type=self._market_type) for row in a_list(told.body)
            )
        )

    def fetch_activity(
        self,
        since: datetime,
        *,
        only_funding: bool = False,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> Activity:
        """Ask what was traded since then, by what it cost and earned, and what moved without.

        Finds round trips made by hand in symbols nobody watches, and funding. Where no balance of
        the wallet has moved the list (weight 30) is not read: see `binance_wallet`.
        """
        ask = partial(
            fetch_activity,
            self._api,
            self._endpoints.income,
            market_type=self._market_type,
            only_funding=only_funding,
            priority=priority,
        )
        if only_funding:
            return ask(since, timeout=timeout)
        deadline = time.monotonic() + timeout
        told = self._api.call(self._endpoints.balances, {}, priority=priority, timeout=timeout)
        now = understood(lambda: balances(told.body))
        if self._wallet.may_skip(now, since):
            return Activity()
        begin = self._wallet.read_from(since)
        activity = ask(begin, timeout=max(0.0, deadline - time.monotonic()))
        if activity.more_from is None:
            self._wallet.note_read(now)
        return activity

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Ask whether long and short positions are kept apart (weight 30)."""
        told = self._api.call(self._endpoints.position_mode, {}, priority=priority, timeout=timeout)
        return understood(lambda: flag(an_object(told.body), "dualSidePosition"))

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of an asset may become margin."""
        told = self._api.call(self._endpoints.balances, {}, priority=priority, timeout=timeout)
        return understood(lambda: answers.available(told.body, asset))

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once; a conditional one to the service that keeps such (-4120).

        Raises OrderRefused, OutcomeUnknown, or that nothing was sent.
        """
        if order.order_type not in CONDITIONAL:
            return super().place_order(order, timeout=timeout)
        return self._send(
            self._endpoints.place_algo,
            requests.algo_terms(offered(order)),
            order,
            timeout=timeout,
            id_space=IdSpace.ALGO,
        )

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send up to five orders in one request; what became of each, in order.

        Conditional ones do not go with others: each is answered with OrderRefused of kind
        NOT_OFFERED, and was not sent. Raises what is true of all that were.
        """
        refused = {index: error for index, order in enumerate(orders) if (error := _alone(order))}
        sent = [order for index, order in enumerate(orders) if index not in refused]
        told = iter(self._send_batch(sent, timeout) if sent else ())
        return tuple(refused.get(index) or next(told) for index in range(len(orders)))

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Change quantity and price of a LIMIT order; one filled so far already is cancelled."""
        if amendment.ref.id_space is IdSpace.ALGO:
            msg = "conditional orders cannot be amended"
            raise not_offered(msg)
        told = self._api.call(
            self._endpoints.amend,
            requests.amendment_terms(amendment),
            priority=Priority.ORDER,
            timeout=timeout,
        )
        return self._done(amendment.ref, told)

    def _send_batch(
        self, orders: Sequence[NewOrder], timeout: float
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        told = self._api.call(
            self._endpoints.batch,
            {"batchOrders": [requests.terms(order) for order in orders]},
            priority=Priority.ORDER,
            timeout=timeout,
        )
        results = outcome(
            lambda: read_batch(
                told.body,
                orders,
                lambda row: self._order(row, told, IdSpace.ORDER, Source.SUBMIT),
            )
        )
        if limit := next((one for one in results if isinstance(one, RateLimited)), None):
            self._api.hear_limit(limit)
        return results

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open."""
        if ref.id_space is IdSpace.ALGO:
            return self._cancel_algo(ref, timeout)
        return super().cancel_order(ref, timeout=timeout)

    def _cancel_algo(self, ref: OrderRef, timeout: float) -> OrderSnapshot:
        """Cancel a conditional order; the answer does not tell its terms, so they are asked for."""
        endpoint, parameters = self._endpoints.cancel_algo, requests.naming(ref)
        self._api.call(endpoint, parameters, priority=Priority.ORDER, timeout=timeout)
        try:
            return self.fetch_order(ref, timeout=timeout, priority=Priority.ORDER)
        except (TransientError, PermanentError) as error:
            msg = f"cancelled, but not seen so: {error}"
            raise OutcomeUnknown(msg) from None

    def create_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Obtain the key of the private stream (the same one while it lives)."""
        told = self._listen_key(self._endpoints.create_listen_key, timeout)
        return understood(lambda: text(an_object(told.body), "listenKey"))

    def extend_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Give the key another hour; returns it, or "" if the exchange does not name it.

        Raises ListenKeyGone when there is none any more.
        """
        # older answers are empty: the key that lives was extended
        told = self._listen_key(self._endpoints.extend_listen_key, timeout)
        return understood(lambda: optional_text(an_object(told.body), "listenKey"))

    def _listen_key(self, endpoint: Endpoint, timeout: float) -> Told:
        return self._api.call(endpoint, {}, priority=Priority.VERIFY, timeout=timeout)


def _alone(order: NewOrder) -> OrderRefused | None:
    """Say why an order cannot be sent with others."""
    if order.order_type in CONDITIONAL:
        return not_offered("conditional orders are placed one by one")
    try:
        offered(order)
    except OrderRefused as refusal:
        return refusal
    return None
