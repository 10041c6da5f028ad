"""Many workers book the same fills at once: the books are those of one worker who saw each once."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.races.fills import BEGIN, MARKETS, gathered, history
from tracking.models import ClosedOrder, OpenOrder, StrategyPosition, Trade, TradeExecution
from tracking.services.event_emitter import emit_trade_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import Model

    from exchanges.messages import OrderReport

WORKERS = 8
PATIENCE = 300
#: columns that say where and when a row was written, not what it says
NOT_BOOKS = {
    "id",
    "account",
    "strategy_account",
    "client_order_id",
    "trade",
    "version",
    "created_at",
    "updated_at",
    "closed_at",
    "next_verify_at",
    "verify_attempts",
    "first_seen_at",
    "last_seen_at",
    # a true earlier fold each; where it lies depends on the batches
    "checkpoint",
}


@dataclass(frozen=True, slots=True)
class Books:
    """An account with two strategies, and what its books say."""

    account_id: int
    tokens: tuple[str, str]
    names: dict[int | None, str]

    @classmethod
    def opened(cls) -> Books:
        account = ExchangeAccountFactory.create(baseline_at=BEGIN - timedelta(hours=1))
        strategies = [StrategyAccountFactory.create(account=account) for _ in range(2)]
        names: dict[int | None, str] = {None: "nobody"}
        names |= {row.pk: f"strategy {place}" for place, row in enumerate(strategies)}
        first, second = (row.token for row in strategies)
        return cls(account.pk, (first, second), names)

    def book(self, reports: Sequence[OrderReport]) -> None:
        emit_trade_event(
            account_id=self.account_id,
            gathered=gathered(reports, self.tokens),
            now=timezone.now(),
        )

    def rows(self, model: type[Model]) -> list[tuple[Any, ...]]:
        fields = [f.attname for f in model._meta.concrete_fields if f.name not in NOT_BOOKS]
        found = model._default_manager.filter(account_id=self.account_id)
        rows = [
            (
                self.names[getattr(row, "strategy_account_id", None)],
                *(str(getattr(row, name)) for name in fields),
            )
            for row in found
        ]
        return sorted(rows)


@pytest.mark.parametrize("seed", range(2))
def test_eight_workers_book_the_same_fills_at_once(transactional_db: None, seed: int) -> None:
    race(seed, 300)


@pytest.mark.long
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("seed", range(20))
def test_eight_workers_book_the_same_thousand_fills(transactional_db: None, seed: int) -> None:
    race(seed, 1000)


def race(seed: int, count: int) -> None:
    reports = history(seed, count)
    alone, raced = Books.opened(), Books.opened()
    alone.book(reports)

    failures = at_once([partial(work, raced, reports, f"{seed} {n}") for n in range(WORKERS)])

    assert failures == []
    for model in (TradeExecution, Trade, StrategyPosition, ClosedOrder, OpenOrder):
        assert raced.rows(model) == alone.rows(model)
    executions = TradeExecution.objects.filter(account_id=raced.account_id, voided_at=None)
    assert executions.count() == count
    assert held(raced.account_id) == traded(reports)
    assert_clean(raced.account_id)


def work(books: Books, reports: Sequence[OrderReport], seed: str) -> None:
    """Book every fill, in an order and in batches of this worker's own."""
    chance = random.Random(seed)
    left = list(reports)
    chance.shuffle(left)
    while left:
        size = chance.choice([1, 5, 20, 60])
        books.book(left[:size])
        del left[:size]


def held(account_id: int) -> dict[str, Any]:
    """What all of the account's positions sum up to, by market."""
    sums = dict.fromkeys(MARKETS, 0)
    for row in StrategyPosition.objects.filter(account_id=account_id):
        sums[row.symbol.partition("/")[0]] += row.quantity
    return sums


def traded(reports: Sequence[OrderReport]) -> dict[str, Any]:
    sums: dict[str, Any] = dict.fromkeys(MARKETS, 0)
    for report in reports:
        if report.execution:
            sign = 1 if report.side == "BUY" else -1
            sums[report.symbol_id.removesuffix("USDT")] += (
                sign * report.execution.execution_quantity
            )
    return sums


def at_once(works: Sequence[Callable[[], None]]) -> list[BaseException]:
    """Run all at the same moment, each with a connection of its own; give what they raised."""
    barrier, failures = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], None]) -> None:
        barrier.wait(PATIENCE)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(each,)) for each in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return failures
