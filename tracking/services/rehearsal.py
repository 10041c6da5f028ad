"""
The dry run of a sync: the same questions, the same merge, and nothing of it stays.

What was gathered so far is rehearsed as one transaction that is rolled back, again with each
answer, so that the next question is the one a real sync would ask (`sync_comparison`). Nothing is
claimed, scheduled, counted, published or booked; the exchange's request budget is spent.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from exchanges.messages import PositionSide
from exchanges.questions import TradeCursor
from tracking.models import ExchangeAccount
from tracking.services import clients, postings, sync_plan
from tracking.services.absence import Weighed, conclude, weigh
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import Emission, emit_trade_event
from tracking.services.gaps import ask_about_gaps
from tracking.services.order_tracking import drift_anomalies
from tracking.services.payloads import to_json
from tracking.services.position_entries import key_of
from tracking.services.sync_comparison import compare
from tracking.services.sync_holdings import ZERO, Holdings, holdings_of, read_holdings
from tracking.services.sync_plan import Change, PlanAction, PlanLine, SyncPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exchanges.rest import RestClient
    from tracking.services.order_records import Gathered, OrderIdentity
    from tracking.services.postings import NewPosting
    from tracking.services.sync_comparison import Compared
    from tracking.services.sync_questions import Answer
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)


def rehearse_sync(account_id: int, *, full: bool = True) -> SyncPlan:
    """Say what a sync of the account would change now; change nothing.

    Raises ExchangeError when the exchange cannot be read, AccountNotActiveError if it may not be.
    """
    account = ExchangeAccount.objects.get(pk=account_id)
    clients.require_active(account)
    client = clients.rest_client(account)
    if account.baseline_at is None:
        return _opening(account, client, full=full)
    books = _RehearsedBooks(account)
    compared = compare(account, client, books, full=full)
    plan = SyncPlan(account_id=account_id, full=full, lines=tuple(_lines(books, compared)))
    log.info("sync.rehearsed", account=account_id, full=full, lines=len(plan.lines))
    return plan


def _opening(account: ExchangeAccount, client: RestClient, *, full: bool) -> SyncPlan:
    """Tell with what an account's books would be opened; everything else follows from there."""
    held, _ = read_holdings(client)
    lines = [
        PlanLine(
            action=PlanAction.OPENING,
            subject=":".join(key),
            changes=(Change(name="quantity", before=None, after=to_json(quantity)),),
        )
        for key, quantity in sorted(held.items())
        if quantity
    ]
    return SyncPlan(account_id=account.pk, full=full, opens_books=True, lines=tuple(lines))


def _lines(books: _RehearsedBooks, compared: Compared) -> list[PlanLine]:
    emission = books.emission
    before = holdings_of(emission.positions_before)
    return [
        *sync_plan.order_lines(emission.transitions),
        *sync_plan.not_found_lines(books.not_found),
        *sync_plan.position_lines(emission),
        *sync_plan.posting_lines(postings.unknown(books.account, compared.seen.postings)),
        *sync_plan.holding_lines(before, books.holdings(), compared.held),
        *sync_plan.anomaly_lines([*books.findings(), *drift_anomalies(compared.drifts)]),
    ]


@dataclass(slots=True)
class _RehearsedBooks:
    """The books as they would be. Implements `sync_comparison.SyncBooks`."""

    account: ExchangeAccount
    emission: Emission = field(default_factory=Emission)
    not_found: list[Weighed] = field(default_factory=list)
    _gathered: list[Gathered] = field(default_factory=list)
    _cursors: dict[SymbolKey, str | None] = field(default_factory=dict)
    _noticed: list[Noticed] = field(default_factory=list)
    _moved: dict[str, NewPosting] = field(default_factory=dict)

    def take(self, answer: Answer) -> None:
        self._rehearse(answer.gathered, answer.cursors)
        found = ask_about_gaps(self.account, self._of(answer.gathered))
        if found:
            self._rehearse(found, {})
        for weighed in weigh(self.account.pk, answer.not_found, timezone.now()):
            self.not_found.append(weighed)
            conclusion = conclude(self.account, weighed) if weighed.is_enough else None
            if conclusion:
                self.notice([conclusion.noticed])
                self._rehearse(conclusion.gathered, conclusion.cursors)

    def notice(self, noticed: list[Noticed]) -> None:
        self._noticed += noticed

    def move(self, moved: Sequence[NewPosting]) -> None:
        self._moved |= {posting.key: posting for posting in postings.unknown(self.account, moved)}

    def holdings(self) -> Holdings:
        after = {key_of(row): row for row in self.emission.positions_before}
        held = holdings_of((after | {key_of(row): row for row in self.emission.positions}).values())
        for posting in self._moved.values():
            key = (posting.market_type, posting.symbol, PositionSide.NET.value)
            held[key] = held.get(key, ZERO) + posting.quantity
        return held

    def cursors(self, keys: Iterable[SymbolKey]) -> dict[SymbolKey, TradeCursor]:
        found = read_cursors(self.account.pk, keys, self.account.baseline_at)
        for key, held in found.items():
            moved = self._cursors.get(key)
            if moved is not None and int(moved) > int(held.after_trade_id or 0):
                found[key] = TradeCursor(after_trade_id=moved)
        return found

    def told(self) -> set[OrderIdentity]:
        return {g.identity for g in self._gathered if g.identity}

    def findings(self) -> list[Noticed]:
        """Tell what the merge and the questions noticed."""
        found = [
            Noticed(kind=finding.kind, key=gathered.label, detail=finding.detail)
            for gathered, transition in self.emission.transitions
            for finding in transition.findings
        ]
        return [*self._noticed, *found]

    def _rehearse(
        self, gathered: Sequence[Gathered], cursors: Mapping[SymbolKey, str | None]
    ) -> None:
        """Do all that is known by now, in one transaction, and roll it back."""
        self._gathered += gathered
        self._cursors |= {key: at for key, at in cursors.items() if at is not None}
        self.emission = emit_trade_event(
            account_id=self.account.pk,
            gathered=self._gathered,
            now=timezone.now(),
            cursors=self._cursors,
            rehearse=True,
        )

    def _of(self, gathered: Sequence[Gathered]) -> Emission:
        """Give of the last rehearsal what concerns these orders."""
        labels = {item.label for item in gathered}
        return Emission(
            transitions=[(g, done) for g, done in self.emission.transitions if g.label in labels]
        )
