"""
Orders of ours that left, and nobody said what became of them.

Note [Resolving the unknown]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An UNKNOWN submit is asked about by its client order id 1, 2, 5, 10 and 30 s after it was sent, then
every 10 s, at three end points (`submit_inquiry`). Any of them may know it; then that is evidence
like any other. What each round was told is kept with the request, and that nobody knows it is
weighed by Note [Proof of absence]: then it was not accepted. A round that somebody did not answer,
and rounds of which nothing but the number is missing, are repeated after 2 s.

What is not settled after two minutes, for want of a stream or of answers, NEEDS REVIEW: a person
should look (`order_review`). Asking goes on, every 30 s, and settles it as soon as the proof comes.

Nothing is ever sent again; a word that comes later all the same brings the order back
(`domain.statuses`).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import transaction
from django.utils import timezone

from exchanges.messages import OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.domain.findings import AnomalyKind
from tracking.domain.submit_rounds import Round, Weighed, bounded, weigh
from tracking.models import OpenOrder, OrderRequest, RequestAction
from tracking.models.requests import UNANSWERED
from tracking.services.anomalies import Noticed
from tracking.services.event_emitter import emit_trade_event, lock_account
from tracking.services.order_records import Gathered
from tracking.services.submit_inquiry import inquire, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tracking.models import ExchangeAccount
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)

#: Seconds after the send at which it is asked about; afterwards every `LATER` seconds.
SCHEDULE: Final = (1, 2, 5, 10, 30)
LATER: Final = 10
#: A round that somebody did not answer is repeated after this, and one that is only too few.
AGAIN: Final = timedelta(seconds=2)
#: What is not settled by now needs a person, and is asked about less often.
REVIEW_AFTER: Final = timedelta(minutes=2)
REVIEWED_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A submit that may have arrived: its order, its request, and when it was claimed."""

    row: OpenOrder
    request: OrderRequest
    sent_at: datetime

    @property
    def submit(self) -> Gathered:
        """Name the order as it is asked about."""
        return question(self.row)


def is_unknown_submit(row: OpenOrder) -> bool:
    """Whether an order still waits to be seen at the exchange for the first time."""
    return row.status == OrderStatus.UNKNOWN.value and row.exchange_order_id is None


def resolve(account: ExchangeAccount, rows: Sequence[OpenOrder]) -> None:
    """Ask about orders, a market at a time. See Note [Resolving the unknown]."""
    doubts = _doubts(account.pk, rows)
    _plan(doubts, timezone.now())
    markets: dict[SymbolKey, list[Doubt]] = defaultdict(list)
    for doubt in doubts:
        markets[doubt.row.market_type, doubt.row.symbol].append(doubt)
    for key, asked in markets.items():
        rounds = inquire(account, key, [doubt.submit for doubt in asked])
        for doubt, weighed in _note(account, asked, rounds):
            if weighed.is_absent:
                last = rounds[name_of(doubt.submit)]
                _conclude(account, doubt, weighed, last.asked_at - doubt.sent_at)


def next_question(sent_at: datetime, now: datetime) -> datetime:
    """Say when a submit is asked about next; a second from now at the earliest."""
    if now >= sent_at + REVIEW_AFTER:
        return now + REVIEWED_EVERY
    soonest = now + timedelta(seconds=1)
    planned = (sent_at + timedelta(seconds=seconds) for seconds in SCHEDULE)
    return next((at for at in planned if at >= soonest), now + timedelta(seconds=LATER))


def rounds_of(request: OrderRequest) -> list[Round]:
    """Read what asking about a request has told, oldest first."""
    evidence: list[Mapping[str, Any]] = request.evidence
    return [Round.from_json(told) for told in evidence]


def question(row: OpenOrder) -> Gathered:
    """Name an order to whoever asks about it."""
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        client_order_id=row.client_order_id,
        evidence=Evidence(),
    )


def not_accepted(row: OpenOrder, reason: str) -> Gathered:
    """Give the verdict that an order of ours never came to be; any word of it undoes that."""
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        client_order_id=row.client_order_id,
        evidence=Evidence(
            verdict=Verdict(status=OrderStatus.FAILED, reason=reason[:200], by_absence=True)
        ),
    )


def _doubts(account_id: int, rows: Iterable[OpenOrder]) -> list[Doubt]:
    """Put orders and requests together; the claim of its one send is when it may have left."""
    by_name = {row.client_order_id: row for row in rows}
    requests = OrderRequest.objects.filter(
        account_id=account_id,
        action=RequestAction.PLACE.value,
        client_order_id__in=list(by_name),
    )
    return [
        Doubt(
            row=by_name[request.client_order_id],
            request=request,
            sent_at=request.sent_at or request.created_at,
        )
        for request in requests.order_by("pk")
    ]


def _plan(doubts: Iterable[Doubt], now: datetime) -> None:
    """Plan the next question first: however this one ends, there is another."""
    for doubt in doubts:
        at = next_question(doubt.sent_at, now)
        OpenOrder.objects.filter(pk=doubt.row.pk).update(next_verify_at=at)


def _note(
    account: ExchangeAccount, doubts: Sequence[Doubt], rounds: Mapping[str, Round]
) -> list[tuple[Doubt, Weighed]]:
    """Keep what a round told with the requests; weigh those that are still in doubt."""
    of_request = {doubt.request.pk: doubt for doubt in doubts}
    weighed = []
    with transaction.atomic(durable=True):
        lock_account(account.pk)
        requests = OrderRequest.objects.select_for_update(no_key=True).filter(pk__in=of_request)
        for request in requests.order_by("pk"):
            doubt = of_request[request.pk]
            told = [*rounds_of(request), rounds[name_of(doubt.submit)]]
            request.evidence = [each.to_json() for each in bounded(told)]
            request.save(update_fields=["evidence"])
            if request.outcome in UNANSWERED:
                verdict = weigh(bounded(told), doubt.sent_at)
                _note_order(doubt, told[-1], verdict)
                weighed.append((doubt, verdict))
    return weighed


def _note_order(doubt: Doubt, last: Round, weighed: Weighed) -> None:
    """Show on the order how often it was not found, and ask again soon where that helps."""
    rows = OpenOrder.objects.filter(pk=doubt.row.pk, exchange_order_id__isnull=True)
    rows.update(not_found_count=weighed.count, not_found_at=last.asked_at)
    now = timezone.now()
    is_unheard = not last.is_negative and now < doubt.sent_at + REVIEW_AFTER
    if weighed.is_nearly_proven or is_unheard:
        rows.filter(next_verify_at__gt=now + AGAIN).update(next_verify_at=now + AGAIN)


def _conclude(account: ExchangeAccount, doubt: Doubt, weighed: Weighed, age: timedelta) -> None:
    """Give it up, unless a word of it has come meanwhile."""
    rows = OpenOrder.objects.filter(
        pk=doubt.row.pk, status=OrderStatus.UNKNOWN.value, exchange_order_id__isnull=True
    )
    if not rows.exists():
        return
    reason = (
        f"never accepted: order, open orders and trades did not know it {weighed.count}"
        f" times, the last {age.total_seconds():.0f} s after it was sent, and the stream was alive"
    )
    label = doubt.submit.label
    emit_trade_event(
        account_id=account.pk,
        gathered=[not_accepted(doubt.row, reason)],
        now=timezone.now(),
        noticed=[Noticed(kind=AnomalyKind.NOT_FOUND, key=label, detail=reason)],
    )
    log.warning(
        "submit.not_accepted", account=account.pk, client_order_id=doubt.row.client_order_id
    )
