"""
Orders the exchange says it does not know.

Note [Not found proves nothing]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
"Order does not exist" may come for an order that lives (ccxt #6615: 10 s after it was placed). An
absence is believed only after three answers at least 10 s apart, each with a trades query beside
it, for an order older than any request could still be under way. Submits that were never seen are
judged elsewhere: Note [Resolving the unknown].

Note [Why it is gone]
~~~~~~~~~~~~~~~~~~~~~
Exchanges forget: Binance an order without fills three days after its end, any order after ninety.
An order nobody has heard of for longer has ended somehow while we were away: it is closed, and
marked `unverifiable`, since nobody can say any more how. And an exchange that was reset knows
nothing any more: `exchange_resets` finds that out.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from exchanges import registry
from exchanges.messages import OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.domain.findings import AnomalyKind
from tracking.domain.submit_rounds import SUBMIT_MAY_ARRIVE
from tracking.models import ExchangeAccount, OpenOrder
from tracking.services import bystanders, clients, verification
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import emit_trade_event
from tracking.services.exchange_resets import begin_anew, forgotten_witness
from tracking.services.order_records import Gathered
from tracking.services.unknown_submits import is_unknown_submit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.services.verification import SymbolKey

ABSENT_AFTER = 3
ABSENCE_SPACING = timedelta(seconds=10)
#: An answer older than this has been followed by others that knew the order.
ABSENCE_LASTS = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One more answer "not found" that counts, and whether it is enough."""

    item: Gathered
    row: OpenOrder
    count: int
    is_enough: bool


def weigh(account_id: int, items: Sequence[Gathered], now: datetime) -> list[Weighed]:
    """Count answers "not found" that are far enough apart; writes nothing."""
    weighed = []
    for item in items:
        row = _row_of(account_id, item)
        if row is None or is_unknown_submit(row) or not _counts_again(row, now):
            continue
        count = _count_before(row, now) + 1
        old_enough = row.created_at < now - SUBMIT_MAY_ARRIVE
        weighed.append(
            Weighed(item=item, row=row, count=count, is_enough=count >= ABSENT_AFTER and old_enough)
        )
    return weighed


def note_not_found(account: ExchangeAccount, items: Sequence[Gathered]) -> None:
    """Book answers "not found". See Note [Not found proves nothing]."""
    now = timezone.now()
    for weighed in weigh(account.pk, items, now):
        # no row, and nothing to do, if the order has ended meanwhile
        OpenOrder.objects.filter(pk=weighed.row.pk).update(
            not_found_count=weighed.count,
            not_found_at=now,
            next_verify_at=now + ABSENCE_SPACING,
        )
        conclusion = conclude(account, weighed) if weighed.is_enough else None
        if conclusion and _is_still_missed(weighed):
            if conclusion.is_reset:
                # before the order ends: after a crash in between nothing would lead here again
                begin_anew(account.pk)
            emit_trade_event(
                account_id=account.pk,
                gathered=conclusion.gathered,
                now=now,
                cursors=conclusion.cursors,
                noticed=[conclusion.noticed],
            )


def _is_still_missed(weighed: Weighed) -> bool:
    """Whether nobody has spoken of the order while its trades were asked for."""
    missed = OpenOrder.objects.filter(pk=weighed.row.pk, not_found_count=weighed.count)
    return missed.exists()


def _counts_again(row: OpenOrder, now: datetime) -> bool:
    return row.not_found_at is None or row.not_found_at <= now - ABSENCE_SPACING


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The evidence that an order is not there: its market's trades, and our verdict."""

    gathered: list[Gathered]
    cursors: dict[SymbolKey, str | None]
    noticed: Noticed
    is_reset: bool


def conclude(account: ExchangeAccount, weighed: Weighed) -> Conclusion:
    """Conclude that an order is not there, after its trades were asked for as well."""
    client, row = clients.rest_client(account), weighed.row
    key = (row.market_type, row.symbol)
    cursor = read_cursors(account.pk, [key], account.baseline_at)[key]
    place_of = registry.adapter(account.exchange).place_of
    trades = verification.trades_since(client, key, cursor, place_of)
    bystanders.adopt(account, client, trades)
    verdict = _verdict(account, client, weighed)
    is_reset = verdict.status is OrderStatus.EXPIRED
    judged = Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        exchange_order_id=row.exchange_order_id,
        client_order_id=row.client_order_id,
        evidence=Evidence(verdict=verdict),
    )
    return Conclusion(
        gathered=[*trades.gathered, judged],
        # ids begin anew as well: what was the last one says nothing any more
        cursors={} if is_reset else trades.cursors,
        noticed=Noticed(kind=AnomalyKind.NOT_FOUND, key=weighed.item.label, detail=verdict.reason),
        is_reset=is_reset,
    )


def _verdict(account: ExchangeAccount, client: RestClient, weighed: Weighed) -> Verdict:
    """Say how it ended. See Note [Why it is gone]."""
    row, reason = weighed.row, f"resolved by absence: not found {weighed.count} times, no trades"
    status = OrderStatus.CANCELLED
    adapter = registry.facts(account.exchange, account.market_type)
    memory = adapter.remembers_filled if row.filled_quantity else adapter.remembers_unfilled
    is_forgotten = _last_word(row) < timezone.now() - memory
    forgotten = forgotten_witness(account, client, timezone.now())
    if forgotten is not None:
        status = OrderStatus.EXPIRED
        reason += f"; the exchange was reset: it forgot #{forgotten.exchange_order_id}, too"
    elif is_forgotten:
        which = "filled" if row.filled_quantity else "unfilled"
        reason += (
            f"; the exchange forgets {which} orders after {memory.days} days: how it ended cannot "
            "be verified any more"
        )
    return Verdict(status=status, reason=reason, by_absence=True, is_forgotten=is_forgotten)


def _last_word(row: OpenOrder) -> datetime:
    return row.exchange_updated_at or row.created_at
