"""
Orders the exchange says it does not know.

Note [Not found proves nothing]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
"Order does not exist" may come for an order that lives (ccxt #6615: 10 s after it was placed). An
absence is believed only after three answers at least 10 s apart, each with a trades query beside
it, for an order older than any request could still be under way.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from exchanges.messages import OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.domain.findings import AnomalyKind
from tracking.models import ExchangeAccount, OpenOrder
from tracking.services import bystanders, clients, verification
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

ABSENT_AFTER = 3
ABSENCE_SPACING = timedelta(seconds=10)
#: An answer older than this has been followed by others that knew the order.
ABSENCE_LASTS = timedelta(seconds=90)
#: recvWindow (10 s) and as much again: past this no request of ours can still be under way
SUBMIT_MAY_ARRIVE = timedelta(seconds=25)


def note_not_found(account: ExchangeAccount, items: Sequence[Gathered]) -> None:
    """Count answers "not found". See Note [Not found proves nothing]."""
    now = timezone.now()
    for item in items:
        row = _row_of(account.pk, item)
        if row is None:
            continue
        if row.not_found_at is None or row.not_found_at <= now - ABSENCE_SPACING:
            row.not_found_count = _count_before(row, now) + 1
            # no row, and nothing to do, if the order has ended meanwhile
            OpenOrder.objects.filter(pk=row.pk).update(
                not_found_count=row.not_found_count,
                not_found_at=now,
                next_verify_at=now + ABSENCE_SPACING,
            )
            if row.not_found_count >= ABSENT_AFTER and row.created_at < now - SUBMIT_MAY_ARRIVE:
                _conclude_absent(account, item, row, now)


def _count_before(row: OpenOrder, now: datetime) -> int:
    """How often in a row it was not found: one answer long ago does not count with two now."""
    is_recent = row.not_found_at is not None and row.not_found_at > now - ABSENCE_LASTS
    return row.not_found_count if is_recent else 0


def _row_of(account_id: int, item: Gathered) -> OpenOrder | None:
    rows = OpenOrder.objects.filter(
        account_id=account_id, market_type=item.market_type, symbol=item.symbol
    )
    if item.exchange_order_id is not None:
        return rows.filter(exchange_order_id=item.exchange_order_id).first()
    return rows.filter(client_order_id=item.client_order_id, placed_by_us=True).first()


def _conclude_absent(
    account: ExchangeAccount, item: Gathered, row: OpenOrder, now: datetime
) -> None:
    """Conclude that an order is not there, after its trades were asked for as well."""
    client = clients.rest_client(account)
    key = (row.market_type, row.symbol)
    cursor = read_cursors(account.pk, [key], account.baseline_at)[key]
    trades = verification.trades_since(client, key, cursor)
    # a fill of an order we do not know may be this one's: then asking tells its client order id
    bystanders.adopt(account.pk, client, trades)
    was_accepted = row.exchange_order_id is not None
    if not was_accepted and bystanders.strangers(trades):
        return
    verdict = Verdict(
        status=OrderStatus.CANCELLED if was_accepted else OrderStatus.FAILED,
        reason=f"resolved by absence: not found {row.not_found_count} times, no trades",
    )
    judged = Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        exchange_order_id=row.exchange_order_id,
        client_order_id=row.client_order_id,
        evidence=Evidence(verdict=verdict),
    )
    emit_trade_event(
        account_id=account.pk,
        gathered=[*trades.gathered, judged],
        now=now,
        cursors=trades.cursors,
        noticed=[Noticed(kind=AnomalyKind.NOT_FOUND, key=item.label, detail=verdict.reason)],
    )
