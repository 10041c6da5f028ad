"""
What a position is folded from: executions and postings, read as its entries.

Executions from before the account's baseline are history, and voided ones did not happen: neither
moves a position. The holding an account began with is its OPENING posting; it is no entry but
where the residual's fold starts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from exchanges.messages import Side
from tracking.domain.executions import ZERO
from tracking.domain.positions import (
    Entry,
    Fill,
    Movement,
    PositionState,
    fold_key,
    posting_key,
)
from tracking.models import Posting, PostingKind, TradeExecution

if TYPE_CHECKING:
    from decimal import Decimal

    from tracking.models import StrategyPosition

_FILL_COLUMNS = (
    "pk",
    "executed_at",
    "exchange_order_id",
    "exchange_trade_id",
    "side",
    "sequence",
    "execution_quantity",
    "execution_price",
    "commission",
    "commission_asset",
    "commission_rate",
    "closed_pnl",
)


class PositionKey(NamedTuple):
    """Identity of a position inside an account; `strategy_account_id` None is the residual."""

    strategy_account_id: int | None
    market_type: str
    symbol: str
    position_side: str


class Stored(NamedTuple):
    """An entry that is in the database; `pk` is that of its execution, None for a posting."""

    entry: Entry
    pk: int | None = None
    closed_pnl: Decimal | None = None


def key_of(row: TradeExecution | Posting | StrategyPosition) -> PositionKey:
    """Say which position an execution or a posting belongs to, or a row is."""
    return PositionKey(row.strategy_account_id, row.market_type, row.symbol, row.position_side)


def fill_of(row: TradeExecution) -> Fill:
    """See an execution as its position does."""
    return Fill(
        key=fold_key(
            row.executed_at,
            row.exchange_order_id,
            row.exchange_trade_id,
            row.side,
            row.sequence,
        ),
        side=Side(row.side),
        quantity=row.execution_quantity,
        price=row.execution_price,
        commission=row.commission,
        commission_asset=row.commission_asset,
        commission_rate=row.commission_rate,
    )


def movement_of(row: Posting) -> Movement:
    """See a posting as its position does: funding is told apart, other charges are fees.

    The amount of a TRANSFER, DUST or SETTLEMENT is money of the wallet; only what it moves counts.
    """
    kind = PostingKind(row.kind)
    return Movement(
        key=posting_key(row.posted_at, row.key),
        quantity=row.quantity,
        price=row.price,
        funding=row.amount if kind is PostingKind.FUNDING else ZERO,
        fee=-row.amount if kind is PostingKind.CORRECTION else ZERO,
        asset=row.asset,
    )


def entries_after(account_id: int, key: PositionKey, folded_key: str = "") -> list[Stored]:
    """Read a position's entries after a fold key, in no order; all of them for the empty key."""
    return [
        stored
        for read in (_fills, _movements)
        for stored in read(account_id, key, folded_key)
        if stored.entry.key > folded_key
    ]


def _fills(account_id: int, key: PositionKey, folded_key: str) -> list[Stored]:
    rows = TradeExecution.objects.filter(
        _of_position(key), account_id=account_id, voided_at__isnull=True, is_history=False
    )
    if folded_key:
        rows = rows.filter(executed_at__gte=_time_of(folded_key))
    found = []
    for pk, *columns, closed_pnl in rows.values_list(*_FILL_COLUMNS):
        at, order, trade, side, sequence, quantity, price, commission, asset, rate = columns
        fill = Fill(
            key=fold_key(at, order, trade, side, sequence),
            side=Side(side),
            quantity=quantity,
            price=price,
            commission=commission,
            commission_asset=asset,
            commission_rate=rate,
        )
        found.append(Stored(fill, pk, closed_pnl))
    return found


def _movements(account_id: int, key: PositionKey, folded_key: str) -> list[Stored]:
    rows = Posting.objects.filter(_of_position(key), account_id=account_id)
    if folded_key:
        rows = rows.filter(posted_at__gte=_time_of(folded_key))
    return [Stored(movement_of(row)) for row in rows.exclude(kind=PostingKind.OPENING.value)]


def _of_position(key: PositionKey) -> Q:
    owner = key.strategy_account_id
    return Q(
        market_type=key.market_type,
        symbol=key.symbol,
        position_side=key.position_side,
        **({"strategy_account__isnull": True} if owner is None else {"strategy_account": owner}),
    )


def _time_of(folded_key: str) -> datetime:
    """Give a time before which no entry lies that comes after this key."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(folded_key[:15]) - 1)


def opening_state(account_id: int, key: PositionKey) -> PositionState:
    """Give the holding an account began with; only the residual has one."""
    if key.strategy_account_id is not None:
        return PositionState()
    held = list(
        Posting.objects.filter(
            _of_position(key), account_id=account_id, kind=PostingKind.OPENING.value
        ).values_list("quantity", "price")
    )
    quantity = sum((q for q, _ in held), ZERO)
    cost = sum((abs(q) * (p or ZERO) for q, p in held), ZERO)
    average = cost / abs(quantity) if quantity else ZERO
    return PositionState(quantity=quantity, average_price=average)
