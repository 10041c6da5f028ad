"""
The books of some orders as plain values, to be laid beside others.

Compared is what the exchange said; not when we heard it, and not what depends on that (who was
first, when it was verified, how often a row was written, guesses that came and went).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracking.domain.market_terms import terms_of
from tracking.domain.positions import change_of
from tracking.models import ClosedOrder, OpenOrder, StrategyPosition, Trade, TradeExecution
from tracking.services.order_rows import STATE_COLUMNS
from tracking.services.payloads import to_json
from tracking.services.position_entries import fill_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import Model

    from tracking.services.order_records import OrderIdentity
    from tracking.services.payloads import Json

_IDENTITY = ("market_type", "symbol", "id_space", "exchange_order_id")
_ORDER = ("strategy_account_id", *(c for c in STATE_COLUMNS if c not in {"reason", "verified"}))
_TRADE = (
    "strategy_account_id",
    "filled_quantity",
    "filled_quote",
    "realized_pnl",
    "commissions",
    "execution_count",
)
_EXECUTION = (
    "strategy_account_id",
    "execution_price",
    "execution_quantity",
    "is_maker",
    "commission",
    "commission_asset",
    "realized_pnl",
    "executed_at",
    "kind",
    "is_history",
)
_POSITION = ("strategy_account_id", "market_type", "symbol", "position_side")
#: so many orders are read at once
_BITE = 2_000

Values = dict[str, "Json"]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Rows by kind and key, each as values by column."""

    order: dict[Key, Values] = field(default_factory=dict)
    trade: dict[Key, Values] = field(default_factory=dict)
    execution: dict[Key, Values] = field(default_factory=dict)
    #: what the executions add up to
    position: dict[Key, Values] = field(default_factory=dict)

    def kinds(self) -> Iterator[tuple[str, dict[Key, Values]]]:
        """Give the rows of each kind."""
        yield "order", self.order
        yield "trade", self.trade
        yield "execution", self.execution
        yield "position", self.position


def read_books(account_id: int, identities: Sequence[OrderIdentity]) -> Books:
    """Read the books of these orders; positions are the sums of their executions."""
    books = Books()
    wanted = set(identities)
    for start in range(0, len(identities), _BITE):
        ids = [identity[3] for identity in identities[start : start + _BITE]]
        for model in (OpenOrder, ClosedOrder):
            books.order.update(_rows(model, account_id, ids, _ORDER, wanted))
        books.trade.update(_rows(Trade, account_id, ids, _TRADE, wanted))
        rows = TradeExecution.objects.filter(voided_at__isnull=True)
        executions = [row for row in _read(rows, account_id, ids) if _key(row) in wanted]
        for row in executions:
            key = (*_key(row), row.exchange_trade_id, row.side, row.sequence)
            books.execution[key] = _values(row, _EXECUTION)
        _add_up(books, executions)
    return books


def read_all(account_id: int) -> Books:
    """Read an account's whole books; positions as they were folded, flat ones left out."""
    identities = [
        identity
        for model in (OpenOrder, ClosedOrder)
        for identity in model.objects.filter(account_id=account_id).values_list(*_IDENTITY)
    ]
    books = read_books(account_id, identities)
    rows = StrategyPosition.objects.filter(account_id=account_id).exclude(quantity=0)
    folded = {
        tuple(getattr(row, column) for column in _POSITION): _values(row, ("quantity",))
        for row in rows
    }
    return Books(order=books.order, trade=books.trade, execution=books.execution, position=folded)


def _rows(
    model: Any,
    account_id: int,
    ids: Sequence[str],
    columns: Sequence[str],
    wanted: set[OrderIdentity],
) -> dict[Key, Values]:
    found = _read(model.objects.all(), account_id, ids)
    return {_key(row): _values(row, columns) for row in found if _key(row) in wanted}


def _read(rows: Any, account_id: int, ids: Sequence[str]) -> Any:
    return rows.filter(account_id=account_id, exchange_order_id__in=ids)


def _key(row: Any) -> OrderIdentity:
    return row.market_type, row.symbol, row.id_space, row.exchange_order_id


def _values(row: Model, columns: Iterable[str]) -> Values:
    return {column: to_json(_exact(column, getattr(row, column))) for column in columns}


def _exact(column: str, value: Any) -> Any:
    """Read the amounts kept as text, which may differ in zeros at their ends."""
    if column != "commissions":
        return value
    return {asset: Decimal(amount) for asset, amount in value.items()}


def _add_up(books: Books, executions: Iterable[TradeExecution]) -> None:
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    for row in executions:
        if not row.is_history:
            key = tuple(getattr(row, column) for column in _POSITION)
            sums[key] += change_of(fill_of(row), terms_of(row.symbol))
    for key, quantity in sums.items():
        before = Decimal(str(books.position.pop(key, {}).get("quantity", 0)))
        if before + quantity:
            books.position[key] = {"quantity": to_json(before + quantity)}
