"""SIM-Q: long and short of one market are two positions."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.messages import OrderType, PositionSide, Side
from exchanges.simulator.errors import ControlError
from tests.factories import ExchangeAccountFactory
from tests.scenarios.stories import assert_settled, fill, hear, open_orders, place, sync
from tracking.models import ExchangeAccount, StrategyPosition
from tracking.services.order_intents import OrderIntent

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.fixture
def account(
    transactional_db: None, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> ExchangeAccount:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    key = uuid.uuid4().hex
    simulator.account(key, f"secret-{key}", hedge=True)
    made: ExchangeAccount = ExchangeAccountFactory.create(
        api_key=key, api_secret=f"secret-{key}", position_mode="HEDGE"
    )
    return made


def held(exchange: Exchange) -> list[tuple[str, str, str, str]]:
    """Give (position side, quantity, average, realised) of what is held; it is the ledger's."""
    rows = StrategyPosition.objects.filter(symbol="BTC/USDT:USDT").order_by("position_side")
    booked = [
        (r.position_side, _n(r.quantity), _n(r.average_price), _n(r.realized_pnl)) for r in rows
    ]
    theirs = [
        (p["position_side"].replace("BOTH", "NET"), p["quantity"], p["realized_pnl"])
        for p in exchange.ledger()["positions"]
    ]
    assert [(side, quantity, pnl) for side, quantity, _, pnl in booked if quantity != "0"] == [
        (side, _n(Decimal(quantity)), _n(Decimal(pnl))) for side, quantity, pnl in sorted(theirs)
    ]
    return booked


def _n(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def test_sim_q1_long_and_short_fill_at_once_and_each_closes_in_part(exchange: Exchange) -> None:
    long = place(exchange, "0.5", positionSide="LONG")
    short = place(exchange, "0.4", side="SELL", price="90000", positionSide="SHORT")
    fill(exchange, long, "0.5")
    fill(exchange, short, "0.4")
    hear(exchange, *reversed(exchange.frames(4)))
    assert held(exchange) == [("LONG", "0.5", "30000", "0"), ("SHORT", "-0.4", "90000", "0")]

    less_long = place(exchange, "0.2", side="SELL", price="70000", positionSide="LONG")
    less_short = place(exchange, "0.1", side="BUY", price="50000", positionSide="SHORT")
    fill(exchange, less_long, "0.2")
    fill(exchange, less_short, "0.1")
    hear(exchange, *exchange.frames(4))

    assert held(exchange) == [("LONG", "0.3", "30000", "8000"), ("SHORT", "-0.3", "90000", "4000")]
    assert_settled(exchange)


def test_sim_q1_fills_nobody_heard_of_are_found_on_both_sides(exchange: Exchange) -> None:
    long = place(exchange, "0.5", positionSide="LONG")
    short = place(exchange, "0.5", side="SELL", price="90000", positionSide="SHORT")
    fill(exchange, long, "0.5")
    fill(exchange, short, "0.5")

    sync(exchange, full=True)

    # the account's net is flat, its two holdings are not
    assert held(exchange) == [("LONG", "0.5", "30000", "0"), ("SHORT", "-0.5", "90000", "0")]
    assert_settled(exchange)


def test_sim_q1_our_own_orders_name_their_side(exchange: Exchange, manager: OrderManager) -> None:
    for number, (side, position_side) in enumerate([(Side.BUY, LONG), (Side.SELL, SHORT)]):
        intent = OrderIntent(
            symbol="BTC/USDT:USDT",
            side=side,
            order_type=OrderType.MARKET,
            quantity=Decimal("0.1"),
            position_side=position_side,
        )
        assert manager.execute(intent, idempotency_key=str(number)).outcome == "ACCEPTED"

    assert [(row[0], row[1]) for row in held(exchange)] == [("LONG", "0.1"), ("SHORT", "-0.1")]
    assert_settled(exchange)


def test_sim_q1_the_mode_is_switched_while_flat_and_both_histories_stay(
    exchange: Exchange,
) -> None:
    opened = place(exchange, "0.5", positionSide="LONG")
    fill(exchange, opened, "0.5")
    with pytest.raises(ControlError, match="cannot be changed"):
        exchange.act("position_mode", hedge=False)
    closing = place(exchange, "0.5", side="SELL", price="70000", positionSide="LONG")
    fill(exchange, closing, "0.5")
    exchange.act("position_mode", hedge=False)
    net = place(exchange, "0.2")
    fill(exchange, net, "0.2")
    hear(exchange, *exchange.frames(6))

    assert held(exchange) == [("LONG", "0", "0", "20000"), ("NET", "0.2", "30000", "0")]
    assert open_orders() == []
    assert_settled(exchange)
