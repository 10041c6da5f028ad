"""What a contract means is stored from the exchange's table, and positions are folded by it."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from exchanges.markets import Markets
from exchanges.messages import IdSpace, MarketType, OrderStatus, Side
from exchanges.questions import Market
from tests.factories import ExchangeAccountFactory
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.models import (
    Anomaly,
    ClosedOrder,
    EventKind,
    ExchangeAccount,
    MarketTerms,
    OrderEvent,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services import contract_terms, market_terms
from tracking.services.books.check import check_account
from tracking.services.event_emitter import emit_trade_event, lock_account
from tracking.services.journal import Journal
from tracking.services.order_records import Gathered
from tracking.services.payloads import order_payload, position_payload, trade_payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

    from tracking.domain.evidence import Evidence

pytestmark = pytest.mark.django_db(transaction=True)
BTC = Market(
    market_type=MarketType.COIN_FUTURES,
    symbol_id="BTCUSD_PERP",
    symbol="BTC/USD:BTC",
    base="BTC",
    quote="USD",
    settle="BTC",
    price_step=Decimal("0.1"),
    quantity_step=Decimal(1),
    minimum_quantity=Decimal(1),
    contract_size=Decimal(100),
)


class Listing:
    """An exchange's list of markets."""

    def __init__(self) -> None:
        self.markets = [BTC]

    def load(self) -> list[Market]:
        return self.markets


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    market_terms.forget()
    yield
    market_terms.forget()


def size() -> Decimal:
    return market_terms.terms("BINANCE", BTC.market_type.value, BTC.symbol).contract_size


def test_a_table_that_was_loaded_is_stored_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    listing = Listing()
    table = Markets(listing.load)
    table.all()

    contract_terms.learn("BINANCE", table)

    stored = MarketTerms.objects.get()
    assert (stored.symbol, stored.base, stored.quote, stored.settle) == (
        "BTC/USD:BTC",
        "BTC",
        "USD",
        "BTC",
    )
    assert size() == Decimal(100)
    with django_assert_num_queries(0):
        contract_terms.learn("BINANCE", table)
        size()


def test_a_table_nobody_has_loaded_is_not_asked_for() -> None:
    contract_terms.learn("BINANCE", Markets(lambda: pytest.fail("asked")))

    assert not MarketTerms.objects.exists()


def test_a_contract_of_another_size_is_stored_anew() -> None:
    listing = Listing()
    first = Markets(listing.load)
    first.all()
    contract_terms.learn("BINANCE", first)
    assert size() == Decimal(100)
    listing.markets = [replace(BTC, contract_size=Decimal(10))]
    second = Markets(listing.load)
    second.all()

    contract_terms.learn("BINANCE", second)

    assert size() == Decimal(10)
    assert MarketTerms.objects.count() == 1


