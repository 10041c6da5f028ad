"""
Trades and positions written again from executions and postings, where they are not what those say.

Executions and postings are facts and are never touched. Each position, and each bite of trades, is
one durable transaction under the account's lock, with its journal events and a `Repair` that keeps
before and after. What is right is left alone, so a rebuild that was interrupted goes on by being
run again.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from django.db import connection, transaction
from django.utils import timezone

from tracking.domain.executions import ZERO
from tracking.models import (
    EventKind,
    Repair,
    RepairAction,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services.books.moment import one_moment
from tracking.services.books.rebuilt import rebuilt_position
from tracking.services.books.trades import SUMMED, WRONG_IDS
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.order_rows import recompute_trade
from tracking.services.payloads import position_payload, trade_payload
from tracking.services.position_rows import PositionKey, lock_positions, write_recomputed
from tracking.services.row_writes import TRADE_COLUMNS
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tracking.models import ExchangeAccount
    from tracking.services.payloads import Payload

log = structlog.get_logger(__name__)

BITE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rebuild would write: wrong trades by key, wrong positions, and what is wrong."""

    account_id: int
    trade_ids: Sequence[int]
    positions: Sequence[PositionKey]
    #: (order or position, what it is and what it would be)
    differences: Sequence[tuple[str, str]]

    @property
    def size(self) -> int:
        """How many rows would be written."""
        return len(self.trade_ids) + len(self.positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """Who has books rebuilt, and why."""

    actor: str
    reason: str


def plan(account_id: int) -> Plan:
    """Say what a rebuild of an account would change. Writes nothing."""
    with one_moment(account_id) as moment:
        with connection.cursor() as cursor:
            cursor.execute(WRONG_IDS, moment.parameters)
            trade_ids = [pk for (pk,) in cursor.fetchall()]
        _, differences = SUMMED(moment)
        wrong = [item for item in moment.positions if item.is_wrong]
    for item in wrong:
        differences += [*item.misjudged, (item.subject, "; ".join(item.differences()))]
    return Plan(
        account_id=account_id,
        trade_ids=trade_ids,
        positions=[item.key for item in wrong],
        differences=[(subject, text) for subject, text in differences if text],
    )


def apply(
    what: Plan, warrant: Warrant, tell: Callable[[str], None] = lambda _subject: None
) -> list[Repair]:
    """Write what differs still. See the module's docstring."""
    done: list[Repair] = []
    for start in range(0, len(what.trade_ids), BITE):
        done += _rebuild_trades(
            what.account_id, what.trade_ids[start : start + BITE], warrant, tell
        )
    for key in what.positions:
        done += _rebuild_position(what.account_id, key, warrant, tell)
    log.warning("books.rebuilt", account=what.account_id, rows=len(done), actor=warrant.actor)
    return done


class _Deeds:
    """What one transaction rebuilds: its journal events and its repairs."""

    def __init__(self, account_id: int, warrant: Warrant) -> None:
        """Lock the account's books."""
        self.now = timezone.now()
        self.account: ExchangeAccount = lock_account(account_id)
        self.journal = Journal(self.account.user_id, account_id, self.now)
        self.repairs: list[Repair] = []
        self._warrant = warrant

    def keep(
        self, subject: str, before: Mapping[str, Payload | None], after: Mapping[str, Payload]
    ) -> None:
        """Keep what was there before and after."""
        repair = Repair(
            account_id=self.account.pk,
            actor=self._warrant.actor[:150],
            action=RepairAction.REBUILD_BOOKS.value,
            subject=subject[:200],
            reason=self._warrant.reason[:500],
            before=before,
            after=after,
            created_at=self.now,
        )
        self.repairs.append(repair)

    def write(self) -> int:
        """Write repairs and journal; return the last number."""
        Repair.objects.bulk_create(self.repairs)
        return self.journal.write()


def _rebuild_trades(
    account_id: int, ids: Sequence[int], warrant: Warrant, tell: Callable[[str], None]
) -> list[Repair]:
    with transaction.atomic(durable=True):
        deeds = _Deeds(account_id, warrant)
        rows = Trade.objects.select_for_update(no_key=True).filter(pk__in=ids, account=account_id)
        changed = [trade for trade in rows.order_by("pk") if _rebuild_trade(deeds, trade)]
        Trade.objects.bulk_update(changed, TRADE_COLUMNS, batch_size=BITE)
        last = deeds.write()
    _tell(deeds, last, tell)
    return deeds.repairs


def _rebuild_trade(deeds: _Deeds, trade: Trade) -> bool:
    before = trade_payload(trade)
    live = list(TradeExecution.objects.filter(trade=trade, voided_at__isnull=True))
    if live:
        recompute_trade(trade, live)
    else:
        _empty(trade)
    after = trade_payload(trade)
    if before == after:
        return False
    deeds.keep(_label(trade), {"trade": before}, {"trade": after})
    deeds.journal.add(EventKind.TRADE, after, order=trade)
    return True


def _empty(trade: Trade) -> None:
    """Leave a trade none of whose executions counts; when it was stays as it was."""
    trade.filled_quantity = trade.filled_quote = ZERO
    trade.execution_count, trade.commissions, trade.realized_pnl = 0, {}, None


def _label(trade: Trade) -> str:
    return f"{trade.market_type}:{trade.symbol}:{trade.exchange_order_id}"


def _rebuild_position(
    account_id: int, key: PositionKey, warrant: Warrant, tell: Callable[[str], None]
) -> list[Repair]:
    with transaction.atomic(durable=True):
        deeds = _Deeds(account_id, warrant)
        row: StrategyPosition | None = lock_positions(account_id, [key]).get(key)
        wrong = rebuilt_position(deeds.account, key, row)
        if not wrong.is_wrong:
            return []
        before = position_payload(row) if row else None
        after = position_payload(write_recomputed(deeds.account, key, deeds.now))
        deeds.keep(wrong.subject, {"position": before}, {"position": after})
        deeds.journal.add(EventKind.POSITION, after)
        last = deeds.write()
    _tell(deeds, last, tell)
    return deeds.repairs


def _tell(deeds: _Deeds, last: int, tell: Callable[[str], None]) -> None:
    if last:
        publish_events({deeds.account.user_id: last})
    for repair in deeds.repairs:
        tell(repair.subject)
