"""
Asking Upbit for orders: one with its fills, those that are open, those that have ended, some by id.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import upbit_answers as answers
from exchanges import upbit_calls as endpoints
from exchanges import upbit_requests as requests
from exchanges.understanding import about, understood
from exchanges.wire import a_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from exchanges.calls import Calls, Endpoint, Told
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport, MarketType, OrderSnapshot
    from exchanges.questions import OrderRef

#: a year of weeks without a single order
MOST_PAGES: Final = 60
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order with the fills it brought along."""

    snapshot: OrderSnapshot
    executions: tuple[ExecutionReport, ...]

    @property
    def is_whole(self) -> bool:
        """Whether these are all its fills."""
        filled = sum(fill.execution_quantity for fill in self.executions)
        return filled >= self.snapshot.filled_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, how urgently, and until when."""

    api: Calls
    market_type: MarketType
    priority: Priority
    deadline: float

    @classmethod
    def within(
        cls, api: Calls, market_type: MarketType, *, timeout: float, priority: Priority
    ) -> Asking:
        """Begin to ask; everything together takes `timeout` seconds at most."""
        return cls(
            api=api,
            market_type=market_type,
            priority=priority,
            deadline=time.monotonic() + timeout,
        )

    def call(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> Told:
        """Call an endpoint within the time that is left."""
        return self.api.call(
            endpoint,
            parameters,
            priority=self.priority,
            timeout=self.left,
        )

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self.deadline - time.monotonic())

    def one(self, ref: OrderRef) -> Order:
        """Ask for one order. Raises OrderNotFound, TransientError."""
        told = self.call(endpoints.ORDER, requests.naming(ref))
        found = understood(
            lambda: Order(
                snapshot=self._snapshot(told.body, told),
                executions=answers.executions(told.body, market_type=self.market_type),
            )
        )
        about(ref, found.snapshot)
        return found

    def opened(self, symbol_id: str | None) -> tuple[OrderSnapshot, ...]:
        """Ask for all orders that are alive, of one market or of all."""
        found: dict[str, OrderSnapshot] = {}
        for page in range(1, MOST_PAGES + 1):
            rows = self._list(endpoints.OPEN_ORDERS, requests.open_page(symbol_id, page))
            found |= {row.exchange_order_id: row for row in rows}
            if len(rows) < requests.OPEN_PAGE:
                break
        return tuple(found.values())

    def named(self, refs: Sequence[OrderRef]) -> tuple[OrderSnapshot, ...]:
        """Ask for many orders by their ids; what Upbit does not know is left out."""
        ids = [ref.exchange_order_id for ref in refs if ref.exchange_order_id is not None]
        names = [
            ref.client_order_id
            for ref in refs
            if ref.exchange_order_id is None and ref.client_order_id
        ]
        found: list[OrderSnapshot] = []
        for parameter, values in (("uuids[]", ids), ("identifiers[]", names)):
            for chunk in _chunks(values):
                found += self._list(endpoints.ORDERS, requests.repeated(parameter, chunk))
        return tuple(found)

    def closed(
        self, symbol_id: str | None, since: datetime, until: datetime
    ) -> tuple[tuple[OrderSnapshot, ...], datetime | None]:
        """Ask for orders that have ended and were made from `since` on, the oldest first.

        Also returns from where to read on, if that was not all.
        """
        found: dict[str, OrderSnapshot] = {}
        at = since
        for _ in range(MOST_PAGES):
            rows = self._list(endpoints.CLOSED_ORDERS, requests.closed_page(symbol_id, at))
            found |= {row.exchange_order_id: row for row in rows}
            if len(rows) >= requests.CLOSED_PAGE:
                # more may have been made in the second of the last: they are read again
                at = max(rows[-1].exchange_updated_at, at + _SECOND)
            else:
                at += requests.WINDOW
            if at >= until:
                return tuple(found.values()), None
        return tuple(found.values()), at

    def _list(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> list[OrderSnapshot]:
        told = self.call(endpoint, parameters)
        return understood(lambda: [self._snapshot(row, told) for row in a_list(told.body)])

    def _snapshot(self, row: object, told: Told) -> OrderSnapshot:
        return answers.order(row, market_type=self.market_type, requested_at=told.requested_at)


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    size = requests.MOST_IDS
    return (values[at : at + size] for at in range(0, len(values), size))
