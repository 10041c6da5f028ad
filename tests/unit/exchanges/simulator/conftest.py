"""An engine without network: what it says is collected in a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.orders import Execution, Order


@dataclass
class Listener:
    """Keeps what the engine says."""

    said: list[tuple[str, str, Decimal]] = field(default_factory=list)

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        self.said.append((kind, order.status, fill.quantity if fill else Decimal(0)))

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        assert reason == "ORDER"
        assert position in account.positions.values() or account.touched


class Desk:
    """An engine with a clock that ticks once per question, and short ways to trade on it."""

    def __init__(self, seed: int = 1, config: SimulatorConfig | None = None) -> None:
        self.listener = Listener()
        self.time = 1_700_000_000_000
        self.engine = Engine(
            config or SimulatorConfig(), seed=seed, clock=self.tick, sink=self.listener
        )
        self.count = 0

    def tick(self) -> int:
        self.time += 1
        return self.time

    def account(self, name: str = "ann", *, hedge: bool = False) -> Account:
        return self.engine.open_account(name, "secret", hedge=hedge)

    def place(self, account: Account, side: str, quantity: str, **terms: Any) -> Order:
        self.count += 1
        values: dict[str, Any] = {
            "symbol": next(iter(self.engine.markets)),
            "type": "LIMIT" if "price" in terms else "MARKET",
            "client_id": f"c{self.count}",
        }
        values |= terms
        if "price" in values:
            values["price"] = Decimal(values["price"])
        return self.engine.place(
            account, OrderTerms(side=side, quantity=Decimal(quantity), **values)
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()
