"""A model of an exchange with one order: every moment of its life, and what it said of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatus, Source
from tests.unit.tracking.domain.builders import a_fill, a_report, a_snapshot, seen
from tracking.domain.states import is_terminal

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport
    from tracking.domain.evidence import Evidence

QUANTITY = Decimal(12)
#: what the trades list says a fill cost; the stream says nothing, or something else
FEE = Decimal("0.02")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The exchange's order after one of its changes."""

    status: OrderStatus
    #: what the stream called it
    told: OrderStatus
    second: int = 0
    quantity: Decimal = QUANTITY
    fills: tuple[ExecutionReport, ...] = ()

    @property
    def filled(self) -> Decimal:
        return sum((f.execution_quantity for f in self.fills), Decimal(0))

    @property
    def quote(self) -> Decimal:
        return sum((f.execution_quantity * f.execution_price for f in self.fills), Decimal(0))


class ModelExchange:
    """One order. Each `Moment` is what REST may answer, and what one frame told."""

    def __init__(self) -> None:
        self.moments = [Moment(status=OrderStatus.NEW, told=OrderStatus.NEW)]
        #: an order for so much money has no quantity of its own: 0 is told, to its end
        self.is_of_funds = False

    def quantity_told(self, moment: Moment) -> Decimal:
        return Decimal(0) if self.is_of_funds else moment.quantity

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    @property
    def is_over(self) -> bool:
        return is_terminal(self.now.status)

    @property
    def may_still_fill(self) -> bool:
        return self.now.status is not OrderStatus.FILLED

    def fill(
        self, part: int, price: int, *, is_id_used_again: bool, streamed_fee: Decimal | None
    ) -> None:
        """Fill a part, even after the end: the match was made before it."""
        now = self.now
        number = len(now.fills) + 1
        fill = a_fill(
            str(number - 1 if is_id_used_again and now.fills else number),
            str(min(Decimal(part), now.quantity - now.filled)),
            # no two fills are alike
            f"{price}.{number:03}",
            commission=streamed_fee,
            commission_asset=None if streamed_fee is None else "USDT",
        )
        fills = (*now.fills, fill)
        filled = now.filled + fill.execution_quantity
        told = OrderStatus.FILLED if filled == now.quantity else OrderStatus.PARTIALLY_FILLED
        status = told
        if self.is_over and told is not OrderStatus.FILLED:
            was_rejected = now.status is OrderStatus.REJECTED
            status = OrderStatus.CANCELLED if was_rejected else now.status
        self._come_to(replace(now, status=status, told=told, fills=fills))

    def end(self, told: OrderStatus) -> None:
        """End it. What filled was not rejected, whatever the stream says."""
        is_refusal = told is OrderStatus.REJECTED and self.now.fills
        status = OrderStatus.CANCELLED if is_refusal else told
        self._come_to(replace(self.now, status=status, told=told))

    def amend(self, quantity: Decimal, *, in_same_moment: bool) -> None:
        """Change its size; what has filled as much as is asked for now is filled."""
        now = self.now
        is_filled = 0 < quantity <= now.filled
        status = OrderStatus.FILLED if is_filled else now.status
        amended = replace(now, status=status, quantity=quantity)
        self._come_to(amended, after=0 if in_same_moment else 1)

    def _come_to(self, moment: Moment, after: int = 1) -> None:
        self.moments.append(replace(moment, second=self.now.second + after))

    def frame(self, index: int) -> Evidence:
        """What the stream said when the order came to this moment."""
        moment = self.moments[index]
        known = self.moments[index - 1].fills if index else ()
        report = a_report(
            moment.told,
            str(moment.filled),
            second=moment.second,
            quantity=self.quantity_told(moment),
            average_price=moment.quote / moment.filled if moment.filled else None,
        )
        return seen(report, fills=moment.fills[len(known) :])

    def answer(self, index: int, listed: int, *, with_trades: bool) -> Evidence:
        """What REST says: the order as of a moment, and the trade list as of another."""
        moment = self.moments[index]
        snapshot = a_snapshot(
            moment.status,
            str(moment.filled),
            second=moment.second,
            quantity=self.quantity_told(moment),
            filled_quote=moment.quote,
        )
        if not with_trades:
            return seen(snapshot)
        return seen(snapshot, fills=self.listed_fills(listed), complete=True)

    def listed_fills(self, index: int) -> tuple[ExecutionReport, ...]:
        """What the trades list showed at a moment."""
        return tuple(
            replace(fill, source=Source.REST_TRADES, commission=FEE, commission_asset="USDT")
            for fill in self.moments[index].fills
        )
