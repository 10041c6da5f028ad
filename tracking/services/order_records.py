"""
The orders a transaction works on: locked, loaded and kept in step while evidence is merged.

Rows are found by the exchange's order id; an order of ours whose exchange id is not known yet is
found by its client order id. Nothing here decides anything: `domain.merge` does.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exchanges.messages import OrderStatus
from tracking.domain import client_ids
from tracking.domain.orders import merge
from tracking.domain.states import is_terminal
from tracking.models import ClosedOrder, OpenOrder, StrategyAccount, Trade, TradeExecution
from tracking.services import row_reads
from tracking.services.order_rows import order_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exchanges.messages import FillReport, OrderReport
    from tracking.domain.evidence import Evidence, OrderState, Transition
    from tracking.domain.executions import ExecutionKey
    from tracking.models.orders import OrderColumns
    from tracking.services.refusals import Refusal

OrderIdentity = tuple[str, str, str, str]
Row = TypeVar("Row", OpenOrder, ClosedOrder, Trade, TradeExecution)

_IDENTIFIED = """
    account_id = %s AND market_type = ANY(%s) AND symbol = ANY(%s) AND id_space = ANY(%s)
    AND exchange_order_id = ANY(%s)
"""
_NAMED = "account_id = %s AND client_order_id = ANY(%s) AND placed_by_us"


class HeardFrame(NamedTuple):
    """A row of the inbox that told of an order, when it came, and one thing it told."""

    pk: int
    received_at: datetime
    told: OrderReport | FillReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Evidence about one order of an account, under the unified symbol."""

    market_type: str
    symbol: str
    id_space: str
    evidence: Evidence
    exchange_order_id: str | None = None
    client_order_id: str | None = None
    #: when the first frame of this evidence reached us; None if no frame did
    received_at: datetime | None = None
    #: what brought the reports and lone fills among the evidence, once for each of them
    frames: tuple[HeardFrame, ...] = ()
    #: why it was not sent, or not taken, where the evidence is a verdict on that
    refusal: Refusal | None = None

    @property
    def identity(self) -> OrderIdentity | None:
        """The order's identity inside its account, once the exchange has told its id."""
        if self.exchange_order_id is None:
            return None
        return self.market_type, self.symbol, self.id_space, self.exchange_order_id

    @property
    def tells_end(self) -> bool:
        """Whether the evidence already holds the exchange's word that the order has ended."""
        return any(s.status and is_terminal(s.status) for s in self.evidence.statements)

    @property
    def label(self) -> str:
        """Name the order for logs and anomalies."""
        return f"{self.market_type}:{self.symbol}:{self.exchange_order_id or self.client_order_id}"


@dataclass(slots=True)
class Record:
    """One order in the transaction: its row, its state, its executions and trade."""

    row: OpenOrder | ClosedOrder | None
    state: OrderState | None
    executions: dict[ExecutionKey, TradeExecution] = field(default_factory=dict)
    trade: Trade | None = None
    strategy_account_id: int | None = None
    transitions: list[tuple[Gathered, Transition]] = field(default_factory=list)

    def merge(self, gathered: Gathered) -> Transition:
        """Merge evidence into the record's state."""
        transition = merge(self.state, gathered.evidence)
        self.state = transition.after
        self.transitions.append((gathered, transition))
        return transition

    @property
    def was_closed(self) -> bool:
        """Whether the order had ended before this transaction."""
        return isinstance(self.row, ClosedOrder)

    @property
    def is_closed(self) -> bool:
        """Whether the order has ended now."""
        return self.state is not None and is_terminal(self.state.status)


