"""
What a sync would change, as values: one line an order, a position, a holding, a finding.

Lines are made of what a rehearsed transaction did. The same order is one line, however often the
sync would have touched it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tracking.domain.evidence import OrderState
from tracking.domain.executions import ExecutionState
from tracking.domain.states import is_terminal
from tracking.services.payloads import POSITION_KEYS, plain, to_json
from tracking.services.position_entries import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tracking.domain.evidence import Transition
    from tracking.services.absence import Weighed
    from tracking.services.anomalies import Noticed
    from tracking.services.event_emitter import Emission
    from tracking.services.order_records import Gathered
    from tracking.services.payloads import Json
    from tracking.services.postings import NewPosting
    from tracking.services.sync_holdings import Holdings

_ORDER_FIELDS = tuple(f.name for f in fields(OrderState) if f.name != "executions")
_EXECUTION_FIELDS = tuple(f.name for f in fields(ExecutionState))
_POSITION_FIELDS = tuple(key for key in POSITION_KEYS if key not in {"version", "updated_at"})


class PlanAction(StrEnum):
    """What would happen to the subject of a line."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    CLOSE = "CLOSE"
    REOPEN = "REOPEN"
    OPENING = "OPENING"
    POSITION = "POSITION"
    POSTING = "POSTING"
    HOLDING = "HOLDING"
    NOT_FOUND = "NOT_FOUND"
    ANOMALY = "ANOMALY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One column that would be another."""

    name: str
    before: Json
    after: Json

    def __str__(self) -> str:
        """Write it as a person reads it."""
        return f"{self.name} {_said(self.before)} → {_said(self.after)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExecution:
    """A fill that would be added (no `changes`), or become another."""

    exchange_trade_id: str
    side: str
    price: Json
    quantity: Json
    source: str
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        """Write it as a person reads it."""
        name = f"{self.side} {self.quantity} @ {self.price} #{self.exchange_trade_id}"
        if not self.changes:
            return f"+ {name} ({self.source})"
        return f"~ {name}: {', '.join(map(str, self.changes))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """What would become of one thing."""

    action: PlanAction
    subject: str
    changes: tuple[Change, ...] = ()
    executions: tuple[PlannedExecution, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        """Write what happens, without the subject."""
        parts = [", ".join(map(str, self.changes)), self.note, *map(str, self.executions)]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a sync of one account would change now."""

    account_id: int
    full: bool
    #: the account's books are not open yet: a sync would first open them with its holdings
    opens_books: bool = False
    lines: tuple[PlanLine, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Count the lines by action, and the executions that would be added."""
        found = {action.value.lower(): 0 for action in PlanAction}
        for line in self.lines:
            found[line.action.value.lower()] += 1
        added = sum(not e.changes for line in self.lines for e in line.executions)
        return found | {"executions": added}

    def payload(self) -> dict[str, Any]:
        """Write it as JSON."""
        return asdict(self) | {
            "counts": self.counts,
            "lines": [asdict(line) for line in self.lines],
        }


def order_lines(transitions: Iterable[tuple[Gathered, Transition]]) -> list[PlanLine]:
    """Give a line for each order that would change, whatever number of merges it takes."""
    merges: dict[str, list[Transition]] = defaultdict(list)
    for gathered, transition in transitions:
        after = transition.after
        identity = after.exchange_order_id or after.client_order_id
        merges[f"{gathered.market_type}:{gathered.symbol}:{identity}"].append(transition)
    lines = [
        _order_line(label, done[0].before, done[-1].after)
        for label, done in sorted(merges.items())
        if any(transition.changed for transition in done)
    ]
    return [line for line in lines if line.changes or line.executions]


def _order_line(label: str, before: OrderState | None, after: OrderState) -> PlanLine:
    return PlanLine(
        action=_action(before, after),
        subject=label,
        changes=_changes(before, after, _ORDER_FIELDS),
        executions=_executions(before.executions if before else (), after.executions),
    )


def _action(before: OrderState | None, after: OrderState) -> PlanAction:
    was_closed = before is not None and is_terminal(before.status)
    if is_terminal(after.status):
        return PlanAction.UPDATE if was_closed else PlanAction.CLOSE
    if was_closed:
        return PlanAction.REOPEN
    return PlanAction.UPDATE if before else PlanAction.INSERT


def _changes(before: object | None, after: object, names: Sequence[str]) -> tuple[Change, ...]:
    """Name what differs; of a thing that is new, what it has."""
    told = []
    for name in names:
        was, becomes = getattr(before, name, None), getattr(after, name)
        if was != becomes and (before is not None or becomes):
            told.append(Change(name=name, before=to_json(was), after=to_json(becomes)))
    return tuple(told)


def _executions(
    before: Iterable[ExecutionState], after: Iterable[ExecutionState]
) -> tuple[PlannedExecution, ...]:
    held = {execution.key: execution for execution in before}
    return tuple(
        PlannedExecution(
            exchange_trade_id=execution.exchange_trade_id,
            side=execution.side.value,
            price=to_json(execution.execution_price),
            quantity=to_json(execution.execution_quantity),
            source=execution.source.value,
            changes=_changes(was, execution, _EXECUTION_FIELDS) if was else (),
        )
        for execution in after
        if (was := held.get(execution.key)) != execution
        # a guess made and retired on the way would never be written
        and (was is not None or not execution.voided)
    )


def position_lines(emission: Emission) -> list[PlanLine]:
    """Give a line for each position that would be another."""
    before = {key_of(row): row for row in emission.positions_before}
    lines = []
    for row in sorted(emission.positions, key=lambda row: (*key_of(row)[1:], key_of(row)[0] or 0)):
        owner, market_type, symbol, side = key_of(row)
        name = f"strategy account {owner}" if owner else "residual"
        changes = _changes(before.get(key_of(row)), row, _POSITION_FIELDS)
        subject = f"{market_type}:{symbol}:{side} ({name})"
        if changes:
            lines.append(PlanLine(action=PlanAction.POSITION, subject=subject, changes=changes))
    return lines


def posting_lines(postings: Iterable[NewPosting]) -> list[PlanLine]:
    """Give a line for each movement that would be booked, beside what fills make of positions."""
    return [
        PlanLine(
            action=PlanAction.POSTING,
            subject=f"{posting.market_type}:{posting.symbol or posting.asset}",
            note=f"{posting.kind.value} {plain(posting.amount)} {posting.asset}, {posting.key}",
        )
        for posting in postings
    ]


def holding_lines(
    before: Mapping[tuple[str, str, str], Any], after: Holdings, held: Holdings
) -> list[PlanLine]:
    """Give a line for each holding in which books and exchange differ now."""
    lines = []
    for key in sorted(before.keys() | held.keys()):
        was, becomes, theirs = (side.get(key, 0) for side in (before, after, held))
        if was != theirs:
            booked = Change(name="booked", before=to_json(was), after=to_json(becomes))
            agree = "then equal" if becomes == theirs else "still apart"
            note = f"held {to_json(theirs)}, {agree}"
            lines.append(
                PlanLine(
                    action=PlanAction.HOLDING, subject=":".join(key), changes=(booked,), note=note
                )
            )
    return lines


def not_found_lines(weighed: Iterable[Weighed]) -> list[PlanLine]:
    """Give a line for each order the exchange says it does not know."""
    return [
        PlanLine(
            action=PlanAction.NOT_FOUND,
            subject=item.item.label,
            changes=(
                Change(name="not_found_count", before=item.row.not_found_count, after=item.count),
            ),
            note="that is enough to believe it" if item.is_enough else "asked about again",
        )
        for item in weighed
    ]


def anomaly_lines(noticed: Iterable[Noticed]) -> list[PlanLine]:
    """Give a line for each thing a person would be told of."""
    unique = {(item.kind, item.key): item for item in noticed}
    return [
        PlanLine(
            action=PlanAction.ANOMALY, subject=item.key, note=f"{item.kind.value}: {item.detail}"
        )
        for item in unique.values()
    ]


def _said(value: Json) -> str:
    return "nothing" if value in (None, "") else str(value)
