"""What became of our own requests, written where their order's first answer is written."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import F, Value
from django.db.models.functions import Greatest

from exchanges.messages import OrderStatus
from tracking.models import FailedOrder, OrderRequest, RequestAction, RequestOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tracking.models import OpenOrder

_OUTCOMES = {
    OrderStatus.REJECTED: RequestOutcome.REJECTED,
    OrderStatus.FAILED: RequestOutcome.FAILED,
    OrderStatus.UNKNOWN: RequestOutcome.UNKNOWN,
}


_FAILURES = frozenset({RequestOutcome.REJECTED, RequestOutcome.FAILED, RequestOutcome.NOT_ACCEPTED})


class Settled(NamedTuple):
    """An order of ours that has got its first answer, or another one than we had believed."""

    client_order_id: str
    before: OrderStatus
    status: OrderStatus
    reason: str

    @property
    def outcome(self) -> RequestOutcome:
        """What that means for the request. A doubt that proved empty was not accepted."""
        if self.status is OrderStatus.FAILED and self.before is OrderStatus.UNKNOWN:
            return RequestOutcome.NOT_ACCEPTED
        return _OUTCOMES.get(self.status, RequestOutcome.ACCEPTED)


def settle(account_id: int, settled: Sequence[Settled], now: datetime) -> None:
    """Record the outcome of placements. Runs inside the emitter's transaction."""
    by_outcome: dict[tuple[RequestOutcome, str], list[str]] = defaultdict(list)
    for item in settled:
        by_outcome[item.outcome, item.reason].append(item.client_order_id)
    for (outcome, reason), client_order_ids in by_outcome.items():
        requests = OrderRequest.objects.filter(
            account_id=account_id,
            action=RequestAction.PLACE.value,
            client_order_id__in=client_order_ids,
        )
        # the clock of whoever made the request may be ahead of ours
        answered = (
            None if outcome is RequestOutcome.UNKNOWN else Greatest(Value(now), F("created_at"))
        )
        requests.update(outcome=outcome.value, detail=reason[:300], answered_at=answered)
        if outcome is RequestOutcome.ACCEPTED:
            # a false failure: nobody may be offered to send it again
            FailedOrder.objects.filter(request__in=requests).delete()
        if outcome in _FAILURES:
            _remember_failures(requests.values_list("pk", flat=True), account_id, reason, now)


def settle_cancels(account_id: int, ended: Sequence[OpenOrder], now: datetime) -> None:
    """Record what became of cancels whose answer is not known: their orders have ended.

    Runs inside the emitter's transaction. One that was not sent yet need not be any more.
    """
    for order in ended:
        outcome, detail = settled_by(order.status)
        OrderRequest.objects.filter(
            account_id=account_id,
            action=RequestAction.CANCEL.value,
            market_type=order.market_type,
            symbol=order.symbol,
            **_name_of(order),
            outcome__in=(RequestOutcome.PENDING.value, RequestOutcome.UNKNOWN.value),
        ).update(
            outcome=outcome.value,
            detail=detail,
            answered_at=Greatest(Value(now), F("created_at")),
        )


def _name_of(order: OpenOrder) -> dict[str, str | None]:
    if order.client_order_id:
        return {"client_order_id": order.client_order_id}
    return {"exchange_order_id": order.exchange_order_id}


def settled_by(status: str) -> tuple[RequestOutcome, str]:
    """Say what the end of an order makes of its cancel."""
    was_cancelled = status == OrderStatus.CANCELLED.value
    outcome = RequestOutcome.ACCEPTED if was_cancelled else RequestOutcome.REJECTED
    return outcome, f"the order ended {status}"


def _remember_failures(
    request_ids: Iterable[int], account_id: int, reason: str, now: datetime
) -> None:
    FailedOrder.objects.bulk_create(
        [
            FailedOrder(
                request_id=request_id, account_id=account_id, reason=reason[:300], created_at=now
            )
            for request_id in request_ids
        ],
        ignore_conflicts=True,
    )
