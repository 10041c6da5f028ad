"""
Works through an account's inbox: read, group by order, verify by REST, emit.

A drain takes a bounded number of rounds, so that other accounts get their turn; when nothing waits
a round is one event and as quick as a task of its own. A batch that fails is bisected by order, and
what fails three times alone is quarantined with an anomaly, so one bad frame stops nobody.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.utils import timezone

from exchanges import registry
from exchanges.errors import MalformedMessage, TransientError, UnknownSymbol
from tracking.domain.findings import AnomalyKind
from tracking.models import ExchangeAccount
from tracking.services import (
    anomalies,
    bystanders,
    clients,
    contract_terms,
    inbox,
    lone_fills,
    row_reads,
    stream_movements,
    verification,
)
from tracking.services.anomalies import Noticed
from tracking.services.baseline import ensure_baseline
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import Emission, emit_trade_event
from tracking.services.fill_flow import FillFlow
from tracking.services.gaps import explain_gaps
from tracking.services.inbox_groups import Group, group_by_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.services.inbox import WaitingFrame
    from tracking.services.order_records import Gathered

log = structlog.get_logger(__name__)

ROUND_SIZE = 1000
MAX_ROUNDS = 8
POISON_AFTER = 3
#: After REST failed or was too slow for an account, its fills do not wait for it for this long.
REST_PAUSE = 2.0
#: The database, or our time: nothing is wrong with the frames.
_NOBODYS_FAULT = (OperationalError, InterfaceError, InternalError, SoftTimeLimitExceeded)


@dataclass(slots=True)
class Drained:
    """What a drain did. `again`: rounds ran out before the inbox did."""

    claimed: bool = False
    events: int = 0
    rounds: int = 0
    again: bool = False


@dataclass(slots=True)
class _RestPauses:
    """Until when, on the monotonic clock, an account's fills do not wait for REST."""

    until: dict[int, float] = field(default_factory=dict)

    def begin(self, account_id: int) -> None:
        self.until[account_id] = time.monotonic() + REST_PAUSE

    def holds(self, account_id: int) -> bool:
        return time.monotonic() < self.until.get(account_id, 0.0)


_PAUSES = _RestPauses()
_FLOW = FillFlow()