def test_spot_needs_no_table(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert market_terms.terms("BINANCE", "SPOT", "BTC/USDT").is_spot


def test_what_is_not_stored_counts_as_one_until_it_is() -> None:
    assert size() == 1
    MarketTerms.objects.create(
        exchange="BINANCE",
        market_type=BTC.market_type.value,
        symbol=BTC.symbol,
        base="BTC",
        quote="USD",
        settle="BTC",
        contract_size=Decimal(100),
    )

    assert size() == Decimal(100)


def test_an_inverse_position_realises_in_the_base_asset() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    table = Markets(Listing().load)
    table.all()
    contract_terms.learn("BINANCE", table)

    book(account, "1", Side.BUY, "100")
    book(account, "2", Side.SELL, "125")

    position = StrategyPosition.objects.get()
    # 2 contracts of 100 USD: 2 BTC at 100, 1.6 BTC at 125
    assert (position.quantity, position.realized_pnl) == (Decimal(0), Decimal("0.4"))


def test_a_fill_comes_before_its_terms_and_is_folded_again_by_them() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(
        baseline_at=at(-1), market_type="COIN_FUTURES"
    )
    book(account, "1", Side.BUY, "100")
    book(account, "2", Side.SELL, "125")
    assert StrategyPosition.objects.get().realized_pnl == Decimal("0.004")
    table = Markets(Listing().load)
    table.all()

    contract_terms.learn("BINANCE", table)

    assert StrategyPosition.objects.get().realized_pnl == Decimal("0.4")
    told = OrderEvent.objects.latest("seq").payload
    assert told["realized_pnl"] == "0.4"
    closed = TradeExecution.objects.order_by("executed_at").values_list("closed_pnl", flat=True)
    assert list(closed) == [Decimal(0), Decimal("0.4")]
    assert not [line for line in check_account(account.pk).lines if line.violation_count]


def test_terms_that_were_counted_already_fold_nothing_again() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    book(account, "1", Side.BUY, "100")
    before = StrategyPosition.objects.get().version
    listing = Listing()
    listing.markets = [replace(BTC, contract_size=Decimal(1))]
    table = Markets(listing.load)
    table.all()

    contract_terms.learn("BINANCE", table)

    assert StrategyPosition.objects.get().version == before


def test_other_exchanges_have_contracts_of_their_own() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    book(account, "1", Side.BUY, "100")
    before = StrategyPosition.objects.get().version
    table = Markets(Listing().load)
    table.all()

    contract_terms.learn("BYBIT", table)

    assert StrategyPosition.objects.get().version == before


def test_an_inverse_order_has_the_average_of_its_exchange() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    same: dict[str, Any] = {"exchange_order_id": "7", "market_type": MarketType.COIN_FUTURES}
    fills = (a_fill("1", "2", "100", **same), a_fill("2", "2", "125", **same))
    told = a_snapshot(
        OrderStatus.FILLED,
        "4",
        quantity=Decimal(4),
        filled_quote=None,
        average_price=Decimal("111.11"),
        **same,
    )
    emit(account, "7", seen(told, fills=fills, complete=True))

    trade = Trade.objects.get()
    assert trade.filled_quote == Decimal("0.036")
    assert trade_payload(trade)["average_price"] == "111.111111111111111111"
    assert order_payload(ClosedOrder.objects.get())["average_price"] == "111.111111111111111111"
    assert not Anomaly.objects.exists()
    assert not [line for line in check_account(account.pk).lines if line.violation_count]


def test_what_inverse_fills_come_to_is_the_same_to_the_database() -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    chance = random.Random(7)
    same: dict[str, Any] = {"exchange_order_id": "7", "market_type": MarketType.COIN_FUTURES}
    fills = tuple(
        a_fill(
            str(number),
            f"{chance.randint(1, 10**9)}.{chance.randint(0, 10**18):018}",
            f"{chance.randint(0, 10**6)}.{chance.randint(1, 10**18):018}",
            **same,
        )
        for number in range(1, 200)
    )
    quantity = sum((fill.execution_quantity for fill in fills), Decimal(0))
    told = a_snapshot(
        OrderStatus.FILLED, str(quantity), quantity=quantity, filled_quote=None, **same
    )

    emit(account, "7", seen(told, fills=fills, complete=True))

    assert not [line for line in check_account(account.pk).lines if line.violation_count]


def book(account: ExchangeAccount, number: str, side: Side, price: str) -> None:
    same: dict[str, Any] = {
        "exchange_order_id": number,
        "side": side,
        "market_type": MarketType.COIN_FUTURES,
    }
    whole = a_snapshot(
        OrderStatus.FILLED,
        "2",
        quantity=Decimal(2),
        filled_quote=None,
        average_price=Decimal(price),
        **same,
    )
    fill = a_fill(number, "2", price, commission_asset="BTC", **same)
    emit(account, number, seen(whole, fills=(fill,), complete=True))


def emit(account: ExchangeAccount, number: str, evidence: Evidence) -> None:
    emit_trade_event(
        account_id=account.pk,
        gathered=[
            Gathered(
                market_type=BTC.market_type.value,
                symbol=BTC.symbol,
                id_space=IdSpace.ORDER.value,
                exchange_order_id=number,
                evidence=evidence,
            )
        ],
        now=timezone.now(),
    )


def test_learning_waits_for_an_account_before_it_keeps_others_of_its_user_waiting() -> None:
    first: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
    second: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1), user=first.user)
    for account in (first, second):
        book(account, "1", Side.BUY, "100")
    table = Markets(Listing().load)
    table.all()
    learning = threading.Thread(target=_learn, args=(table,))

    with transaction.atomic():
        lock_account(second.pk)
        learning.start()
        _wait_for_one_who_waits()
        journal = Journal(second.user_id, second.pk, timezone.now())
        row = StrategyPosition.objects.get(account=second)
        journal.add(EventKind.POSITION, position_payload(row))
        journal.write()
    learning.join(10)

    assert not learning.is_alive()
    assert size() == Decimal(100)
    assert not [line for line in check_account(second.pk).lines if line.violation_count]


def _learn(table: Markets) -> None:
    try:
        contract_terms.learn("BINANCE", table)
    finally:
        connection.close()


def _wait_for_one_who_waits() -> None:
    """Wait until some transaction of this database waits for a lock."""
    deadline = time.monotonic() + 10
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits")
