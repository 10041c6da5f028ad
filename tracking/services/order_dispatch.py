"""
What becomes of a request that was accepted: prepared, attempted, claimed, sent once, answered.

Any thread or process may dispatch any request, any number of times and at once: each step is a
commit that only one of them makes (Note [Commit, claim, send once]), and each begins where the last
one ended. So whoever dies on the way costs a sweep, as long as the request is young enough; then it
fails, and is told.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db.models import Q
from django.utils import timezone

from exchanges import registry
from exchanges.errors import ExchangeError
from exchanges.messages import IdSpace, OrderStatus
from exchanges.refusals import RefusalKind
from tracking.models import (
    ClosedOrder,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
)
from tracking.services import clients, order_amendments, order_attempts, order_preparation
from tracking.services.baseline import ensure_baseline
from tracking.services.event_emitter import withdraw_cancel
from tracking.services.order_attempts import (
    end_unsendable,
    id_space_of,
    record_outcome,
    withdraw_unsent,
)
from tracking.services.order_changes import Amending, Cancellation
from tracking.services.order_outcomes import settled_by
from tracking.services.order_sending import Placement, Sending, send_all
from tracking.services.refusals import LONGEST, Refusal, refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from exchanges.questions import NewOrder
    from tracking.models import ExchangeAccount

log = structlog.get_logger(__name__)

#: A request that nobody has dispatched by now is handed out by a sweep.
LEFT_WAITING: Final = timedelta(seconds=1)
#: Requests one sweep hands out at once.
SWEPT: Final = 1000
#: Requests that are prepared one after the other before any of them is sent.
TOGETHER: Final = 20
#: Seconds after which what is prepared is sent, and the others are left for the next time.
PATIENCE: Final = 5.0
_OPEN: Final = (RequestOutcome.PENDING.value, RequestOutcome.WAITING.value)


def dispatch(request_ids: Sequence[int]) -> None:
    """Do what is left to do with these requests. Harmless for any that are done, or in hand.

    Raises ExchangeError never: what could not be asked now is left for the next time.
    """
    rows = OrderRequest.objects.filter(
        pk__in=list(request_ids), sent_at__isnull=True, outcome__in=_OPEN
    ).select_related("account", "strategy_account__strategy")
    places = {pk: place for place, pk in enumerate(request_ids)}
    by_account: dict[int, list[OrderRequest]] = defaultdict(list)
    for request in sorted(rows, key=lambda row: places[row.pk]):
        by_account[request.account_id].append(request)
    end = time.monotonic() + PATIENCE
    sendings = [one for requests in by_account.values() for one in _sendings(requests, end)]
    if sendings:
        send_all(sendings)
    _end_unsent(rows)


_in_hand_lock = threading.Lock()
#: what this process is dispatching: a sweep need not do it beside
_in_hand: set[int] = set()


def dispatch_once(request_ids: Sequence[int]) -> None:
    """Dispatch what this process is not dispatching already."""
    with _in_hand_lock:
        mine = [pk for pk in request_ids if pk not in _in_hand]
        _in_hand.update(mine)
    try:
        for together in by_turns(mine):
            dispatch(together)
    finally:
        with _in_hand_lock:
            _in_hand.difference_update(mine)


def by_turns(request_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Part requests into as many as one dispatch is for."""
    for begin in range(0, len(request_ids), TOGETHER):
        yield request_ids[begin : begin + TOGETHER]


def left_waiting(now: datetime, account_ids: Iterable[int] | None = None) -> dict[int, list[int]]:
    """Name the requests nobody has dispatched, by account, the oldest first."""
    rows = OrderRequest.objects.filter(
        outcome=RequestOutcome.PENDING.value,
        sent_at__isnull=True,
        created_at__lt=now - LEFT_WAITING,
    )
    if account_ids is not None:
        rows = rows.filter(account_id__in=list(account_ids))
    found: dict[int, list[int]] = defaultdict(list)
    for account_id, pk in rows.order_by("created_at", "pk").values_list("account_id", "pk")[:SWEPT]:
        found[account_id].append(pk)
    return found


def _sendings(requests: Sequence[OrderRequest], end: float) -> Iterator[Sending]:
    """Bring one account's requests to where they can be sent, those there is time for.

    An exchange that keeps us waiting for prices must not make orders too old that are prepared.
    """
    account = requests[0].account
    placed: list[tuple[OrderRequest, NewOrder]] = []
    for request in requests:
        if time.monotonic() > end:
            break
        try:
            if request.action == RequestAction.PLACE.value:
                account = _opened(account)
                placed += _attempted(account, request)
            else:
                yield from _change(account, request)
        except ExchangeError as error:
            log.warning("request.postponed", request=request.pk, error=type(error).__name__)
            _note_delay(request, refusal_of(error).reason)
        except Exception as error:
            # one that nobody can prepare holds up no other, and ends as one that is too old
            log.exception("request.failed", request=request.pk)
            _note_delay(request, f"it could not be prepared: {type(error).__name__}")
    yield from _placements(account, placed)