class OrderFillMonitor:
    """Turns an account's waiting frames into books."""

    def __init__(self, account_id: int) -> None:
        """Make a monitor; each one claims under a name of its own."""
        self.account_id = account_id
        self.owner = uuid.uuid4().hex

    def on_order_update(self) -> Drained:
        """Drain the account's inbox, unless someone is at it already."""
        drained = Drained()
        if not inbox.claim(self.account_id, self.owner):
            return drained
        drained.claimed = True
        try:
            self._rounds(drained)
        finally:
            if not drained.claimed or drained.again:
                inbox.let_go(self.account_id, self.owner, even_if_wanted=True)
        return drained

    def _rounds(self, drained: Drained) -> None:
        drained.again = True
        account = ensure_baseline(row_reads.read_one(ExchangeAccount, self.account_id))
        begun = 0
        while drained.rounds < MAX_ROUNDS:
            events = inbox.waiting(self.account_id, ROUND_SIZE, after=begun)
            is_all = len(events) < ROUND_SIZE
            if events:
                drained.rounds += 1
                drained.events += len(events)
                self.process_order_fill(account, events)
            if is_all and not begun and inbox.let_go(self.account_id, self.owner):
                drained.again = False
                return
            # what waits for the word of its order keeps nothing behind it waiting; it may have come
            begun = 0 if is_all else events[-1].pk
            if not inbox.renew(self.account_id, self.owner):
                drained.again = False
                return

    def process_order_fill(self, account: ExchangeAccount, events: Sequence[WaitingFrame]) -> None:
        """Verify and emit one round of frames."""
        groups, ignorable, bad = group_by_order(account, events)
        if bad:
            self._quarantine(bad)
        if not groups and not ignorable:
            return
        # read to name their symbols, so at hand: contracts have sizes of their own
        contract_terms.learn(account.exchange, clients.rest_client(account).markets)
        started = time.monotonic()
        others = set(ignorable)
        settled = self._book_movements(account, [e for e in events if e.pk in others])
        if groups or settled:
            self._emit(account, groups, settled)
        log.info(
            "event.received",
            note=f"OrderFillMonitor handled {len(events)} frame(s) of {len(groups)} order(s)",
            account=account.pk,
            frames=len(events),
            orders=len(groups),
            milliseconds=round((time.monotonic() - started) * 1000),
        )

    def _book_movements(
        self, account: ExchangeAccount, events: Sequence[WaitingFrame]
    ) -> list[int]:
        """Book what moved without an order; give the frames that are settled by that."""
        try:
            stream_movements.book(account, events)
        except (*_NOBODYS_FAULT, TransientError):
            raise
        except Exception as error:
            log.exception("movements.failed", account=account.pk, frames=len(events))
            if len(events) > 1:
                return [i for event in events for i in self._book_movements(account, [event])]
            self._note_failure([event.pk for event in events], events[0].attempts, error)
            return []
        return [event.pk for event in events]

    def _emit(
        self,
        account: ExchangeAccount,
        groups: list[Group],
        ignorable: list[int],
        shared: frozenset[int] = frozenset(),
    ) -> bool:
        """Emit the groups; on failure halve them until the bad order stands alone.

        Tells whether all were emitted. `shared`: frames that are not settled by these groups
        alone, because orders of others are told of in them, too.
        """
        told = [i for group in groups for i in group.event_ids if i not in shared]
        event_ids = list(dict.fromkeys(told + ignorable))
        began = time.monotonic()
        try:
            emission = self._verify_and_emit(account, groups, event_ids)
        except _NOBODYS_FAULT:
            raise
        except Exception as error:
            log.exception("events.failed", account=account.pk, orders=len(groups))
            return self._divide(account, groups, ignorable, shared, error)
        spent = time.monotonic() - began
        explain_gaps(account, emission, patience=settings.VERIFY_DEADLINE - spent)
        return True

    def _divide(
        self,
        account: ExchangeAccount,
        groups: list[Group],
        ignorable: list[int],
        shared: frozenset[int],
        error: Exception,
    ) -> bool:
        if len(groups) > 1:
            middle = len(groups) // 2
            first, second = groups[:middle], groups[middle:]
            both = shared | (_frames_of(first) & _frames_of(second))
            was_emitted = self._emit(account, first, ignorable, both)
            # a frame of both halves is settled with the second, if the first is
            rest = shared if was_emitted else both
            return self._emit(account, second, [], rest) and was_emitted
        for group in groups:
            self._note_failure(group.event_ids, group.attempts, error)
        return False

    def _note_failure(self, event_ids: Sequence[int], attempts: int, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        inbox.note_failure(event_ids, reason)
        if attempts + 1 >= POISON_AFTER:
            self._quarantine(dict.fromkeys(event_ids, reason))

    def _verify_and_emit(
        self, account: ExchangeAccount, groups: list[Group], event_ids: list[int]
    ) -> Emission:
        evidence = [group.gathered for group in groups]
        cursors: dict[tuple[str, str], str | None] = {}
        fills = [group.gathered for group in groups if group.has_fill]
        # noted in any case; see Note [Asking in bulk]
        is_busy = bool(fills) and _FLOW.note(account.pk, len(fills))
        if fills and not is_busy and self._may_wait(account):
            others = [group.gathered for group in groups if not group.has_fill]
            answer = self._ask(account, fills)
            bystanders.join_known(account, answer, groups_known_to=evidence)
            evidence, cursors = others + answer.gathered, answer.cursors
        held_back = lone_fills.too_early(account, evidence, timezone.now())
        return emit_trade_event(
            account_id=account.pk,
            gathered=[item for item in evidence if item not in held_back.orders],
            now=timezone.now(),
            stream_event_ids=[i for i in event_ids if i not in held_back.frames],
            cursors=held_back.keep_before(cursors),
        )

    def _may_wait(self, account: ExchangeAccount) -> bool:
        """See Note [Verified by REST, never late]. A refused key asks nothing any more."""
        if _PAUSES.holds(account.pk) or not clients.may_ask(account):
            return False
        return clients.governor(account).free_share() > verification.GENEROUS

    def _ask(self, account: ExchangeAccount, fills: list[Gathered]) -> verification.Verified:
        symbols = {(g.market_type, g.symbol) for g in fills}
        answer = verification.ask(
            clients.rest_client(account),
            fills,
            read_cursors(account.pk, symbols, account.baseline_at),
            place_of=registry.adapter(account.exchange).place_of,
            deadline=time.monotonic() + settings.VERIFY_DEADLINE,
        )
        if answer.failed:
            _PAUSES.begin(account.pk)
        return answer

    def _quarantine(self, bad: dict[int, str]) -> None:
        reasons = sorted(set(bad.values()))
        for reason in reasons:
            inbox.quarantine([i for i, r in bad.items() if r == reason], reason)
            log.error("event.quarantined", account=self.account_id, reason=reason)
        anomalies.report(
            self.account_id,
            [Noticed(kind=_kind_of(reason), key=reason[:200], detail=reason) for reason in reasons],
        )


def _frames_of(groups: list[Group]) -> frozenset[int]:
    return frozenset(i for group in groups for i in group.event_ids)


def _kind_of(reason: str) -> AnomalyKind:
    if reason.startswith(MalformedMessage.__name__):
        return AnomalyKind.MALFORMED_FRAME
    if reason.startswith(UnknownSymbol.__name__):
        return AnomalyKind.UNKNOWN_SYMBOL
    return AnomalyKind.QUARANTINED
