"""
A machine that lives an account's life by chance: orders of strategies and by hand, fills, ends.

Between the exchange and the books anything may happen. Frames are lost, repeated, reordered and
kept for later; REST is refused, empty, stale, or its answer lost; any act may be cut off at a
statement, a commit or a call; frames that were processed come back as if they had not been. The
exchange's ledger is the model. The same seed does the same.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from exchanges.errors import ExchangeError
from exchanges.simulator.errors import ControlError
from tests.crash.points import Mode
from tests.crash.recovery import LONG_AGO, ROUNDS, move_clocks, open_questions, work
from tests.integration.services.conftest import make_due
from tests.seeds.intents import an_intent
from tracking.models import (
    AccountDrain,
    ExchangeAccount,
    OpenOrder,
    StrategyAccount,
    StreamEvent,
)
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_manager import OrderManager
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.points import Points
    from tests.integration.services.conftest import Exchange

STEPS = 50
#: an act has about so many points
MOST_POINTS = 40
FAULTS: tuple[dict[str, Any], ...] = (
    {"rest_status": {"*": {"status": 503, "probability": 0.3}}},
    {"stale_rest_ms": {"order": 5000, "userTrades": 5000, "openOrders": 5000}},
    {"stale_rest_ms": {"userTrades": 5000}},
    {"stale_rest_ms": {"openOrders": 5000, "positionRisk": 5000}},
    {"not_found_window_ms": 5000},
    {"accept_but_lose_answer": {"*": {"how": "drop", "probability": 0.5}}},
    {"refuse_and_lose_answer": {"POST order": {"how": "503", "probability": 0.5}}},
    {"refuse_and_lose_answer": {"DELETE order": {"how": "drop", "probability": 0.5}}},
    {"rest_empty": {"*": 0.3}},
    {"rest_garbage": {"*": 0.3}},
    {"hide_trade_ids": 0.5},
    {},
    {},
)


class Machine:
    """One account, its frames in a bag, and what may happen next."""

    def __init__(self, exchange: Exchange, points: Points, seed: int, *, hedge: bool) -> None:
        self.exchange, self.points, self.hedge = exchange, points, hedge
        self.chance = random.Random(seed)
        self.bag: list[str] = []
        self.read = self.crashes = self.keys = 0
        rows = StrategyAccount.objects.filter(account=exchange.account).select_related("account")
        self.managers = [OrderManager(row) for row in rows.order_by("pk")]

    def run(self) -> None:
        acts = (
            *[self.place] * 3,
            *[self.cancel] * 2,
            *[self.fill_some] * 4,
            self.by_hand,
            self.end_some,
            self.close_by_force,
            *[self.frames_arrive] * 4,
            self.replay,
            *[self.sync] * 2,
            self.verify,
            self.fault,
        )
        for _ in range(STEPS):
            self.chance.choice(acts)()

    def place(self) -> None:
        manager, key = self.chance.choice(self.managers), self.key()
        intent = an_intent(self.chance, hedge=self.hedge)
        self.try_to(lambda: manager.execute(intent, idempotency_key=key))

    def cancel(self) -> None:
        if orders := list(OpenOrder.objects.filter(placed_by_us=True).order_by("pk")):
            order, key = self.chance.choice(orders), self.key()
            manager = next(
                m for m in self.managers if m.strategy_account.pk == order.strategy_account_id
            )
            self.try_to(lambda: manager.cancel(order, idempotency_key=key))

    def key(self) -> str:
        self.keys += 1
        return str(self.keys)

    def open_at_exchange(self) -> dict[str, Any] | None:
        orders = self.exchange.ledger()["open_orders"]
        return self.chance.choice(orders) if orders else None

    def fill_some(self) -> None:
        if order := self.open_at_exchange():
            self.exchange.act(
                "fill",
                symbol=order["symbol"],
                orderId=int(order["exchange_order_id"]),
                quantity=self.chance.choice(["0.03", "0.05", "0.1", "0.2"]),
                counterparties=self.chance.randint(1, 3),
            )

    def end_some(self) -> None:
        """The exchange, or its user by hand, ends or changes an order."""
        if order := self.open_at_exchange():
            self.exchange.act(
                self.chance.choice(["cancel", "cancel_then_fill", "expire", "amend"]),
                symbol=order["symbol"],
                orderId=int(order["exchange_order_id"]),
                quantity="0.15",
            )

    def close_by_force(self) -> None:
        held = [p for p in self.exchange.ledger()["positions"] if p["quantity"] != "0"]
        if held and self.chance.random() < 0.5:
            position = self.chance.choice(held)
            self.exchange.act(
                self.chance.choice(["liquidate", "deleverage"]),
                symbol=position["symbol"],
                positionSide=position["position_side"],
            )

    def by_hand(self) -> None:
        intent = an_intent(self.chance, hedge=self.hedge)
        terms = {
            "symbol": intent.symbol.partition(":")[0].replace("/", ""),
            "side": intent.side.value,
            "type": intent.order_type.value,
            "quantity": "0.1",
            "price": intent.price and str(intent.price),
            "positionSide": intent.position_side.value if self.hedge else None,
        }
        # the exchange does not take everything
        with suppress(ControlError):
            self.exchange.act("place", **{k: v for k, v in terms.items() if v is not None})

    def frames_arrive(self) -> None:
        """Some of what was sent: in any order, some twice, some kept for later or lost."""
        self.bag += self.sent()
        self.chance.shuffle(self.bag)
        now = self.chance.choices(self.bag, k=(len(self.bag) + 1) // 2) if self.bag else []
        self.bag = [frame for frame in self.bag if self.chance.random() < 0.8]
        if now:
            self.try_to(lambda: self.exchange.deliver(*now))
        self.drain()

    def sent(self) -> list[str]:
        """Every frame that was sent and not read yet."""
        summary = self.exchange.simulator.ledger(self.exchange.key, summary=True)
        count, self.read = summary["frames_sent"] - self.read, summary["frames_sent"]
        return self.exchange.frames(count)

    def drain(self) -> None:
        # a claim that a crash left behind runs out after 3 s
        past = timezone.now() - LONG_AGO
        AccountDrain.objects.exclude(until=None).update(until=past)
        self.try_to(lambda: OrderFillMonitor(self.exchange.account.pk).on_order_update())

    def replay(self) -> None:
        """Process frames again, as after a commit that was taken back."""
        done = list(StreamEvent.objects.exclude(processed_at=None).values_list("pk", flat=True))
        again = self.chance.sample(done, k=len(done) // 2)
        StreamEvent.objects.filter(pk__in=again).update(processed_at=None)
        self.drain()

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
        """Act, and be cut off now and then."""
        cut = self.chance.random() < 0.2
        at = self.chance.randint(1, MOST_POINTS) if cut else 0
        mode = self.chance.choice([Mode.BEFORE, Mode.CUT, Mode.AFTER])
        with self.points.armed(at, mode):
            try:
                act()
            except ExchangeError:
                pass
            except (DatabaseError, InterfaceError):
                assert self.points.struck
        self.crashes += self.points.struck is not None
        connection.close_if_unusable_or_obsolete()

    def settle(self) -> None:
        """Let all faults end; of the frames, what was not delivered is lost."""
        self.exchange.simulator.faults(reset=True)
        account_id = self.exchange.account.pk
        for count in range(1, ROUNDS + 1):
            move_clocks(account_id)
            ExchangeAccount.objects.filter(pk=account_id).update(
                next_full_sync_at=timezone.now() - LONG_AGO
            )
            work(account_id)
            if count > 1 and not open_questions(self.exchange.account):
                return
