"""
Tracking sessions, and the sync that makes the books right although streams lie.

Note [The three differences]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
Every 10 s the exchange is asked what it has, by the cheap calls: the open orders of each symbol
with live interest, and what the account holds. Unknown to us: insert. Gone at the exchange: find
out what became of it, book its fills, close. Different filled quantity: update. A holding that
moved without booked fills makes us ask for that symbol's trades from the cursor on; so does a
symbol that was traded by hand. The expensive unfiltered list is read at start-up, after a gap,
while no stream is proven alive, and else every 5 minutes.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from exchanges.errors import AuthenticationError
from tracking.domain.findings import AnomalyKind
from tracking.models import AccountState, ExchangeAccount, OrderTrackingSession
from tracking.models.sessions import LIVE_SESSION
from tracking.services import anomalies, clients, contract_terms, deaf_streams, postings
from tracking.services.absence import note_not_found
from tracking.services.anomalies import Noticed
from tracking.services.baseline import ensure_baseline
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import Emission, emit_trade_event
from tracking.services.gaps import explain_gaps
from tracking.services.sync_comparison import compare
from tracking.services.sync_holdings import booked_holdings

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exchanges.questions import TradeCursor
    from exchanges.rest import RestClient
    from tracking.services.postings import NewPosting
    from tracking.services.sync_holdings import Apart, Holdings
    from tracking.services.sync_questions import Answer
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)

FULL_SYNC_EVERY = timedelta(minutes=5)
#: A beat that comes every interval must find the sync due, though it was claimed a moment late.
BEAT_SLACK = timedelta(seconds=1)
#: A session that has shown no life for this long proves nothing.
PROVEN_ALIVE = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a sync changed. `skipped`: it was not due, or someone else is at it."""

    inserted: int = 0
    updated: int = 0
    closed: int = 0
    executions: int = 0
    full: bool = False
    skipped: bool = False


def create_session(
    *, session_id: uuid.UUID, account_id: int, market_type: str, owner: str, epoch: int
) -> OrderTrackingSession:
    """Begin the row of one stream's life."""
    return OrderTrackingSession.objects.create(
        session_id=session_id,
        account_id=account_id,
        market_type=market_type,
        owner=owner,
        epoch=epoch,
        started_at=timezone.now(),
    )


def sync_open_orders(account_id: int, *, full: bool = False, force: bool = False) -> SyncResult:
    """Make the account's books agree with REST. See Note [The three differences].

    Raises ExchangeError when the exchange cannot be read; the sync then stays due.
    """
    if not _claim(account_id, force=force):
        return SyncResult(skipped=True)
    account = ExchangeAccount.objects.get(pk=account_id)
    is_full = full or wants_full(account)
    began = _begin(account, full=is_full)
    try:
        account = ensure_baseline(account)
        result = _sync(account, full=is_full)
    except AuthenticationError as error:
        stop_for_credentials(account, str(error))
        raise
    _note_synced(account, began, full=is_full)
    deaf_streams.look_after_sync(account_id, began=began, found_fills=result.executions > 0)
    log.info(
        "account.synced",
        account=account_id,
        full=is_full,
        inserted=result.inserted,
        updated=result.updated,
        closed=result.closed,
        executions=result.executions,
    )
    return result


def _claim(account_id: int, *, force: bool) -> bool:
    """Take this sync, on the database's clock, so that beat and run_streams never both pay."""
    due = Q(next_sync_at__isnull=True) | Q(next_sync_at__lte=Now())
    rows = ExchangeAccount.objects.filter(pk=account_id, state=AccountState.ACTIVE.value)
    if not force:
        rows = rows.filter(due)
    interval = timedelta(seconds=settings.SYNC_INTERVAL) - BEAT_SLACK
    return bool(rows.update(next_sync_at=Now() + interval))


def accounts_to_sync() -> list[int]:
    """Name the tracked accounts whose sync is due."""
    due = Q(next_sync_at__isnull=True) | Q(next_sync_at__lte=Now())
    rows = ExchangeAccount.objects.filter(due, state=AccountState.ACTIVE.value)
    return list(rows.order_by("next_sync_at").values_list("pk", flat=True))


def wants_full(account: ExchangeAccount) -> bool:
    """Say whether the unfiltered lists are to be read: time is up, or no stream is alive."""
    if account.next_full_sync_at is None or account.next_full_sync_at <= timezone.now():
        return True
    return not stream_is_alive(account.pk, timezone.now())


