"""
Anomalies are booked once per thing while open; seeing one again counts it.

Closing one is a statement about now: a thing that is still true opens again by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from tracking.domain.findings import AnomalyKind
from tracking.models import (
    Anomaly,
    ClosedOrder,
    EventKind,
    ExchangeAccount,
    OpenOrder,
    TradeExecution,
)
from tracking.services.journal import Journal
from tracking.services.payloads import anomaly_payload
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

AGREE = "books and exchange agree again"
CONFIRMED = "REST has confirmed the execution or never will, or it was voided"
EXPLAINED = "executions explain what the order filled"
#: what a sync can see to be true no more
_SETTLING = (AnomalyKind.DRIFT, AnomalyKind.UNVERIFIED, AnomalyKind.FILL_GAP)

_OPEN = """
    INSERT INTO tracking_anomaly
        (account_id, kind, key, detail, seen_count, opened_at, last_seen_at, closed_reason)
    VALUES (%s, %s, %s, %s, 1, %s, %s, '')
    ON CONFLICT (account_id, kind, key) WHERE closed_at IS NULL DO UPDATE
    SET seen_count = tracking_anomaly.seen_count + 1, last_seen_at = EXCLUDED.last_seen_at
    RETURNING id, (xmax = 0)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """One anomaly to book; `key` names what it is about."""

    kind: AnomalyKind
    key: str
    detail: str


def book(journal: Journal, noticed: Iterable[Noticed], now: datetime) -> None:
    """Book anomalies inside the caller's transaction; tell only those that are new.

    In one order everywhere: two transactions that book the same two must not wait for each other.
    """
    for item in sorted(noticed, key=lambda n: (n.kind, n.key)):
        with connection.cursor() as cursor:
            cursor.execute(
                _OPEN,
                [
                    journal.account_id,
                    item.kind.value,
                    item.key[:200],
                    json.dumps({"text": item.detail}),
                    now,
                    now,
                ],
            )
            pk, is_new = cursor.fetchone()
        if is_new:
            journal.add(EventKind.ANOMALY, anomaly_payload(Anomaly.objects.get(pk=pk)))


def report(account_id: int, noticed: Iterable[Noticed]) -> None:
    """Book anomalies that concern no order transaction, in a transaction of their own."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        account = ExchangeAccount.objects.only("user_id").get(pk=account_id)
        journal = Journal(account.user_id, account_id, now)
        book(journal, noticed, now)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})


def close(journal: Journal, rows: Iterable[Anomaly], reason: str) -> None:
    """Close locked anomalies inside the caller's transaction, and tell it."""
    for row in rows:
        row.closed_at, row.closed_reason = journal.now, reason[:200]
        row.save(update_fields=["closed_at", "closed_reason"])
        journal.add(EventKind.ANOMALY, anomaly_payload(row))


def close_settled(account_id: int, *, apart: Collection[str]) -> int:
    """Close what a sync has found true no more; return how many.

    `apart`: the holdings in which books and exchange still differ. An execution REST was late to
    confirm is settled once it is confirmed or voided, a gap once executions explain the order.
    """
    rows = Anomaly.objects.filter(account_id=account_id, closed_at__isnull=True)
    suspects: dict[str, dict[str, int]] = {kind.value: {} for kind in _SETTLING}
    for pk, kind, key in rows.filter(kind__in=suspects).values_list("pk", "kind", "key"):
        suspects[kind][key] = pk
    drifts, doubts, gaps = (suspects[kind.value] for kind in _SETTLING)
    waiting = _unconfirmed(account_id) if doubts else set()
    settled = {pk: AGREE for key, pk in drifts.items() if key not in apart}
    settled |= {pk: CONFIRMED for key, pk in doubts.items() if key not in waiting}
    settled |= {pk: EXPLAINED for key, pk in gaps.items() if _is_explained(account_id, key)}
    if settled:
        _close_for(account_id, settled)
    return len(settled)


def _unconfirmed(account_id: int) -> set[str]:
    """Name the executions REST has yet to confirm, as their anomalies do."""
    rows = TradeExecution.objects.filter(
        account_id=account_id,
        verified=False,
        voided_at__isnull=True,
        unverifiable_at__isnull=True,
    )
    names = rows.values_list("market_type", "symbol", "exchange_trade_id")
    return {":".join(name) for name in names}


def _is_explained(account_id: int, label: str) -> bool:
    """Whether executions add up to what an order filled; `label` as `Gathered.label` gives it."""
    market_type, rest = label.split(":", 1)
    symbol, _, order_id = rest.rpartition(":")
    order = {"account_id": account_id, "market_type": market_type, "symbol": symbol}
    live = TradeExecution.objects.filter(**order, exchange_order_id=order_id, voided_at=None)
    booked = live.aggregate(sum=Sum("execution_quantity"))["sum"] or 0
    for model in (OpenOrder, ClosedOrder):
        rows = model.objects.filter(**order, exchange_order_id=order_id)
        filled = rows.values_list("filled_quantity", flat=True).first()
        if filled is not None:
            return bool(booked >= filled)
    return False


def _close_for(account_id: int, reasons: Mapping[int, str]) -> None:
    now = timezone.now()
    with transaction.atomic(durable=True):
        account = ExchangeAccount.objects.only("user_id").get(pk=account_id)
        journal = Journal(account.user_id, account_id, now)
        rows = Anomaly.objects.select_for_update(no_key=True).filter(
            pk__in=reasons, closed_at__isnull=True
        )
        for row in rows.order_by("kind", "key"):
            close(journal, [row], reasons[row.pk])
        last = journal.write()
    if last:
        publish_events({account.user_id: last})
