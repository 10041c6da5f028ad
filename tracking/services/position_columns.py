"""Position rows as the folds they are, and back: columns, and checkpoints as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracking.domain.positions import Checkpoints, PositionState
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.models import StrategyPosition

#: Columns that hold the fold.
STATE_COLUMNS = (
    "quantity",
    "average_price",
    "realized_pnl",
    "commissions",
    "fees",
    "unvalued_commissions",
    "funding",
    "quote_change",
    "execution_count",
    "folded_key",
)


def position_state(row: StrategyPosition) -> PositionState:
    """Read a position row as the fold it is."""
    return PositionState(
        quantity=row.quantity,
        average_price=row.average_price,
        realized_pnl=row.realized_pnl,
        commissions=_amounts(row.commissions),
        fees=row.fees,
        unvalued=_amounts(row.unvalued_commissions),
        funding=row.funding,
        quote_change=row.quote_change,
        execution_count=row.execution_count,
        folded_key=row.folded_key,
    )


def write_state(row: StrategyPosition, state: PositionState) -> None:
    """Put a fold into a position row."""
    row.quantity = state.quantity
    row.average_price = state.average_price
    row.realized_pnl = state.realized_pnl
    row.commissions = _texts(state.commissions)
    row.fees = state.fees
    row.unvalued_commissions = _texts(state.unvalued)
    row.funding = state.funding
    row.quote_change = state.quote_change
    row.execution_count = state.execution_count
    row.folded_key = state.folded_key


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {asset: plain(amount) for asset, amount in sorted(sums.items())}


def _amounts(stored: Mapping[str, str]) -> dict[str, Decimal]:
    return {asset: Decimal(text) for asset, text in stored.items()}


def dumped(points: Checkpoints) -> dict[str, Any]:
    """Write checkpoints as JSON."""
    return {"base": _dumped(points.base), "candidate": _dumped(points.candidate)}


def _dumped(state: PositionState) -> dict[str, Any]:
    return {
        "quantity": str(state.quantity),
        "average_price": str(state.average_price),
        "realized_pnl": str(state.realized_pnl),
        "commissions": _texts(state.commissions),
        "fees": str(state.fees),
        "unvalued": _texts(state.unvalued),
        "funding": str(state.funding),
        "quote_change": str(state.quote_change),
        "execution_count": state.execution_count,
        "folded_key": state.folded_key,
    }


def loaded(stored: dict[str, Any] | None) -> Checkpoints:
    """Read checkpoints. Ones from before fees were folded count for nothing."""
    if not stored or any("fees" not in point for point in stored.values()):
        return Checkpoints()
    return Checkpoints(base=_loaded(stored["base"]), candidate=_loaded(stored["candidate"]))


def _loaded(stored: dict[str, Any]) -> PositionState:
    return PositionState(
        quantity=Decimal(stored["quantity"]),
        average_price=Decimal(stored["average_price"]),
        realized_pnl=Decimal(stored["realized_pnl"]),
        commissions=_amounts(stored["commissions"]),
        fees=Decimal(stored["fees"]),
        unvalued=_amounts(stored["unvalued"]),
        funding=Decimal(stored["funding"]),
        # not there yet in older ones, which are of derivatives
        quote_change=Decimal(stored.get("quote_change", 0)),
        execution_count=stored["execution_count"],
        folded_key=stored["folded_key"],
    )