def _opened(account: ExchangeAccount) -> ExchangeAccount:
    """Open the books first, so that what follows is not history. One that may not be asked refuses
    by itself. Raises ExchangeError.
    """
    return ensure_baseline(account) if clients.may_ask(account) else account


def _note_delay(request: OrderRequest, why: str) -> None:
    """Say why it is late; a sweep tries again while it is young enough, and fails it then.

    One that waits for room has waited as long as it had to: `waiting_queue` says for how long.
    """
    waits = request.outcome == RequestOutcome.WAITING.value
    if not waits and timezone.now() > order_attempts.age_limit(request):
        reason = f"not sent in time: {why}"
        order_attempts.attempt(request, Refusal(kind=RefusalKind.TOO_OLD, reason=reason[:LONGEST]))
        return
    still = OrderRequest.objects.filter(
        pk=request.pk, outcome=RequestOutcome.PENDING.value, attempted_at__isnull=True
    )
    still.update(detail=why)


def _attempted(
    account: ExchangeAccount, request: OrderRequest
) -> list[tuple[OrderRequest, NewOrder]]:
    """Make the order of a request, unless it was made before."""
    if request.attempted_at is not None:
        return [(request, order_preparation.order_of(account, request))]
    use = request.strategy_account
    if use is None:
        order_attempts.attempt(request, order_attempts.STRATEGY_GONE)
        return []
    prepared = order_preparation.prepare(account, use, request)
    made = order_attempts.attempt(request, prepared)
    if made is None or isinstance(prepared, Refusal):
        return []
    request.attempted_at, request.terms = made.attempted_at, made.terms
    request.outcome = made.outcome
    return [(request, prepared.order)]


def _placements(
    account: ExchangeAccount, placed: Sequence[tuple[OrderRequest, NewOrder]]
) -> Iterator[Placement]:
    """Put together what goes out together: ordinary orders, as many as the exchange takes."""
    if not placed:
        return
    client = clients.rest_client(account)
    size = max(1, registry.facts(account.exchange, account.market_type).batch_size)
    ordinary = [pair for pair in placed if _id_space(account, pair) is IdSpace.ORDER]
    for begin in range(0, len(ordinary), size):
        yield Placement(account, client, ordinary[begin : begin + size], IdSpace.ORDER)
    for pair in placed:
        if (space := _id_space(account, pair)) is not IdSpace.ORDER:
            yield Placement(account, client, [pair], space)


def _id_space(account: ExchangeAccount, pair: tuple[OrderRequest, NewOrder]) -> IdSpace:
    return id_space_of(account, pair[1].order_type)


def _change(account: ExchangeAccount, request: OrderRequest) -> Iterator[Sending]:
    """Bring a cancel or an amendment to where it can be sent."""
    order = _order_of(request)
    if order is None:
        _settle_ended(request)
        return
    is_cancel = request.action == RequestAction.CANCEL.value
    if is_cancel and order.status == OrderStatus.PENDING.value and withdraw_unsent(order):
        return
    if not clients.may_ask(account):
        _refuse_change(request, order)
        return
    client = clients.rest_client(account)
    if is_cancel:
        yield Cancellation(account, client, request, order)
        return
    prepared = order_amendments.prepare(account, request, order)
    if order_amendments.attempt(request, prepared) and not isinstance(prepared, Refusal):
        yield Amending(account, client, request, order, prepared)


def _named(request: OrderRequest) -> Q:
    """Find the order a request is about, by its exchange's id or by our own."""
    where = Q(account=request.account_id, market_type=request.market_type, symbol=request.symbol)
    if request.exchange_order_id is not None:
        return where & Q(exchange_order_id=request.exchange_order_id)
    return where & Q(client_order_id=request.client_order_id, placed_by_us=True)


def _order_of(request: OrderRequest) -> OpenOrder | None:
    return OpenOrder.objects.filter(_named(request)).first()


def _settle_ended(request: OrderRequest) -> None:
    """What became of an order that has ended settles what was asked of it."""
    ended = ClosedOrder.objects.filter(_named(request)).first()
    if ended is None:
        record_outcome(request, RequestOutcome.NOT_ACCEPTED, "nobody knows the order any more")
    elif request.action == RequestAction.CANCEL.value:
        record_outcome(request, *settled_by(ended.status))
    else:
        record_outcome(request, RequestOutcome.REJECTED, f"the order ended {ended.status}")


def _refuse_change(request: OrderRequest, order: OpenOrder) -> None:
    reason = str(clients.AccountNotActiveError())
    if request.action == RequestAction.CANCEL.value:
        withdraw_cancel(request.account_id, order.pk, timezone.now(), request_id=request.pk)
    record_outcome(request, RequestOutcome.FAILED, reason, is_unsent=True)


def _end_unsent(rows: Iterable[OrderRequest]) -> None:
    """Fail what could not be claimed because a halt stands or it is too old."""
    left = OrderRequest.objects.filter(
        pk__in=[row.pk for row in rows],
        sent_at__isnull=True,
        attempted_at__isnull=False,
        outcome=RequestOutcome.PENDING.value,
    ).select_related("account", "strategy_account")
    for request in left:
        end_unsendable(request)
