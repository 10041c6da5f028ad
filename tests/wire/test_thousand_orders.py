"""
Mixed orders under faults, on a wire that counts: each left at most once, and none was lost.

Orders of all kinds are asked for by eight threads, some twice at once, and dispatched by them, some
by two at once. A tenth of the submissions is lost before, while or after the exchange acts, and the
exchange has faults of its own. When the system has come round, the exchange has exactly the orders
whose requests were accepted.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from exchanges.errors import ExchangeError
from exchanges.messages import OrderType, Side, TimeInForce
from exchanges.simulator.wiretap import Loss, Plan
from tests.crash.accounts import opened
from tests.crash.checks import check_everything, there
from tests.crash.recovery import recover
from tests.seeds.intents import MARKETS, an_intent
from tracking.models import OrderRequest, RequestOutcome, RequestSource, StrategyAccount
from tracking.services import order_dispatch, order_requests
from tracking.services.order_requests import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.thread import SimulatorThread
    from exchanges.simulator.wiretap import WireTap
    from tests.integration.services.conftest import Exchange
    from tests.wire.conftest import Ledger
    from tracking.services.order_intents import OrderIntent

THREADS = 8
LOST = {Loss.BEFORE: 0.03, Loss.DURING: 0.03, Loss.AFTER: 0.04}
FAULTS = {
    "rest_status": {"POST order": {"status": 503, "probability": 0.03}},
    "accept_but_lose_answer": {"POST order": {"how": "502", "probability": 0.03}},
    "not_found_window_ms": 300,
}
TWICE_CHANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One thing to do in a thread."""

    use: StrategyAccount
    intent: OrderIntent
    key: str
    #: asked for, and dispatched, so often
    times: int


@pytest.mark.parametrize(
    ("seed", "orders"),
    [
        (1, 120),
        pytest.param(2, 1000, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
        pytest.param(3, 1000, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
        pytest.param(4, 1000, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_re_10_the_exchange_has_exactly_the_accepted_orders(
    simulator: SimulatorThread, tap: WireTap, ledger: Ledger, seed: int, orders: int
) -> None:
    with ExitStack() as stack:
        exchanges = [stack.enter_context(opened(simulator, strategies=2)) for _ in range(3)]
        tap.plan = Plan(shares=LOST, chance=Random(seed))
        simulator.faults(**FAULTS)

        do_all(an_order(exchanges, Random(f"{seed}:{n}"), f"{seed}-{n}") for n in range(orders))

        tap.plan = Plan()
        simulator.faults(reset=True)
        for exchange in exchanges:
            recover(exchange)
            check_everything(exchange)
        assert sum(tap.losses.values()) > 0
        assert_sent_as_asked(exchanges, tap, ledger, orders)


def an_order(exchanges: list[Exchange], chance: Random, key: str) -> Order:
    account = chance.choice(exchanges).account
    uses = StrategyAccount.objects.select_related("account", "strategy").filter(account=account)
    return Order(
        use=chance.choice(list(uses)),
        intent=mixed(chance),
        key=key,
        times=2 if chance.random() < TWICE_CHANCE else 1,
    )


def mixed(chance: Random) -> OrderIntent:
    """Draw any kind of order; some are refused by us, some by the exchange."""
    intent = an_intent(chance, hedge=False)
    low, high = MARKETS[intent.symbol]
    kind = chance.choice(["as is", "as is", "stop", "take profit", "force", "quote", "reduce"])
    above = intent.side is Side.BUY
    if kind == "stop":
        stop = Decimal(high if above else low)
        return triggered(intent, OrderType.STOP_MARKET, stop)
    if kind == "take profit":
        stop = Decimal(low if above else high)
        return triggered(intent, OrderType.TAKE_PROFIT_MARKET, stop)
    if kind == "force" and intent.order_type is OrderType.LIMIT:
        forces = [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX]
        return replace(intent, time_in_force=chance.choice(forces))
    if kind == "quote" and intent.order_type is OrderType.MARKET:
        return replace(intent, quantity=None, quote_quantity=Decimal(500))
    return replace(intent, reduce_only=kind == "reduce")


def triggered(intent: OrderIntent, order_type: OrderType, stop_price: Decimal) -> OrderIntent:
    return replace(intent, order_type=order_type, price=None, stop_price=stop_price)


def do_all(orders: Iterable[Order]) -> None:
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for done in list(pool.map(do, [o for order in orders for o in [order] * order.times])):
            assert done is None


def do(order: Order) -> None:
    """Ask for it and dispatch it, as another process would."""
    try:
        wanted = Wanted(use=order.use, intent=order.intent, key=order.key, source=RequestSource.API)
        (request,) = order_requests.accept([wanted])
        with suppress(ExchangeError):
            order_dispatch.dispatch([request.pk])
    finally:
        connections.close_all()


def assert_sent_as_asked(
    exchanges: list[Exchange], tap: WireTap, ledger: Ledger, orders: int
) -> None:
    requests = OrderRequest.objects.filter(account__in=[e.account.pk for e in exchanges])
    assert requests.count() == orders
    assert [name for name, count in tap.counts().items() if count > 1] == []
    assert ledger.too_early == []
    sent = requests.filter(sent_at__isnull=False).values_list("client_order_id", flat=True)
    assert set(tap.counts()) <= set(sent)
    accepted = requests.filter(outcome=RequestOutcome.ACCEPTED.value)
    orders_there = Counter(o["client_order_id"] for e in exchanges for o in there(e.ledger()))
    assert orders_there == Counter(accepted.values_list("client_order_id", flat=True))
