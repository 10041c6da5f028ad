"""The spot house of Binance: what is usual there, and what it notes of its orders."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.binance_spot.dialect import SpotDialect
from exchanges.simulator.binance_spot.remarks import Remarks
from exchanges.simulator.call import Call, Endpoint
from exchanges.simulator.config import DAY_MS, SPOT, SimulatorConfig
from exchanges.simulator.exchange import SimulatedExchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.engine import Sink
    from exchanges.simulator.orders import Execution, Order


SPOT_CONFIG: Final = SimulatorConfig(
    custody=SPOT,
    maker_fee=Decimal("0.001"),
    taker_fee=Decimal("0.001"),
    ping_interval=20.0,
    pong_timeout=60.0,
    weight_limit=6000,
    orders_per_10s=100,
    unfilled_retention_ms=90 * DAY_MS,
    history_retention_ms=3650 * DAY_MS,
    query_window_ms=DAY_MS,
)
#: an end point where spot's are
spot_endpoint: Final = partial(Endpoint, root="/api", version="v3")


def spot_config(**changes: Any) -> SimulatorConfig:
    """What is usual on spot, with changes."""
    return replace(SPOT_CONFIG, **changes)


def for_spot(config: SimulatorConfig | None) -> SimulatorConfig:
    """What is usual on spot, with what a configuration for any market has changed."""
    if config is None or config.custody == SPOT:
        return config or SPOT_CONFIG
    usual = SimulatorConfig()
    chosen = {field.name: getattr(config, field.name) for field in fields(config)}
    return spot_config(**{
        name: value
        for name, value in chosen.items()
        if name != "custody" and value != getattr(usual, name)
    })  # fmt: skip


class Noting:
    """Hears of every change before the streams do, heard by somebody or not."""

    def __init__(self, sink: Sink, remarks: Remarks) -> None:
        """`sink` is told next."""
        self._sink = sink
        self._remarks = remarks

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        """Note since when an order can trade."""
        if kind == "TRIGGERED":
            self._remarks.note(order).working_since = order.updated
        self._sink.order_changed(order, kind, fill)

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        """Nothing is to be noted."""
        self._sink.holdings_changed(account, position, reason)


class SpotExchange(SimulatedExchange):
    """A simulated exchange that keeps notes on its orders."""

    def __init__(
        self, *, seed: int, config: SimulatorConfig, faults: Mapping[str, object] | None = None
    ) -> None:
        """A house with an engine of its own."""
        self.remarks = Remarks()
        super().__init__(
            seed=seed,
            config=config,
            faults=faults,
            dialect=SpotDialect(self.remarks),
            market_type="SPOT",
        )
        self.engine.sink = Noting(self.hub, self.remarks)


def house_of(call: Call) -> SpotExchange:
    """The house a call is about; these end points have no other."""
    if not isinstance(call.exchange, SpotExchange):
        text = f"expected the spot house, was {call.exchange.market_type}"
        raise TypeError(text)
    return call.exchange
