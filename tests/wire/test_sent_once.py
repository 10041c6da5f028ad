"""What is on the wire was committed before, and goes there once, whatever becomes of its answer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.messages import OrderType, Side
from exchanges.simulator.wiretap import Loss
from tests.crash.accounts import opened
from tests.crash.checks import check_everything, there
from tests.crash.recovery import recover
from tracking.models import RequestSource, StrategyAccount
from tracking.services import order_dispatch, order_requests
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager
from tracking.services.order_requests import Wanted

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from exchanges.simulator.wiretap import WireTap
    from tests.integration.services.conftest import Exchange
    from tests.wire.conftest import Ledger

SYMBOL = "BTC/USDT:USDT"
RESTING = OrderIntent(
    symbol=SYMBOL,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.2"),
    price=Decimal(30000),
)
FILLING = OrderIntent(
    symbol=SYMBOL, side=Side.SELL, order_type=OrderType.MARKET, quantity=Decimal("0.1")
)
STOPPING = OrderIntent(
    symbol=SYMBOL,
    side=Side.SELL,
    order_type=OrderType.STOP_MARKET,
    quantity=Decimal("0.1"),
    stop_price=Decimal(30000),
)


def the_use(exchange: Exchange) -> StrategyAccount:
    rows = StrategyAccount.objects.select_related("account", "strategy")
    return rows.get(account=exchange.account)


def test_ol_8_every_order_is_committed_and_claimed_before_it_is_on_the_wire(
    simulator: SimulatorThread, tap: WireTap, ledger: Ledger
) -> None:
    with opened(simulator) as exchange:
        use = the_use(exchange)
        intents = [RESTING, RESTING, FILLING, STOPPING]
        wanted = [
            Wanted(use=use, intent=intent, key=f"several-{place}", source=RequestSource.API)
            for place, intent in enumerate(intents)
        ]
        several = order_requests.accept(wanted)

        OrderManager(use).execute(RESTING, idempotency_key="alone")
        order_dispatch.dispatch([request.pk for request in several])

        assert len(tap.counts()) == len(intents) + 1
        assert ledger.too_early == []


@pytest.mark.parametrize("loss", Loss, ids=lambda loss: loss.value)
@pytest.mark.parametrize("intent", [RESTING, FILLING, STOPPING], ids=lambda i: i.order_type.value)
def test_ol_9_what_nobody_answered_is_asked_about_and_never_sent_again(
    simulator: SimulatorThread, tap: WireTap, ledger: Ledger, intent: OrderIntent, loss: Loss
) -> None:
    with opened(simulator) as exchange:
        manager = OrderManager(the_use(exchange))
        tap.plan.shares = {loss: 1.0}
        request = manager.execute(intent, idempotency_key="once")
        tap.plan.shares = {}
        assert request.outcome == "UNKNOWN"

        manager.execute(intent, idempotency_key="once")
        order_dispatch.dispatch([request.pk, request.pk])
        recover(exchange)

        check_everything(exchange)
        assert tap.counts() == {request.client_order_id: 1}
        request.refresh_from_db()
        known = {order["client_order_id"] for order in there(exchange.ledger())}
        is_there = request.client_order_id in known
        assert request.outcome == ("ACCEPTED" if is_there else "NOT_ACCEPTED")
        if loss is not Loss.DURING:
            assert is_there == (loss is Loss.AFTER)
