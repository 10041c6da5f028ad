"""Whatever was lost, late, repeated, refused or cut off: in the end the books are the model's."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.crash.accounts import PLENTY, opened
from tests.crash.checks import check_everything
from tests.crash.points import counted
from tests.crash.recovery import open_questions
from tests.seeds.machine import Machine
from tracking.models import OrderRequest, StrategyPosition, TradeExecution

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

FEW, MANY = 6, 200


@pytest.mark.parametrize("seed", range(FEW))
def test_the_books_are_the_models(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    live(monkeypatch, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FEW, MANY))
def test_the_books_are_the_models_for_many_seeds(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    live(monkeypatch, seed)


def live(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Live one life, every third in hedge mode, at an exchange that knows no other."""
    hedge = seed % 3 == 2
    config = SimulatorConfig(price_interval=0)
    with SimulatorThread(seed=seed, config=config) as simulator, counted() as points:
        simulator.configure(weight_limit=PLENTY)
        monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
        monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", PLENTY)
        with opened(simulator, strategies=3, hedge=hedge) as exchange:
            exchange.connect()
            machine = Machine(exchange, points, seed, hedge=hedge)
            machine.run()
            machine.settle()

            assert open_questions(exchange.account) == []
            check_everything(exchange)
            check_sides(exchange)
            check_owners(exchange)


def check_sides(exchange: Exchange) -> None:
    """Each side of each market holds what the exchange says it does."""
    held: dict[tuple[str, str], Decimal] = {}
    for row in StrategyPosition.objects.filter(account=exchange.account):
        side = row.position_side if row.position_side != "NET" else "BOTH"
        key = (symbol_id(row.symbol), side)
        held[key] = held.get(key, Decimal(0)) + row.quantity
    told = {
        (p["symbol"], p["position_side"]): Decimal(p["quantity"])
        for p in exchange.ledger()["positions"]
    }
    assert {k: q for k, q in held.items() if q} == {k: q for k, q in told.items() if q}


def check_owners(exchange: Exchange) -> None:
    """A fill belongs to the strategy that asked for its order, or to none."""
    orders = exchange.ledger()["orders"]
    names = {(o["symbol"], o["exchange_order_id"]): o["client_order_id"] for o in orders}
    asked = dict(
        OrderRequest.objects.filter(account=exchange.account, action="PLACE").values_list(
            "client_order_id", "strategy_account_id"
        )
    )
    rows = TradeExecution.objects.filter(account=exchange.account, voided_at=None)
    for row in rows:
        name = names[symbol_id(row.symbol), row.exchange_order_id]
        assert row.strategy_account_id == asked.get(name)


def symbol_id(symbol: str) -> str:
    return symbol.partition(":")[0].replace("/", "")
