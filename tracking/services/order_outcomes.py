"""
What became of requests, written where it is decided: with their order's first answer, with the end
of an order that was to be cancelled, or with our own refusal. The journal tells each change.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exchanges.messages import OrderStatus
from exchanges.refusals import RefusalKind
from tracking.models import EventKind, FailedOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.models.requests import UNANSWERED, UNRESOLVED
from tracking.services import review_marks
from tracking.services.payloads import request_payload
from tracking.services.refusals import LONGEST, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.domain.evidence import OrderState
    from tracking.models import OpenOrder
    from tracking.services.journal import Journal

_OUTCOMES = {
    OrderStatus.REJECTED: RequestOutcome.REJECTED,
    OrderStatus.FAILED: RequestOutcome.FAILED,
    OrderStatus.UNKNOWN: RequestOutcome.UNKNOWN,
}
#: what nobody gave a kind
_KINDS = {RequestOutcome.NOT_ACCEPTED: RefusalKind.NOT_ACCEPTED}
_FAILURES = frozenset({RequestOutcome.REJECTED, RequestOutcome.FAILED, RequestOutcome.NOT_ACCEPTED})
_WRITTEN = ("outcome", "detail", "answered_at", "exchange_order_id")


class Settled(NamedTuple):
    """An order of ours that has got its first answer, or another one than we had believed."""

    client_order_id: str
    before: OrderStatus
    state: OrderState
    refusal: Refusal | None = None

    @property
    def outcome(self) -> RequestOutcome:
        """What that means for the request. A doubt that proved empty was not accepted."""
        if self.state.status is OrderStatus.FAILED and self.before is OrderStatus.UNKNOWN:
            return RequestOutcome.NOT_ACCEPTED
        return _OUTCOMES.get(self.state.status, RequestOutcome.ACCEPTED)

    @property
    def reason(self) -> str:
        """Why, as far as it was told; what was accepted needs none."""
        if self.state.reason or self.refusal is None:
            return self.state.reason
        return "" if self.outcome is RequestOutcome.ACCEPTED else self.refusal.reason


def settle(journal: Journal, settled: Sequence[Settled]) -> None:
    """Record the outcome of placements. Runs inside the emitter's transaction."""
    if not settled:
        return
    items = {item.client_order_id: item for item in settled}
    requests = OrderRequest.objects.select_for_update(no_key=True).filter(
        account_id=journal.account_id,
        action=RequestAction.PLACE.value,
        client_order_id__in=list(items),
    )
    rows = list(requests.order_by("pk"))
    for row in rows:
        item = items[str(row.client_order_id)]
        row.exchange_order_id = item.state.exchange_order_id or row.exchange_order_id
        _write_outcome(journal, row, item.outcome, item.reason)
    OrderRequest.objects.bulk_update(rows, _WRITTEN)
    accepted = [row.pk for row in rows if row.outcome == RequestOutcome.ACCEPTED.value]
    # a false failure: nobody may be offered to send it again
    FailedOrder.objects.filter(request__in=accepted).delete()
    _remember_failures(journal, [(row, items[str(row.client_order_id)]) for row in rows])


def settle_cancels(journal: Journal, ended: Sequence[OpenOrder]) -> None:
    """Record what became of cancels whose answer is not known: their orders have ended.

    Runs inside the emitter's transaction. One that was not sent yet need not be any more.
    """
    for order in ended:
        outcome, detail = settled_by(order.status)
        requests = OrderRequest.objects.select_for_update(no_key=True).filter(
            account_id=journal.account_id,
            action=RequestAction.CANCEL.value,
            market_type=order.market_type,
            symbol=order.symbol,
            **name_of(order),
            outcome__in=UNANSWERED,
        )
        for request in requests.order_by("pk"):
            end(journal, request, outcome, detail)


def name_of(order: OpenOrder) -> dict[str, str | None]:
    """Give the columns by which requests about an order are found."""
    if order.client_order_id:
        return {"client_order_id": order.client_order_id}
    return {"exchange_order_id": order.exchange_order_id}


def settled_by(status: str) -> tuple[RequestOutcome, str]:
    """Say what the end of an order makes of its cancel."""
    was_cancelled = status == OrderStatus.CANCELLED.value
    outcome = RequestOutcome.ACCEPTED if was_cancelled else RequestOutcome.REJECTED
    return outcome, f"the order ended {status}"


def end(journal: Journal, request: OrderRequest, outcome: RequestOutcome, detail: str) -> None:
    """Write and tell the outcome of one request, which the transaction has locked."""
    _write_outcome(journal, request, outcome, detail)
    request.save(update_fields=[*_WRITTEN, "terms", "notional", "notional_asset"])


def refuse(journal: Journal, request: OrderRequest, refusal: Refusal) -> None:
    """Write and tell that a request is not sent, and keep it for whoever wants to try it again."""
    end(journal, request, RequestOutcome.FAILED, refusal.reason)
    if request.action == RequestAction.PLACE.value:
        _remember(journal, [(request, refusal)])


def _write_outcome(
    journal: Journal, request: OrderRequest, outcome: RequestOutcome, detail: str
) -> None:
    is_open = outcome.value in UNRESOLVED
    if request.outcome == RequestOutcome.NEEDS_REVIEW.value and not is_open:
        review_marks.close(journal, [request], f"settled: {outcome.value}")
    request.outcome, request.detail = outcome.value, detail[:LONGEST]
    # the clock of whoever made the request may be ahead of ours
    answered_at = max(journal.now, request.created_at)
    request.answered_at = None if is_open else answered_at
    journal.add(EventKind.ORDER_REQUEST, request_payload(request))


def _remember_failures(journal: Journal, settled: Sequence[tuple[OrderRequest, Settled]]) -> None:
    _remember(
        journal,
        [
            (request, item.refusal or Refusal(kind=_kind_of(item), reason=item.reason))
            for request, item in settled
            if item.outcome in _FAILURES
        ],
    )


def _kind_of(item: Settled) -> RefusalKind:
    return _KINDS.get(item.outcome, RefusalKind.OTHER)


def _remember(journal: Journal, refused: Sequence[tuple[OrderRequest, Refusal]]) -> None:
    if not refused:
        return
    FailedOrder.objects.bulk_create(
        [
            FailedOrder(
                request=request,
                account_id=journal.account_id,
                kind=refusal.kind.value,
                reason=refusal.reason[:LONGEST],
                code=refusal.code,
                created_at=journal.now,
            )
            for request, refusal in refused
        ],
        ignore_conflicts=True,
    )
