"""A house of Bybit's without network: an engine, and the frames that it makes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from exchanges.simulator.bybit.config import settings_for
from exchanges.simulator.bybit.dialect import BybitDialect
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.orders import Execution, Order


class House:
    """An engine without network, whose frames are kept."""

    def __init__(self, market_type: str = "FUTURES") -> None:
        self.config = settings_for(market_type, None)
        self.time = 1_700_000_000_000
        self.dialect = BybitDialect(market_type, self.config)
        self.frames: list[Any] = []
        self.engine = Engine(self.config, seed=1, clock=self.tick, sink=self)
        self.ann = self.engine.open_account("ann", "secret")

    def tick(self) -> int:
        self.time += 1
        return self.time

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        told = self.dialect.order_frames(order, kind, fill, lambda _event: True)
        self.frames += [json.loads(frame.text) for frame in told]

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        told = self.dialect.holdings_frames(account, position, reason, Decimal(0), 1)
        self.frames += [json.loads(frame.text) for frame in told]

    def fill(self, symbol: str, quantity: str) -> Execution:
        """Place an order and let half of it fill."""
        order = self.engine.place(
            self.ann,
            OrderTerms(
                symbol=symbol,
                side="BUY",
                type="LIMIT",
                quantity=Decimal(quantity),
                price=Decimal("59000.00"),
                client_id="mine",
            ),
        )
        self.engine.fill_resting(order, order.quantity / 2, 1)
        return order.executions[0]