@dataclass(slots=True)
class Records:
    """All orders of one transaction, found by either id."""

    account_id: int
    prefix: str
    by_identity: dict[OrderIdentity, Record] = field(default_factory=dict)
    by_client_id: dict[tuple[str, str], Record] = field(default_factory=dict)

    @classmethod
    def load(cls, account_id: int, gathered: Sequence[Gathered], prefix: str) -> Records:
        """Lock and load every order the evidence speaks of; orders by id, as design §2 says."""
        records = cls(account_id, prefix)
        wanted = [g.identity for g in gathered if g.identity]
        records._hold(_narrowed(OpenOrder, account_id, wanted, lock=True))
        unmet = [g for g in gathered if not g.identity or g.identity not in records.by_identity]
        by_client = [g.client_order_id for g in unmet if g.client_order_id]
        records._hold(_open_by_client_id(account_id, by_client))
        missing = [i for i in wanted if i not in records.by_identity]
        records._hold(_narrowed(ClosedOrder, account_id, missing, lock=True))
        lost = [g for g in gathered if records._may_be_ours(g) and not records.find(g)]
        records._hold(_closed_by_client_id(account_id, lost))
        records._attach_fills(account_id)
        records._attach_owners([g for g in gathered if not records.find(g)])
        return records

    def _may_be_ours(self, gathered: Gathered) -> bool:
        """Whether an order we hold closed without its exchange id, as failed, may be this one."""
        token = client_ids.owner_token(gathered.client_order_id, prefix=self.prefix)
        return gathered.identity is None or token is not None

    def _hold(self, rows: Iterable[OpenOrder | ClosedOrder]) -> None:
        for row in rows:
            record = Record(row, None, strategy_account_id=row.strategy_account_id)
            if row.exchange_order_id:
                self.by_identity.setdefault(_identity(row), record)
            if row.client_order_id and row.placed_by_us:
                self.by_client_id.setdefault((row.market_type, row.client_order_id), record)

    def _attach_fills(self, account_id: int) -> None:
        """Load the fills of the loaded orders that have any."""
        identities = [i for i, r in self.by_identity.items() if r.row and r.row.filled_quantity]
        executions = defaultdict(list)
        for execution in _narrowed(TradeExecution, account_id, identities):
            executions[_identity(execution)].append(execution)
        for trade in _narrowed(Trade, account_id, list(executions)):
            self.by_identity[_identity(trade)].trade = trade
        for record in self.all():
            row = record.row
            fills = executions.get(_identity(row), []) if row and row.exchange_order_id else []
            record.executions = {(e.exchange_trade_id, e.side, e.sequence): e for e in fills}
            if row:
                record.state = order_state(row, fills)

    def _attach_owners(self, unknown: Sequence[Gathered]) -> None:
        """Begin records for orders nobody told us of; the token in their client id owns them."""
        tokens = {g: self._token(g) for g in map(_Hashed, unknown)}
        owners = dict(
            StrategyAccount.objects.filter(
                account_id=self.account_id, token__in={t for t in tokens.values() if t}
            ).values_list("token", "id")
            if any(tokens.values())
            else ()
        )
        for hashed, token in tokens.items():
            self._begin(hashed.gathered, owners.get(token or ""))

    def _token(self, hashed: _Hashed) -> str | None:
        evidence = hashed.gathered.evidence
        ids = [s.client_order_id for s in evidence.statements if s.client_order_id]
        # a fill told alone knows its order's name, but is no statement
        name = ids[0] if ids else hashed.gathered.client_order_id
        return client_ids.owner_token(name, prefix=self.prefix)

    def _begin(self, gathered: Gathered, owner: int | None) -> None:
        identity = gathered.identity
        if identity is None or identity in self.by_identity:
            return
        record = Record(None, None, strategy_account_id=owner)
        self.by_identity[identity] = record

    def find(self, gathered: Gathered) -> Record | None:
        """Give the record an order has in this transaction; None for an unknown order."""
        identity = gathered.identity
        if identity and (record := self.by_identity.get(identity)):
            return record
        if gathered.client_order_id is None:
            return None
        record = self.by_client_id.get((gathered.market_type, gathered.client_order_id))
        if record is None or not _may_be(record, identity):
            return None
        if identity:
            self.by_identity[identity] = record
        return record

    def all(self) -> list[Record]:
        """Every record once."""
        records = {id(r): r for r in (*self.by_identity.values(), *self.by_client_id.values())}
        return list(records.values())


@dataclass(frozen=True, slots=True, eq=False)
class _Hashed:
    """Evidence hashed by identity of the object: it holds unhashable parts."""

    gathered: Gathered


def _may_be(record: Record, identity: OrderIdentity | None) -> bool:
    """An order of ours that already has an exchange id is not another one of the same client id."""
    row = record.row
    return identity is None or row is None or row.exchange_order_id in {None, identity[3]}


def _identity(row: OrderColumns | Trade | TradeExecution) -> OrderIdentity:
    return row.market_type, row.symbol, row.id_space, str(row.exchange_order_id)


def _narrowed(
    model: type[Row], account_id: int, identities: Sequence[OrderIdentity], *, lock: bool = False
) -> list[Row]:
    """Read the rows of these identities, through the identity index; orders by id."""
    if not identities:
        return []
    wanted = set(identities)
    parts: list[list[str]] = [list(set(part)) for part in zip(*wanted, strict=True)]
    found = row_reads.read(model, _IDENTIFIED, [account_id, *parts], lock=lock)
    return [row for row in found if _identity(row) in wanted]


def ended_among(account_id: int, identities: Sequence[OrderIdentity]) -> set[OrderIdentity]:
    """Say which of these orders our books hold as ended."""
    return {_identity(row) for row in _narrowed(ClosedOrder, account_id, identities)}


def _open_by_client_id(account_id: int, client_order_ids: Sequence[str]) -> list[OpenOrder]:
    """Orders of ours whose exchange id is not known yet: in flight, or their answer was lost."""
    if not client_order_ids:
        return []
    where = f"{_NAMED} AND exchange_order_id IS NULL"
    return row_reads.read(OpenOrder, where, [account_id, list(client_order_ids)], lock=True)


def _closed_by_client_id(account_id: int, lost: Sequence[Gathered]) -> list[ClosedOrder]:
    ids = [g.client_order_id for g in lost if g.client_order_id]
    if not ids:
        return []
    return row_reads.read(ClosedOrder, _NAMED, [account_id, ids], lock=True)


def in_flight(status: OrderStatus) -> bool:
    """Whether an order of ours still waits for its first word from the exchange."""
    return status in {OrderStatus.PENDING, OrderStatus.UNKNOWN}
