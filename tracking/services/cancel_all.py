"""
Cancel-all: one CANCEL request for each living order that fits, all committed together.

What is alive is looked up once more under the locks of its accounts, so that nothing that appears
meanwhile is missed there, and nothing is asked for twice: an order whose cancel is on its way is
left out. An order the exchange has given no id yet is cancelled by our own id for it. The same key
again gives the requests of the first time, whatever lives now.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tracking.models import OpenOrder, OrderRequest, RequestAction
from tracking.services.event_emitter import lock_account, mark_cancelling
from tracking.services.journal import Journal
from tracking.services.order_requests import RequestMismatchError
from tracking.services.request_keys import derived, stem
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import QuerySet

    from exchanges.messages import Side
    from tracking.models import RequestSource


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelFilter:
    """Which orders; None narrows nothing."""

    strategy_id: int | None = None
    account_id: int | None = None
    symbol: str | None = None
    side: Side | None = None

    def body(self) -> dict[str, str | int]:
        """Write what narrows as JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCancels:
    """What a transaction accepted, and the journal number to publish after its commit."""

    requests: list[OrderRequest] = field(default_factory=list)
    last_seq: int = 0


def orders_to_cancel(user_id: int, which: CancelFilter) -> list[OpenOrder]:
    """Give a user's living orders that fit and whose cancel is not on its way; by id."""
    return list(_fitting(user_id, which))


def accept_cancel_all(
    user_id: int,
    which: CancelFilter,
    *,
    key: str,
    source: RequestSource,
    beside: Callable[[list[OrderRequest]], None] | None = None,
) -> list[OrderRequest]:
    """Commit the cancels of all orders that fit, and what `beside` writes with them.

    Give the requests to `order_dispatch` afterwards. The same key again returns the same requests;
    `beside` is called then, too. Raises RequestMismatchError when the key was used for something
    else, and RuntimeError inside another transaction.
    """
    with transaction.atomic(durable=True):
        accepted = cancel_all_within(user_id, which, key=key, source=source)
        if beside is not None:
            beside(accepted.requests)
    publish_events({user_id: accepted.last_seq} if accepted.last_seq else {})
    return accepted.requests


def cancel_all_within(
    user_id: int, which: CancelFilter, *, key: str, source: RequestSource
) -> AcceptedCancels:
    """Accept the cancels inside the caller's transaction, as `accept_cancel_all` does.

    Takes the locks of all accounts that have such orders, so the caller may hold none of another
    account; its own rows come after. After the commit the caller publishes `last_seq`
    (`publish_events`).
    """
    now = timezone.now()
    account_ids = sorted(set(_fitting(user_id, which).values_list("account_id", flat=True)))
    accounts = [lock_account(account_id) for account_id in account_ids]
    known = _known(user_id, which, key)
    if known:
        return AcceptedCancels(requests=known)
    living = _fitting(user_id, which).filter(account_id__in=account_ids)
    orders = list(living.select_for_update(of=("self",), no_key=True))
    requests = OrderRequest.objects.bulk_create(
        [_request(order, user_id, which, key=key, source=source, now=now) for order in orders]
    )
    last_seq = 0
    for account in accounts:
        journal = Journal(user_id, account.pk, now)
        mark_cancelling(journal, [order for order in orders if order.account_id == account.pk])
        last_seq = journal.write() or last_seq
    return AcceptedCancels(requests=requests, last_seq=last_seq)


def _fitting(user_id: int, which: CancelFilter) -> QuerySet[OpenOrder]:
    wanted = {
        "strategy_account__strategy_id": which.strategy_id,
        "account_id": which.account_id,
        "symbol": which.symbol,
        "side": which.side,
    }
    narrowed = {name: value for name, value in wanted.items() if value is not None}
    return OpenOrder.objects.filter(
        account__user_id=user_id, cancel_requested_at__isnull=True, **narrowed
    ).order_by("pk")


def _known(user_id: int, which: CancelFilter, key: str) -> list[OrderRequest]:
    """Give the requests of an earlier call. Raises RequestMismatchError if it was another."""
    requests = list(
        OrderRequest.objects.filter(
            Q(idempotency_key=key) | Q(idempotency_key__startswith=f"{stem(key)}:"), user_id=user_id
        ).order_by("pk")
    )
    if any(request.body.get("cancel_all") != which.body() for request in requests):
        raise RequestMismatchError(RequestMismatchError.__doc__)
    return requests


def _request(
    order: OpenOrder,
    user_id: int,
    which: CancelFilter,
    *,
    key: str,
    source: RequestSource,
    now: datetime,
) -> OrderRequest:
    return OrderRequest(
        user_id=user_id,
        account_id=order.account_id,
        strategy_account_id=order.strategy_account_id,
        idempotency_key=derived(key, order.pk),
        action=RequestAction.CANCEL.value,
        source=source.value,
        body={
            "cancel": order.exchange_order_id or order.client_order_id,
            "symbol": order.symbol,
            "cancel_all": which.body(),
        },
        market_type=order.market_type,
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        exchange_order_id=order.exchange_order_id,
        created_at=now,
    )
