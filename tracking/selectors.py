"""
Reads for the API, the admin, the pages and the stream. Nothing here writes.

Whatever a user may see starts at `account__user`; a row of somebody else is absent, not forbidden,
so that ids tell nothing. The live page reads the journal number *first* and the rows after it:
events up to that number are then contained in the rows, later ones come over the stream.

@FEAT:order-tracking @COMP:selectors @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from exchanges.messages import OrderStatus
from tracking.models import (
    AccountState,
    Anomaly,
    AnomalyKind,
    ClosedOrder,
    EventCounter,
    ExchangeAccount,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    OrderTrackingSession,
    RequestOutcome,
    SessionStatus,
    StrategyAccount,
    StrategyPosition,
    StreamEvent,
    StreamQuality,
    Trade,
    TradeExecution,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from django.db.models import QuerySet

#: seconds without a sign of life after which a connected stream no longer counts as live; a stream
#: that hears nothing for so long reconnects by itself
STALE_AFTER = 45
#: not fetched where they are not needed: decrypting takes time, and what is not there cannot leak
SECRETS = ("api_key", "api_secret")
LATEST_EXECUTIONS = 50
LATEST_ANOMALIES = 100


def accounts_of(user_id: int) -> QuerySet[ExchangeAccount]:
    """Give the user's accounts, their secrets left in the database."""
    return ExchangeAccount.objects.filter(user_id=user_id).defer(*SECRETS)


def open_orders_of(user_id: int) -> QuerySet[OpenOrder]:
    """Give the user's orders that are alive."""
    return OpenOrder.objects.filter(account__user_id=user_id)


def closed_orders_of(user_id: int) -> QuerySet[ClosedOrder]:
    """Give the user's orders that ended."""
    return ClosedOrder.objects.filter(account__user_id=user_id)


def trades_of(user_id: int) -> QuerySet[Trade]:
    """Give the user's trades."""
    return Trade.objects.filter(account__user_id=user_id)


def executions_of(user_id: int) -> QuerySet[TradeExecution]:
    """Give the user's fills, voided ones included."""
    return TradeExecution.objects.filter(account__user_id=user_id)


def executions_of_order(order: OpenOrder | ClosedOrder | Trade) -> QuerySet[TradeExecution]:
    """Give an order's live fills, oldest first."""
    return TradeExecution.objects.filter(
        account_id=order.account_id,
        market_type=order.market_type,
        symbol=order.symbol,
        id_space=order.id_space,
        exchange_order_id=order.exchange_order_id or "",
        voided_at__isnull=True,
    ).order_by("executed_at", "pk")


def positions_of(user_id: int) -> QuerySet[StrategyPosition]:
    """Give the user's positions, flat ones included."""
    return StrategyPosition.objects.filter(account__user_id=user_id)


def sessions_of(user_id: int) -> QuerySet[OrderTrackingSession]:
    """Give the user's tracking sessions."""
    return OrderTrackingSession.objects.filter(account__user_id=user_id)


def stream_quality_of(user_id: int) -> QuerySet[StreamQuality]:
    """Give the hours of the user's streams."""
    return StreamQuality.objects.filter(account__user_id=user_id)


