"""
An order with everything that belongs to it, and how it changes hands.

Owner of an execution, of its trade and of its order are one and the same (OL-16): all three move
together, and both positions are folded again. Runs inside a repair's transaction, under the
account's lock.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracking.models import ClosedOrder, OpenOrder, StrategyPosition, Trade, TradeExecution
from tracking.services import payloads
from tracking.services.position_changes import PositionChange
from tracking.services.position_entries import key_of
from tracking.services.position_rows import fold_changes

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.models import ExchangeAccount
    from tracking.services.order_records import OrderIdentity
    from tracking.services.payloads import Payload
    from tracking.services.position_rows import PositionKey
    from tracking.services.statements import Statement


def identity_of(row: OpenOrder | ClosedOrder | TradeExecution) -> OrderIdentity:
    """Give the order's identity inside its account."""
    return row.market_type, row.symbol, row.id_space, str(row.exchange_order_id)


@dataclass(slots=True)
class Belongings:
    """An order, its trade and its executions (voided and historical ones included), locked."""

    order: OpenOrder | ClosedOrder | None
    label: str
    trade: Trade | None = None
    executions: list[TradeExecution] = field(default_factory=list)

    @classmethod
    def load(cls, identity: OrderIdentity, account_id: int) -> Belongings:
        """Lock and read everything of an order; open or closed, whichever it is now."""
        market_type, symbol, id_space, order_id = identity
        where = {
            "account_id": account_id,
            "market_type": market_type,
            "symbol": symbol,
            "id_space": id_space,
            "exchange_order_id": order_id,
        }
        order: OpenOrder | ClosedOrder | None
        order = OpenOrder.objects.select_for_update(no_key=True).filter(**where).first()
        if order is None:
            order = ClosedOrder.objects.select_for_update(no_key=True).filter(**where).first()
        return cls(
            order=order,
            label=f"{market_type}:{symbol}:{order_id}",
            trade=Trade.objects.select_for_update(no_key=True).filter(**where).first(),
            executions=list(
                TradeExecution.objects.select_for_update(no_key=True)
                .filter(**where)
                .order_by("executed_at", "pk")
            ),
        )

    def again(self) -> Belongings:
        """Read it anew."""
        assert self.trade is not None  # noqa: S101  (only what filled is read twice)
        trade = self.trade
        identity = (trade.market_type, trade.symbol, trade.id_space, trade.exchange_order_id)
        return Belongings.load(identity, trade.account_id)

    @property
    def owner(self) -> int | None:
        """The strategy account that owns it; None is the residual."""
        return self.order.strategy_account_id if self.order else None

    def live(self) -> list[TradeExecution]:
        """Give the executions that count."""
        return [row for row in self.executions if row.voided_at is None]

    def order_payload(self) -> Payload | None:
        """Write the order."""
        return payloads.order_payload(self.order) if self.order else None

    def positions(self) -> list[StrategyPosition]:
        """Give the positions of its market, whoever owns them."""
        order = self.order or self.trade
        if order is None:
            return []
        rows = StrategyPosition.objects.filter(
            account_id=order.account_id,
            market_type=order.market_type,
            symbol=order.symbol,
            position_side=order.position_side,
        )
        return list(rows.order_by("strategy_account_id"))


def move(
    account: ExchangeAccount, belongings: Belongings, owner: int | None, now: datetime
) -> tuple[list[StrategyPosition], list[Statement]]:
    """Give an order to another owner; returns the folded positions and what is still to be run."""
    changes: dict[PositionKey, PositionChange] = {}
    for row in belongings.executions:
        counts = row.voided_at is None and not row.is_history
        if counts:
            changes.setdefault(key_of(row), PositionChange()).remove(row)
        row.strategy_account_id = owner
        if counts:
            changes.setdefault(key_of(row), PositionChange()).add(row)
    folding = fold_changes(account, changes, now)
    TradeExecution.objects.bulk_update(belongings.executions, ["strategy_account", "closed_pnl"])
    if belongings.trade is not None:
        belongings.trade.strategy_account_id = owner
        belongings.trade.save(update_fields=["strategy_account"])
    order = belongings.order
    if order is not None:
        order.strategy_account_id = owner
        order.version, order.updated_at = order.version + 1, now
        order.save(update_fields=["strategy_account", "version", "updated_at"])
    return folding.rows, folding.statements()
