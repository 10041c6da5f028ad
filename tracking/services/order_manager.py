"""
Placing and cancelling: what left the building is always known.

Note [Commit, claim, send once]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An `OrderRequest` with the client order id is committed before anything else happens. Its
`OpenOrder` (PENDING) is committed, after all checks and under the account's lock, before anything
is sent. The send is claimed in a commit of its own: `sent_at` goes from NULL to now, not while a
halt stands and not for what is too old. Then the order is sent, once. No answer means UNKNOWN,
which is resolved by asking and never by sending again; claimed without a recorded answer means the
same after a crash. Never claimed and too old means FAILED. The answer is evidence and takes the
write path of every other evidence.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.models import ExchangeAccount, OpenOrder, OrderRequest, RequestSource, StrategyAccount
from tracking.services import order_dispatch, order_requests
from tracking.services.order_requests import Wanted

if TYPE_CHECKING:
    from decimal import Decimal

    from tracking.services.order_intents import OrderIntent


class OrderManager:
    """Places, cancels and amends the orders of one strategy account, and waits for the answers."""

    def __init__(self, strategy_account: StrategyAccount) -> None:
        """Bind to a strategy's use of an account."""
        self.strategy_account = strategy_account
        self.account: ExchangeAccount = strategy_account.account

    def execute(
        self,
        intent: OrderIntent,
        *,
        idempotency_key: str,
        source: RequestSource = RequestSource.TRADER,
    ) -> OrderRequest:
        """Place an order, once. The same key again returns the same request.

        What became of it is in the request's outcome. Raises RequestMismatchError and
        InvalidOrderError, before anything is committed.
        """
        wanted = Wanted(
            use=self.strategy_account, intent=intent, key=idempotency_key, source=source
        )
        return _dispatched(order_requests.accept([wanted])[0])

    def cancel(
        self,
        order: OpenOrder,
        *,
        idempotency_key: str,
        source: RequestSource = RequestSource.TRADER,
    ) -> OrderRequest:
        """Ask for an order's cancellation, once. Its answer is evidence like any other."""
        accepted = order_requests.accept_cancel(order, key=idempotency_key, source=source)
        return _dispatched(accepted)

    def amend(
        self,
        order: OpenOrder,
        *,
        idempotency_key: str,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        source: RequestSource = RequestSource.TRADER,
    ) -> OrderRequest:
        """Ask for other terms of an order, once; what is None stays. `quantity` counts fills."""
        accepted = order_requests.accept_amend(
            order, quantity=quantity, price=price, key=idempotency_key, source=source
        )
        return _dispatched(accepted)


def _dispatched(request: OrderRequest) -> OrderRequest:
    order_dispatch.dispatch([request.pk])
    request.refresh_from_db()
    return request
