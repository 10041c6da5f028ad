"""
Cancel-all: one CANCEL request for each living order that fits, all committed together.

What is alive is looked up once more under the locks of its accounts, so that nothing that appears
meanwhile is missed there, and nothing is asked for twice: an order whose cancel is on its way is
left out. An order the exchange has given no id yet is cancelled by our own id for it. What was
asked for and not tried yet, because it waits for room or came a moment ago, is withdrawn: nothing
of it is sent. The same key again gives the requests of the first time, whatever lives now.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchanges.refusals import RefusalKind
from tracking.models import OpenOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.services.event_emitter import lock_account, mark_cancelling
from tracking.services.journal import Journal
from tracking.services.order_outcomes import refuse
from tracking.services.order_requests import RequestMismatchError
from tracking.services.refusals import Refusal
from tracking.services.request_keys import derived, stem
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from exchanges.messages import Side
    from tracking.models import ExchangeAccount, RequestSource


_WITHDRAWN = Refusal(
    kind=RefusalKind.WITHDRAWN, reason="all orders were cancelled before this one was sent"
)

Row = TypeVar("Row", OpenOrder, OrderRequest)


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
    #: what was to be placed and now is not
    withdrawn: list[OrderRequest] = field(default_factory=list)
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
    return commit_cancel_all(user_id, which, key=key, source=source, beside=beside).requests


def commit_cancel_all(
    user_id: int,
    which: CancelFilter,
    *,
    key: str,
    source: RequestSource,
    beside: Callable[[list[OrderRequest]], None] | None = None,
) -> AcceptedCancels:
    """Do what `accept_cancel_all` does, and tell what was withdrawn as well."""
    with transaction.atomic(durable=True):
        accepted = cancel_all_within(user_id, which, key=key, source=source)
        if beside is not None:
            beside(accepted.requests)
    publish_events({user_id: accepted.last_seq} if accepted.last_seq else {})
    return accepted


def cancel_all_within(
    user_id: int, which: CancelFilter, *, key: str, source: RequestSource
) -> AcceptedCancels:
    """Accept the cancels inside the caller's transaction, as `accept_cancel_all` does.

    Takes the locks of all accounts that have such orders, so the caller may hold none of another
    account; its own rows come after. After the commit the caller publishes `last_seq`
    (`publish_events`).
    """
    now = timezone.now()
    account_ids = {
        account_id
        for rows in (_fitting(user_id, which), _untried(user_id, which))
        for account_id in rows.values_list("account_id", flat=True)
    }
    accounts = [lock_account(account_id) for account_id in sorted(account_ids)]
    known = _known(user_id, which, key)
    if known:
        return AcceptedCancels(requests=known)
    orders = _locked(_fitting(user_id, which), accounts)
    untried = _locked(_untried(user_id, which), accounts)
    requests = OrderRequest.objects.bulk_create(
        [_request(order, user_id, which, key=key, source=source, now=now) for order in orders]
    )
    last_seq = 0
    for account in accounts:
        journal = Journal(user_id, account.pk, now)
        mark_cancelling(journal, _of(account, orders))
        for request in _of(account, untried):
            refuse(journal, request, _WITHDRAWN)
        last_seq = journal.write() or last_seq
    return AcceptedCancels(requests=requests, withdrawn=untried, last_seq=last_seq)


def _locked(rows: QuerySet[Row], accounts: Sequence[ExchangeAccount]) -> list[Row]:
    """Lock what there is now, under the locks of these accounts."""
    held = rows.filter(account__in=accounts)
    return list(held.select_for_update(of=("self",), no_key=True))


def _of(account: ExchangeAccount, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.account_id == account.pk]


def _fitting(user_id: int, which: CancelFilter) -> QuerySet[OpenOrder]:
    return OpenOrder.objects.filter(
        account__user_id=user_id, cancel_requested_at__isnull=True, **_narrowed(which, side="side")
    ).order_by("pk")


def _untried(user_id: int, which: CancelFilter) -> QuerySet[OrderRequest]:
    """Give what was asked for and has no order yet; under the account's lock none will be made."""
    return OrderRequest.objects.filter(
        user_id=user_id,
        action=RequestAction.PLACE.value,
        outcome__in=(RequestOutcome.PENDING.value, RequestOutcome.WAITING.value),
        attempted_at__isnull=True,
        **_narrowed(which, side="body__side"),
    ).order_by("pk")


def _narrowed(which: CancelFilter, *, side: str) -> dict[str, Any]:
    wanted = {
        "strategy_account__strategy_id": which.strategy_id,
        "account_id": which.account_id,
        "symbol": which.symbol,
        side: which.side,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _known(user_id: int, which: CancelFilter, key: str) -> list[OrderRequest]:
    """Give the requests of an earlier call. Raises RequestMismatchError if it was another."""
    begun = OrderRequest.objects.filter(
        Q(idempotency_key=key) | Q(idempotency_key__startswith=f"{stem(key)}:"), user_id=user_id
    ).order_by("pk")
    # "close:1:7" is of the key "close:1", and not of "close"
    requests = [request for request in begun if _is_under(key, request.idempotency_key)]
    if any(request.body.get("cancel_all") != which.body() for request in requests):
        raise RequestMismatchError(RequestMismatchError.__doc__)
    return requests


def _is_under(key: str, used: str) -> bool:
    return used == key or used.rpartition(":")[0] == stem(key)


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