def anomalies_of(user_id: int) -> QuerySet[Anomaly]:
    """Give the user's anomalies."""
    return Anomaly.objects.filter(account__user_id=user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """How much of an account's stream can be believed: live, reconnecting, stale or down."""

    state: str
    #: seconds since the last sign of life; None if there never was one
    silent_for: int | None = None


def badge_of(session: OrderTrackingSession, now: dt.datetime) -> Badge:
    """Judge a stream by its newest session. Only a *recent* sign of life makes it live."""
    ping = session.last_ping
    silent_for = None if ping is None else max(0, int((now - ping).total_seconds()))
    if session.ended_at is not None:
        return Badge(state="down", silent_for=silent_for)
    if session.status != SessionStatus.CONNECTED:
        return Badge(state="reconnecting", silent_for=silent_for)
    is_live = silent_for is not None and silent_for <= STALE_AFTER
    return Badge(state="live" if is_live else "stale", silent_for=silent_for)


def newest_sessions(sessions: QuerySet[OrderTrackingSession]) -> list[OrderTrackingSession]:
    """
    Give the one session that speaks for each account and market.

    One that has not ended goes before one that has: while a new stream is made before the old one
    is broken, two of them overlap.
    """
    newest_first = (
        "account_id",
        "market_type",
        F("ended_at").desc(nulls_first=True),
        "-started_at",
    )
    return list(sessions.order_by(*newest_first).distinct("account_id", "market_type"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the live page shows, as of journal number `seq` or a little later."""

    seq: int
    taken_at: dt.datetime
    accounts: list[ExchangeAccount]
    strategy_names: dict[int, str]
    orders: list[OpenOrder]
    executions: list[TradeExecution]
    positions: list[StrategyPosition]
    sessions: list[OrderTrackingSession]
    anomalies: list[Anomaly]


def last_seq(user_id: int) -> int:
    """Give the user's newest journal number; 0 before the first event."""
    seq = EventCounter.objects.filter(user_id=user_id).values_list("seq", flat=True).first()
    return seq or 0


def live_snapshot(user_id: int) -> Snapshot:
    """Read what the live page shows; the journal number first (see the module's docstring)."""
    seq = last_seq(user_id)
    executions = executions_of(user_id).filter(voided_at__isnull=True)
    open_anomalies = anomalies_of(user_id).filter(closed_at__isnull=True)
    uses = StrategyAccount.objects.filter(account__user_id=user_id)
    return Snapshot(
        seq=seq,
        taken_at=timezone.now(),
        accounts=list(accounts_of(user_id).order_by("name")),
        strategy_names=dict(uses.values_list("pk", "strategy__name")),
        orders=list(open_orders_of(user_id).order_by("-created_at", "-pk")),
        executions=list(executions.order_by("-executed_at", "-pk")[:LATEST_EXECUTIONS]),
        positions=list(
            positions_of(user_id)
            .exclude(quantity=0)
            .order_by("account_id", "symbol", "position_side", "strategy_account_id")
        ),
        sessions=newest_sessions(sessions_of(user_id)),
        anomalies=list(open_anomalies.order_by("-opened_at", "-pk")[:LATEST_ANOMALIES]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """A stretch of one user's journal, and where the journal ended when it was read."""

    events: list[OrderEvent]
    last_seq: int

    def is_broken_after(self, seq: int) -> bool:
        """Whether what follows `seq` is not all here: pruned, or a number never given out."""
        if seq >= self.last_seq:
            return seq > self.last_seq
        return not self.events or self.events[0].seq != seq + 1


def journal_page(user_id: int, *, after: int, limit: int) -> JournalPage:
    """Read up to `limit` events after a number; the end of the journal first, then the rows."""
    end = last_seq(user_id)
    events = OrderEvent.objects.filter(user_id=user_id, seq__gt=after)
    return JournalPage(events=list(events.order_by("seq")[:limit]), last_seq=end)


def journal_ends(user_ids: list[int]) -> dict[int, int]:
    """Give the newest journal number of each of the users, in one query."""
    ends = EventCounter.objects.filter(user_id__in=user_ids).values_list("user_id", "seq")
    return dict.fromkeys(user_ids, 0) | dict(ends)


def journal_news(cursors: Mapping[int, int], *, limit: int) -> list[OrderEvent]:
    """Read the events of several users after the number each has seen, in order per user."""
    wanted = Q()
    for user_id, seq in cursors.items():
        wanted |= Q(user_id=user_id, seq__gt=seq)
    return list(OrderEvent.objects.filter(wanted).order_by("user_id", "seq")[:limit])


def _counted(rows: QuerySet[Any]) -> Subquery:
    mine = rows.filter(account=OuterRef("pk")).order_by().values("account")
    return Subquery(mine.annotate(count=Count("pk")).values("count"))


def account_overview() -> QuerySet[ExchangeAccount]:
    """Give every account with its waiting frames and its quarantined ones counted, for staff."""
    waiting = StreamEvent.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    # counted by their anomalies, which are few; the inbox keeps a week of frames
    quarantined = Anomaly.objects.filter(kind=AnomalyKind.QUARANTINED.value, closed_at__isnull=True)
    return (
        ExchangeAccount.objects.defer(*SECRETS)
        .annotate(
            pending_events=Coalesce(_counted(waiting), 0),
            quarantined=Coalesce(_counted(quarantined), 0),
        )
        .order_by("pk")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What staff look at first."""

    open_orders: int
    orders_of_unknown_outcome: int
    requests_needing_review: int
    unverified_executions: int
    inbox_pending: int
    anomalies_open: int
    active_accounts: int


def totals() -> Totals:
    """Count over all users."""
    waiting = StreamEvent.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    unverified = TradeExecution.objects.filter(verified=False, voided_at__isnull=True)
    return Totals(
        open_orders=OpenOrder.objects.count(),
        orders_of_unknown_outcome=OpenOrder.objects.filter(
            status=OrderStatus.UNKNOWN.value
        ).count(),
        requests_needing_review=OrderRequest.objects.filter(
            outcome=RequestOutcome.NEEDS_REVIEW.value
        ).count(),
        unverified_executions=unverified.count(),
        inbox_pending=waiting.count(),
        anomalies_open=Anomaly.objects.filter(closed_at__isnull=True).count(),
        active_accounts=ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value).count(),
    )
