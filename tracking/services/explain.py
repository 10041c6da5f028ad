"""
The life of one order, in the order of time: what was heard, asked, answered, made of it, and told.

Read from what is kept and nothing else: the inbox and `OrderEvidence` reach back as many days as
settings keep them; requests, journal, repairs and the books themselves go back further. Times are
ours (receipt, booking); the exchange's own event time is in the details, with how long each step
took. A merge and what it told carry the time their transaction took its `now`.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from tracking.models import (
    Anomaly,
    ExchangeAccount,
    OrderEvent,
    OrderEvidence,
    OrderRequest,
    Repair,
)
from tracking.services import evidence_entries, order_books
from tracking.services.life import Entry, Life, milliseconds
from tracking.services.payloads import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.services.order_search import OrderKey

#: what comes first of what has the same time
_RANKS = {"request": 0, "sent": 1, "frame": 2, "answer": 3, "conclusion": 4, "merge": 5, "event": 6}


def explain(key: OrderKey) -> Life:
    """Tell the life of an order."""
    exchange = ExchangeAccount.objects.values_list("exchange", flat=True).get(pk=key.account_id)
    evidence = list(OrderEvidence.objects.filter(_evidence_of(key)).order_by("created_at", "pk"))
    found = [
        *_requests(key),
        *evidence_entries.frames(key, exchange, evidence),
        *(entry for row in evidence for entry in evidence_entries.answers(exchange, row)),
        *map(evidence_entries.merge, evidence),
        *_events(key),
        *_interventions(key),
    ]
    ordered = sorted(found, key=lambda entry: (entry.at, _RANKS.get(entry.kind, len(_RANKS))))
    return Life(key=key, entries=ordered, books=order_books.books_of(key))


def _evidence_of(key: OrderKey) -> Q:
    return key.named() & Q(market_type=key.market_type, id_space=key.id_space)


def _requests(key: OrderKey) -> Iterator[Entry]:
    if not key.client_order_id:
        return
    rows = OrderRequest.objects.filter(
        account_id=key.account_id, market_type=key.market_type, client_order_id=key.client_order_id
    )
    for row in rows.order_by("created_at"):
        asked = {"idempotency_key": row.idempotency_key, "body": to_json(row.body)}
        yield Entry(
            at=row.created_at, kind="request", text=f"{row.action} asked for", details=asked
        )
        if row.sent_at:
            yield Entry(at=row.sent_at, kind="sent", text=f"{row.action} sent, once")
        if row.answered_at:
            took = milliseconds(row.sent_at or row.created_at, row.answered_at)
            text = " ".join(filter(None, (row.action, row.outcome, row.detail)))
            yield Entry(at=row.answered_at, kind="answered", text=text, details={"after_ms": took})


def _events(key: OrderKey) -> Iterator[Entry]:
    """Tell what was sent to the user; before an order had its exchange's id, by our own."""
    known = Q(exchange_order_id="", client_order_id=key.client_order_id or "none of ours")
    if key.exchange_order_id:
        known |= Q(exchange_order_id=key.exchange_order_id)
    rows = OrderEvent.objects.filter(known, account_id=key.account_id, symbol=key.symbol)
    for row in rows.order_by("seq"):
        told = row.payload.get("order", row.payload)
        words = (told.get("status"), row.payload.get("action"), told.get("exchange_trade_id"))
        yield Entry(
            at=row.created_at,
            kind="event",
            text=" ".join([f"#{row.seq} {row.kind}", *(word for word in words if word)]),
            details={"seq": row.seq, "event": row.kind},
        )


def _interventions(key: OrderKey) -> Iterator[Entry]:
    """Tell what a person should have seen of the order, and what one did."""
    for found in Anomaly.objects.filter(account_id=key.account_id, key=key.label):
        seen = f", seen {found.seen_count} times" if found.seen_count > 1 else ""
        text = f"{found.kind}: {found.detail.get('text', '')}{seen}"
        yield Entry(at=found.opened_at, kind="anomaly", text=text)
        if found.closed_at:
            text = f"{found.kind} closed {found.closed_reason}".rstrip()
            yield Entry(at=found.closed_at, kind="anomaly", text=text)
    for done in Repair.objects.filter(account_id=key.account_id, subject__contains=key.label):
        yield Entry(
            at=done.created_at,
            kind="repair",
            source=done.actor,
            text=f"{done.action}: {done.reason}",
            details={"before": to_json(done.before), "after": to_json(done.after)},
        )