def stream_is_alive(account_id: int, now: datetime) -> bool:
    """Say whether some session of the account has lately shown that its transport lives."""
    return OrderTrackingSession.objects.filter(
        account_id=account_id, status__in=LIVE_SESSION, last_ping__gte=now - PROVEN_ALIVE
    ).exists()


def _sync(account: ExchangeAccount, *, full: bool) -> SyncResult:
    client = clients.rest_client(account)
    books = _Books(account, client)
    compared = compare(account, client, books, full=full)
    postings.book(account.pk, compared.seen.postings, timezone.now())
    if compared.seen.looked_at is not None:
        rows = ExchangeAccount.objects.filter(pk=account.pk)
        rows.update(income_checked_at=compared.seen.looked_at)
    books.notice(drift_anomalies(compared.drifts))
    if compared.drifts:
        log.warning("account.drifted", account=account.pk, markets=len(compared.drifts))
    anomalies.close_settled(account.pk, apart={item.label for item in compared.apart})
    done = books.emission
    return SyncResult(
        inserted=done.inserted,
        updated=done.updated,
        closed=done.closed,
        executions=done.executions,
        full=full,
    )


@dataclass(slots=True)
class _Books:
    """The real books: what a sync is told is written."""

    account: ExchangeAccount
    client: RestClient
    emission: Emission = field(default_factory=Emission)

    def take(self, answer: Answer) -> None:
        contract_terms.learn(self.account.exchange, self.client.markets)
        emission = emit_trade_event(
            account_id=self.account.pk,
            gathered=answer.gathered,
            now=timezone.now(),
            cursors=answer.cursors,
        )
        self.emission += explain_gaps(self.account, emission)
        note_not_found(self.account, answer.not_found)

    def notice(self, noticed: list[Noticed]) -> None:
        if noticed:
            anomalies.report(self.account.pk, noticed)

    def move(self, moved: Sequence[NewPosting]) -> None:
        postings.book(self.account.pk, moved, timezone.now())

    def holdings(self) -> Holdings:
        return booked_holdings(self.account.pk)

    def cursors(self, keys: Iterable[SymbolKey]) -> dict[SymbolKey, TradeCursor]:
        return read_cursors(self.account.pk, keys, self.account.baseline_at)

    def told(self) -> tuple[()]:
        """Orders have their rows as soon as they are taken."""
        return ()


def drift_anomalies(drifts: Iterable[Apart]) -> list[Noticed]:
    """Tell of holdings that nothing explains."""
    return [
        Noticed(
            kind=AnomalyKind.DRIFT,
            key=item.label,
            detail=f"{item.label} booked {item.booked:f}, held {item.held:f}",
        )
        for item in drifts
    ]


def _begin(account: ExchangeAccount, *, full: bool) -> datetime:
    """Mark a full sync as begun, and still due: if a gap asks for another now, that one stands."""
    now = timezone.now()
    if full:
        ExchangeAccount.objects.filter(pk=account.pk).update(next_full_sync_at=now)
    return now


def _note_synced(account: ExchangeAccount, began: datetime, *, full: bool) -> None:
    now = timezone.now()
    rows = ExchangeAccount.objects.filter(pk=account.pk)
    rows.update(synced_at=now)
    if full:
        rows.filter(next_full_sync_at=began).update(next_full_sync_at=now + FULL_SYNC_EVERY)


def request_full_sync(account_id: int) -> None:
    """Make the next sync a full one, due now: after a gap messages may have been missed."""
    ExchangeAccount.objects.filter(pk=account_id).update(next_full_sync_at=None, next_sync_at=Now())


def stop_for_credentials(account: ExchangeAccount, reason: str) -> None:
    """Stop all signed traffic of an account whose key was refused, and tell its user."""
    changed = ExchangeAccount.objects.filter(pk=account.pk, state=AccountState.ACTIVE.value).update(
        state=AccountState.AUTH_FAILED.value, state_reason=reason[:200]
    )
    if changed:
        log.error("account.auth_failed", account=account.pk, reason=reason)
        anomalies.report(
            account.pk,
            [Noticed(kind=AnomalyKind.AUTH_FAILED, key="credentials", detail=reason)],
        )
