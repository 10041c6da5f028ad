"""
Placing and cancelling: what left the building is always known.

Note [Commit, claim, send once]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An `OrderRequest` and its `OpenOrder` (PENDING, with the client order id) are committed before
anything is sent. The send is claimed in a commit of its own: `sent_at` goes from NULL to now. Then
the order is sent, once. No answer means UNKNOWN, which is resolved by asking and never by sending
again; claimed without a recorded answer means the same after a crash. Never claimed and too old
means FAILED. The answer is evidence and takes the write path of every other evidence.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.utils import timezone

from exchanges import registry
from exchanges.messages import MarketType, OrderStatus
from exchanges.questions import NewOrder
from tracking.domain import client_ids
from tracking.models import (
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    RequestAction,
    StrategyAccount,
)
from tracking.services import clients, contract_terms
from tracking.services.baseline import ensure_baseline
from tracking.services.event_emitter import open_pending, request_cancel
from tracking.services.order_preparation import checked_price, checked_quantity
from tracking.services.order_requests import RequestMismatchError
from tracking.services.order_sending import claim_send, send_cancel, send_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.services.order_intents import OrderIntent

#: Without a recorded answer an order is asked about after this long (a request takes 10 s at most).
ANSWER_IS_LATE = timedelta(seconds=15)


class OrderManager:
    """Places and cancels the orders of one strategy account."""

    def __init__(self, strategy_account: StrategyAccount) -> None:
        """Bind to a strategy's use of an account."""
        self.strategy_account = strategy_account
        self.account: ExchangeAccount = strategy_account.account

    def execute(self, intent: OrderIntent, *, idempotency_key: str) -> OrderRequest:
        """Place an order, once. The same key again returns the same request.

        Raises RequestMismatchError, InvalidOrderError, and ExchangeError if nothing could be asked
        before anything was committed. What happens after that is in the request's outcome.
        """
        known = self._known(idempotency_key, intent.body())
        if known is not None:
            return known
        clients.require_active(self.account)
        self.account = ensure_baseline(self.account)
        client = clients.rest_client(self.account)
        order = self._rounded(client, intent)
        try:
            request = self._commit(intent, order, idempotency_key)
        except IntegrityError:
            # the same key at the same moment: the other one's request is ours
            return self._require(idempotency_key, intent.body())
        if claim_send(request):
            send_order(self.account, client, request, order, intent.symbol)
        request.refresh_from_db()
        return request

    def cancel(self, order: OpenOrder, *, idempotency_key: str) -> OrderRequest:
        """Ask for an order's cancellation, once. Its answer is evidence like any other."""
        body = {"cancel": order.exchange_order_id or order.client_order_id, "symbol": order.symbol}
        known = self._known(idempotency_key, body)
        if known is not None:
            return known
        clients.require_active(self.account)
        try:
            request = self._commit_cancel(order, idempotency_key, body)
        except IntegrityError:
            return self._require(idempotency_key, body)
        if claim_send(request):
            send_cancel(self.account, request, order)
        request.refresh_from_db()
        return request

    def _known(self, key: str, body: Mapping[str, object]) -> OrderRequest | None:
        user_id = self.account.user_id
        request = OrderRequest.objects.filter(user_id=user_id, idempotency_key=key).first()
        if request is not None and request.body != body:
            raise RequestMismatchError(RequestMismatchError.__doc__)
        return request

    def _require(self, key: str, body: Mapping[str, object]) -> OrderRequest:
        request = self._known(key, body)
        if request is None:
            message = "the request exists in no committed state; send it again"
            raise RequestMismatchError(message)
        return request

    def _rounded(self, client: RestClient, intent: OrderIntent) -> NewOrder:
        market_type = MarketType(self.account.market_type)
        market = client.markets.market_of(market_type, intent.symbol)
        contract_terms.learn(self.account.exchange, client.markets)
        rules = registry.adapter(self.account.exchange).client_order_ids
        random_part = "".join(
            secrets.choice(client_ids.ALPHABET) for _ in range(client_ids.RANDOM_LENGTH)
        )
        return NewOrder(
            market_type=market_type,
            symbol_id=market.symbol_id,
            client_order_id=client_ids.compose(
                self.strategy_account.token, random_part, prefix=rules.prefix
            ),
            side=intent.side,
            order_type=intent.order_type,
            quantity=checked_quantity(intent, market),
            price=checked_price(intent, market),
            time_in_force=intent.time_in_force,
            position_side=intent.position_side,
            reduce_only=intent.reduce_only,
        )

    def _commit(self, intent: OrderIntent, order: NewOrder, key: str) -> OrderRequest:
        now = timezone.now()
        request = OrderRequest(
            user_id=self.account.user_id,
            account=self.account,
            strategy_account=self.strategy_account,
            idempotency_key=key,
            action=RequestAction.PLACE.value,
            body=intent.body(),
            market_type=self.account.market_type,
            symbol=intent.symbol,
            client_order_id=order.client_order_id,
            created_at=now,
        )
        open_pending(request, self._new_row(intent, order, now), now)
        return request

    def _new_row(self, intent: OrderIntent, order: NewOrder, now: datetime) -> OpenOrder:
        return OpenOrder(
            account=self.account,
            strategy_account=self.strategy_account,
            market_type=self.account.market_type,
            symbol=intent.symbol,
            client_order_id=order.client_order_id,
            placed_by_us=True,
            side=order.side.value,
            position_side=order.position_side.value,
            order_type=order.order_type.value,
            time_in_force=order.time_in_force.value,
            price=order.price,
            quantity=order.quantity,
            reduce_only=order.reduce_only,
            status=OrderStatus.PENDING.value,
            next_verify_at=now + ANSWER_IS_LATE,
            version=1,
            created_at=now,
            updated_at=now,
        )

    def _commit_cancel(
        self, order: OpenOrder, key: str, body: Mapping[str, object]
    ) -> OrderRequest:
        now = timezone.now()
        request = OrderRequest(
            user_id=self.account.user_id,
            account=self.account,
            strategy_account=self.strategy_account,
            idempotency_key=key,
            action=RequestAction.CANCEL.value,
            body=body,
            market_type=order.market_type,
            symbol=order.symbol,
            client_order_id=order.client_order_id,
            exchange_order_id=order.exchange_order_id,
            created_at=now,
        )
        request_cancel(request, order.pk, now)
        return request
