"""Position rows equal the fold of what is booked, in whatever order and batches it was booked."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from exchanges.markets import Markets
from exchanges.messages import HoldingReport, IdSpace, MarketType, OrderStatus, PositionSide, Side
from exchanges.questions import Market
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.conftest import SYMBOL
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.domain.client_ids import compose
from tracking.models import ExchangeAccount, PositionMode, StrategyPosition, TradeExecution
from tracking.services import baseline
from tracking.services.event_emitter import emit_trade_event, lock_account
from tracking.services.order_records import Gathered
from tracking.services.position_rows import (
    PositionKey,
    position_state,
    recomputed,
    write_recomputed,
)

if TYPE_CHECKING:
    from tracking.domain.evidence import Evidence
    from tracking.domain.positions import PositionState

ORDERS = 12
BTC = Market(
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    minimum_quantity=Decimal("0.001"),
)


class Books:
    """An account that held something when it was connected, and orders that fill by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=None)
        self.token = StrategyAccountFactory.create(account=self.account).token
        holding = HoldingReport(
            market_type=MarketType.FUTURES,
            symbol_id="BTCUSDT",
            quantity=Decimal(-2),
            entry_price=Decimal("99.5"),
        )
        markets, mode = Markets(lambda: [BTC]), PositionMode.ONE_WAY
        baseline._open_books(self.account, [holding], markets, at(-1), mode)
        self.account.refresh_from_db()

    def order(self, number: int) -> list[Evidence]:
        """An order's evidence: its fills one by one, or REST that lags and then tells all."""
        side = self.chance.choice(list(Side))
        ours = compose(self.token, f"{number:012d}") if number % 2 else None
        hedge = PositionSide.LONG if number % 5 == 0 else PositionSide.NET
        fills = tuple(
            a_fill(
                str(self.chance.randrange(10_000)),
                str(self.chance.randint(1, 3)),
                str(self.chance.randint(90, 110)),
                side=side,
                exchange_order_id=str(number),
                position_side=hedge,
                executed_at=at(self.chance.randrange(-3, 50)),
            )
            for _ in range(self.chance.randint(1, 4))
        )
        quantity = sum(f.execution_quantity for f in fills)
        whole = a_snapshot(
            OrderStatus.FILLED,
            str(quantity),
            second=60,
            quantity=quantity,
            filled_quote=sum(f.execution_quantity * f.execution_price for f in fills),
            exchange_order_id=str(number),
            client_order_id=ours,
            side=side,
            position_side=hedge,
        )
        if self.chance.random() < 0.5:
            return [seen(whole, complete=True), seen(whole, fills=fills, complete=True)]
        begun = a_snapshot(
            OrderStatus.NEW,
            quantity=quantity,
            exchange_order_id=str(number),
            client_order_id=ours,
            side=side,
            position_side=hedge,
        )
        return [seen(begun), *(seen(fills=(f,)) for f in fills), seen(whole)]

    def book_all(self) -> None:
        """Interleave the orders' evidence in batches of any size."""
        waiting = {str(n): self.order(n) for n in range(1, ORDERS + 1)}
        while waiting:
            batch = []
            for _ in range(self.chance.randint(1, 6)):
                if waiting:
                    number = self.chance.choice(list(waiting))
                    batch.append(self.gathered(number, waiting[number].pop(0)))
                    if not waiting[number]:
                        del waiting[number]
            emit_trade_event(account_id=self.account.pk, gathered=batch, now=timezone.now())

    def gathered(self, number: str, evidence: Evidence) -> Gathered:
        return Gathered(
            market_type="FUTURES",
            symbol=SYMBOL,
            id_space=IdSpace.ORDER.value,
            exchange_order_id=number,
            evidence=evidence,
        )

    def rebuilt(self, row: StrategyPosition) -> PositionState:
        key = PositionKey(row.strategy_account_id, row.market_type, row.symbol, row.position_side)
        return recomputed(self.account.pk, key)


@pytest.fixture
def _small_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.domain.positions.CHECKPOINT_SPACING", 3)


@pytest.mark.usefixtures("_small_checkpoints", "transactional_db")
@pytest.mark.parametrize("seed", range(8))
def test_positions_are_the_fold_of_their_fills(seed: int) -> None:
    books = Books(seed)

    books.book_all()

    rows = list(StrategyPosition.objects.filter(account=books.account))
    assert len(rows) >= 3
    for row in rows:
        assert position_state(row) == books.rebuilt(row)
    history = TradeExecution.objects.filter(executed_at__lte=at(-1))
    assert not history.filter(is_history=False).exists()
    assert not TradeExecution.objects.filter(is_history=True, executed_at__gt=at(-1)).exists()


@pytest.mark.usefixtures("_small_checkpoints", "transactional_db")
def test_a_damaged_position_is_written_anew_from_its_executions() -> None:
    books = Books(3)
    books.book_all()
    sound = {row.pk: position_state(row) for row in StrategyPosition.objects.all()}
    realised = dict(TradeExecution.objects.values_list("pk", "closed_pnl"))
    StrategyPosition.objects.update(quantity=7, fees=1, checkpoint=None)
    TradeExecution.objects.update(closed_pnl=99)

    for row in StrategyPosition.objects.all():
        key = PositionKey(row.strategy_account_id, row.market_type, row.symbol, row.position_side)
        with transaction.atomic():
            write_recomputed(lock_account(books.account.pk), key, timezone.now())

    assert {row.pk: position_state(row) for row in StrategyPosition.objects.all()} == sound
    counted = TradeExecution.objects.filter(voided_at=None, is_history=False)
    assert dict(counted.values_list("pk", "closed_pnl")) == {
        pk: realised[pk] for pk in counted.values_list("pk", flat=True)
    }
