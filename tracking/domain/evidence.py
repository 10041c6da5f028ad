"""What is known of an order, what is said of it, and what that makes of it: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exchanges.messages import (
    ExecutionReport,
    OrderStatement,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from tracking.domain.executions import ZERO, ExecutionKey, ExecutionState
from tracking.domain.states import is_terminal

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from tracking.domain.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """One order as we hold it, with all its executions (voided ones included)."""

    status: OrderStatus
    side: Side
    quantity: Decimal
    #: an end the exchange told while fills were unexplained: it counts once they are
    withheld_status: OrderStatus | None = None
    exchange_order_id: str | None = None
    client_order_id: str | None = None
    position_side: PositionSide = PositionSide.NET
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    stop_price: Decimal | None = None
    filled_quantity: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reason: str = ""
    reduce_only: bool = False
    post_only: bool = False
    exchange_updated_at: datetime | None = None
    verified: bool = False
    #: we concluded the end, for nobody could find the order: any word of the exchange reverses it
    resolved_by_absence: bool = False
    #: ... and nobody can tell any more how it ended: the exchange has forgotten it
    unverifiable: bool = False
    executions: tuple[ExecutionState, ...] = ()
    #: whether its market is inverse; of an order not known before only its evidence says so
    is_inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What we concluded of an order without a statement of the exchange; any statement beats it."""

    status: OrderStatus
    reason: str
    #: the exchange does not know the order, though it was asked often enough
    by_absence: bool = False
    #: it may have forgotten the order: that it does not know it tells nothing of how it ended
    is_forgotten: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything at hand about one order; not empty. `disclaimed` speaks of fills already held."""

    statements: tuple[OrderStatement, ...] = ()
    executions: tuple[ExecutionReport, ...] = ()
    #: the exchange was asked for all trades of this order, after the newest statement was made
    trades_complete: bool = False
    verdict: Verdict | None = None
    #: fills that staff says did not happen; keys we do not hold are passed over
    disclaimed: tuple[ExecutionKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What evidence made of an order. `before` is None for an order not known until now."""

    before: OrderState | None
    after: OrderState
    added: tuple[ExecutionState, ...]
    updated: tuple[ExecutionState, ...]
    findings: tuple[Finding, ...]
    #: filled quantity that no execution, real or inferred, explains: ask for the trades
    gap: Decimal

    @property
    def order_changed(self) -> bool:
        """Whether anything but the executions differs."""
        return self.before is None or (
            replace(self.before, executions=()) != replace(self.after, executions=())
        )

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.order_changed or bool(self.added or self.updated)

    @property
    def closes(self) -> bool:
        """Whether the order ends here."""
        return is_terminal(self.after.status) and (
            self.before is None or not is_terminal(self.before.status)
        )

    @property
    def needs_rest(self) -> bool:
        """Whether REST must be asked again: fills unexplained, covered by guess, or no end told."""
        after = self.after
        covered_by_guess = any(e.is_inferred and not e.voided for e in after.executions)
        complete_but_open = not is_terminal(after.status) and (
            after.filled_quantity >= after.quantity > ZERO
        )
        unsure = after.status is OrderStatus.UNKNOWN
        return self.gap > ZERO or covered_by_guess or complete_but_open or unsure
