"""Anomalies are booked once per thing while open; seeing one again counts it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone

from tracking.models import Anomaly, EventKind, ExchangeAccount
from tracking.services.journal import Journal
from tracking.services.payloads import anomaly_payload
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tracking.domain.findings import AnomalyKind

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
