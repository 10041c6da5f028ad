"""
Sending orders to Bybit, one by one or several in one request.

Policy: nothing is sent that means something else there. Which way the price of a conditional order
of spot has to go Bybit derives from where it stands; so the market is looked at first, and an
order on the wrong side of it is refused.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from exchanges import bybit_answers as answers
from exchanges import bybit_calls as calls
from exchanges import bybit_requests as requests
from exchanges.errors import ExchangeError, RateLimited
from exchanges.governor import Priority
from exchanges.messages import MarketType
from exchanges.triggers import refuse_what_would_trigger
from exchanges.understanding import outcome, understood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.calls import Calls, Endpoint, Told
    from exchanges.messages import OrderSnapshot
    from exchanges.questions import NewOrder
    from exchanges.wire import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Sends on behalf of one account, until a deadline on the monotonic clock."""

    api: Calls
    market_type: MarketType
    deadline: float

    def one(self, order: NewOrder) -> OrderSnapshot:
        """Send an order, once."""
        sent = self._written(order)
        told = self._call(calls.placing(self.market_type), sent)
        return outcome(lambda: self._read(answers.taken(told.body, sent), told.requested_at))

    def together(self, orders: Sequence[NewOrder]) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send several orders, once; what became of each, in order.

        Raises what is true of all of them; what was refused before is never in doubt.
        """
        written = [self._tried(order) for order in orders]
        sent = [one for one in written if isinstance(one, dict)]
        told: Iterator[OrderSnapshot | ExchangeError]
        try:
            told = iter(self._send(sent) if sent else ())
        except ExchangeError as error:
            if len(sent) == len(written):
                raise
            told = repeat(error)
        return tuple(next(told) if isinstance(one, dict) else one for one in written)

    def last_price(self, symbol_id: str, priority: Priority = Priority.ORDER) -> Decimal | None:
        """Ask for the price of a market's last trade; None if it never had one."""
        asked = requests.of_symbol(self.market_type, symbol_id)
        told = self._call(calls.TICKERS, asked, priority)
        return understood(partial(answers.last_price, told.body))

    def _tried(self, order: NewOrder) -> dict[str, object] | ExchangeError:
        try:
            return self._written(order)
        except ExchangeError as error:
            return error

    def _written(self, order: NewOrder) -> dict[str, object]:
        """Write an order down. Raises what says that nothing was sent."""
        written = requests.terms(order)
        if order.stop_price is None or self.market_type is not MarketType.SPOT:
            return written
        refuse_what_would_trigger(order, self.last_price(order.symbol_id))
        return written

    def _send(self, sent: Sequence[dict[str, object]]) -> list[OrderSnapshot | ExchangeError]:
        endpoint = calls.placing_many(self.market_type, len(sent))
        told = self._call(endpoint, requests.batch(self.market_type, sent))
        taken = outcome(lambda: answers.taken_together(told.body, sent))
        return [self._became(one, told.requested_at) for one in taken]

    def _became(
        self, one: Fields | ExchangeError, requested_at: datetime
    ) -> OrderSnapshot | ExchangeError:
        if isinstance(one, RateLimited):
            self.api.hear_limit(one)
        if isinstance(one, ExchangeError):
            return one
        try:
            return outcome(lambda: self._read(one, requested_at))
        except ExchangeError as error:
            return error

    def _read(self, taken: Fields, requested_at: datetime) -> OrderSnapshot:
        return answers.accepted(taken, market_type=self.market_type, requested_at=requested_at)

    def _call(
        self, endpoint: Endpoint, sent: dict[str, object], priority: Priority = Priority.ORDER
    ) -> Told:
        return self.api.call(
            endpoint,
            sent,
            priority=priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )
