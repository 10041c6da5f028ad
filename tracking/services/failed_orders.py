"""
What may be done about a refusal: try again as a new request that names the old one, or dismiss it.

A failure is tried again once: its mark and the new request are one commit. If that is refused too,
the new failure may be tried again.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q
from django.utils import timezone

from tracking.models import FailedOrder, OrderRequest, RequestAction, RequestSource
from tracking.services.order_intents import OrderIntent
from tracking.services.order_requests import Wanted, accept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from tracking.models import StrategyAccount

#: nobody has dealt with it
OPEN: Final = Q(retried_at__isnull=True, dismissed_at__isnull=True)


class NotRetriedError(Exception):
    """The failure cannot be tried again; says why, to whoever asked."""


def failures_of(user_id: int) -> QuerySet[FailedOrder]:
    """Give the user's refusals, with what was asked for and what tried it again."""
    mine = FailedOrder.objects.filter(account__user_id=user_id)
    return mine.select_related("request").prefetch_related("request__retries")


def retry(
    failure: FailedOrder, *, key: str, changes: Mapping[str, Any] | None = None
) -> OrderRequest:
    """Commit a new request for what was refused, with some of its fields changed, once.

    Give it to `order_dispatch` afterwards. The same key again gives the same request. Raises
    NotRetriedError, InvalidOrderError for changes that make no sense, RequestMismatchError.
    """
    old = failure.request
    use = _use_of(old)
    wanted = Wanted(
        use=use,
        intent=OrderIntent.from_body({**old.body, **(changes or {})}),
        key=key,
        source=RequestSource.RETRY,
        priority=old.priority,
        retry_of=old,
    )
    (request,) = accept([wanted], beside=lambda made: _mark_retried(failure, made[0]))
    return request


def dismiss(failure: FailedOrder) -> bool:
    """Put a refusal away. False: somebody has already dealt with it."""
    still_open = FailedOrder.objects.filter(OPEN, pk=failure.pk)
    return bool(still_open.update(dismissed_at=timezone.now()))


def _use_of(old: OrderRequest) -> StrategyAccount:
    if old.action != RequestAction.PLACE.value:
        message = "only an order can be tried again: cancel or change the order anew"
        raise NotRetriedError(message)
    use = old.strategy_account
    if use is None or not use.is_active or not use.strategy.is_active:
        message = "its strategy does not use the account any more"
        raise NotRetriedError(message)
    return use


def _mark_retried(failure: FailedOrder, made: OrderRequest) -> None:
    """Mark the failure inside the new request's transaction. Raises NotRetriedError, undoing it.

    Who tries the same at the same moment waits here for the first one's commit.
    """
    still_open = FailedOrder.objects.filter(OPEN, pk=failure.pk)
    if still_open.update(retried_at=timezone.now()):
        return
    if FailedOrder.objects.filter(pk=failure.pk, retried_at__isnull=True).exists():
        message = "it was dismissed"
        raise NotRetriedError(message)
    if OrderRequest.objects.filter(retry_of_id=made.retry_of_id).exclude(pk=made.pk).exists():
        message = "it was tried again already"
        raise NotRetriedError(message)
    # the same key again: this request is the one that tried it
    if not FailedOrder.objects.filter(pk=failure.pk).exists():
        message = "it was no failure after all: the order was found at the exchange"
        raise NotRetriedError(message)
