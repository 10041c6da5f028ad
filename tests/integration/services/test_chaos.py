"""Everything at once, by chance: whatever was lost, late, repeated or refused, the books agree."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import websocket
from django.utils import timezone

from exchanges.errors import ExchangeError
from tests.ageing import LATER, age
from tests.integration.services.conftest import fill_budget, make_due
from tests.integration.services.test_order_fill_monitor import drain
from tests.integration.services.test_order_manager import limit, market
from tests.streams_alive import keep_alive
from tracking.models import (
    ExchangeAccount,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    StreamEvent,
    TradeExecution,
)
from tracking.models.requests import UNRESOLVED
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

STEPS = 60
FAULTS: tuple[dict[str, Any], ...] = (
    {"rest_status": {"*": {"status": 503, "probability": 0.3}}},
    {"stale_rest_ms": {"order": 5000, "userTrades": 5000, "openOrders": 5000}},
    {"stale_rest_ms": {"userTrades": 5000}},
    {"not_found_window_ms": 5000},
    {"accept_but_lose_answer": {"*": {"how": "drop", "probability": 0.5}}},
    {"refuse_and_lose_answer": {"POST order": {"how": "503", "probability": 0.5}}},
    {"rest_empty": {"*": 0.3}},
    {},
    {},
)


class Chaos:
    """One account, its frames in a bag, and what may happen next."""

    def __init__(self, exchange: Exchange, manager: OrderManager, seed: int) -> None:
        self.exchange, self.manager = exchange, manager
        self.chance = random.Random(seed)
        self.bag: list[str] = []
        self.keys = iter(range(1_000_000))

    def run(self) -> None:
        acts = (
            self.place_limit,
            self.place_market,
            self.cancel,
            self.fill_some,
            self.fill_some,
            self.by_hand,
            self.end_some,
            self.liquidate,
            self.frames_arrive,
            self.frames_arrive,
            self.sync,
            self.verify,
            self.fault,
        )
        for _ in range(STEPS):
            fill_budget()
            self.chance.choice(acts)()

    def place_limit(self) -> None:
        self.try_to(lambda: self.manager.execute(limit(), idempotency_key=str(next(self.keys))))

    def place_market(self) -> None:
        self.try_to(
            lambda: self.manager.execute(market("0.01"), idempotency_key=str(next(self.keys)))
        )

    def cancel(self) -> None:
        if orders := list(OpenOrder.objects.filter(placed_by_us=True)):
            order = self.chance.choice(orders)
            self.try_to(lambda: self.manager.cancel(order, idempotency_key=str(next(self.keys))))

    def fill_some(self) -> None:
        if orders := self.exchange.ledger()["open_orders"]:
            order = self.chance.choice(orders)
            self.exchange.act(
                "fill",
                symbol=order["symbol"],
                orderId=int(order["exchange_order_id"]),
                quantity=self.chance.choice(["0.05", "0.1", "0.2"]),
                counterparties=self.chance.randint(1, 3),
            )

    def end_some(self) -> None:
        """The exchange, or its user by hand, ends or changes an order."""
        if orders := self.exchange.ledger()["open_orders"]:
            order = self.chance.choice(orders)
            self.exchange.act(
                self.chance.choice(["cancel", "cancel_then_fill", "expire", "amend"]),
                symbol=order["symbol"],
                orderId=int(order["exchange_order_id"]),
                quantity="0.15",
            )

    def liquidate(self) -> None:
        held = [p["symbol"] for p in self.exchange.ledger()["positions"] if p["quantity"] != "0"]
        if held and self.chance.random() < 0.3:
            action = self.chance.choice(["liquidate", "deleverage"])
            self.exchange.act(action, symbol=self.chance.choice(held))

    def by_hand(self) -> None:
        self.exchange.act(
            "place",
            symbol=self.chance.choice(["ETHUSDT", "BTCUSDT"]),
            side=self.chance.choice(["BUY", "SELL"]),
            type="MARKET",
            quantity="0.05",
        )

    def frames_arrive(self) -> None:
        """Some of what was sent: in any order, some twice, some kept for later or lost."""
        self.bag += self.sent()
        self.chance.shuffle(self.bag)
        now = self.chance.choices(self.bag, k=len(self.bag) // 2)
        self.bag = [f for f in self.bag if self.chance.random() < 0.8]
        if now:
            self.exchange.deliver(*now)
        self.try_to(lambda: drain(self.exchange))

    def sent(self) -> list[str]:
        found: list[str] = []
        socket = self.exchange._socket
        assert socket is not None
        socket.settimeout(0.05)
        try:
            while True:
                found.append(str(socket.recv()))
        except websocket.WebSocketTimeoutException:
            return found

    def sync(self) -> None:
        full = self.chance.random() < 0.3
        self.try_to(lambda: sync_open_orders(self.exchange.account.pk, full=full, force=True))

    def verify(self) -> None:
        make_due()
        self.try_to(lambda: verify_due(self.exchange.account.pk))

    def fault(self) -> None:
        self.exchange.simulator.faults(reset=True)
        self.exchange.simulator.faults(**self.chance.choice(FAULTS))

    def try_to(self, act: Callable[[], object]) -> None:
        try:
            act()
        except ExchangeError:
            return

    def settle(self) -> None:
        """Let all faults end; of the frames, what was not delivered is lost."""
        self.exchange.simulator.faults(reset=True)
        long_ago = timezone.now() - timedelta(minutes=2)
        for _ in range(6):
            fill_budget()
            OpenOrder.objects.update(created_at=long_ago, next_verify_at=long_ago)
            age(OrderRequest.objects.exclude(sent_at=None), LATER)
            keep_alive(self.exchange.account)
            OpenOrder.objects.filter(not_found_count__gt=0).update(
                not_found_at=timezone.now() - timedelta(seconds=30)
            )
            ExchangeAccount.objects.update(income_checked_at=long_ago)
            sync_open_orders(self.exchange.account.pk, full=True, force=True)
            make_due()
            verify_due(self.exchange.account.pk)
            drain(self.exchange)


@pytest.mark.parametrize("seed", range(2))
def test_the_books_agree_after_anything(
    exchange: Exchange, manager: OrderManager, seed: int
) -> None:
    chaos = Chaos(exchange, manager, seed)

    chaos.run()
    chaos.settle()

    exchange.assert_equal_books()
    assert not TradeExecution.objects.filter(voided_at=None, verified=False).exists()
    assert not StreamEvent.objects.filter(processed_at=None).exists()
    assert not OrderRequest.objects.filter(outcome__in=UNRESOLVED).exists()
    placed = {o["client_order_id"] for o in exchange.ledger()["orders"]}
    for request in OrderRequest.objects.filter(action="PLACE"):
        assert (request.outcome == "ACCEPTED") == (request.client_order_id in placed)
    numbers = list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
