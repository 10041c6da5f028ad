"""What a contract means is stored from the exchange's table, and positions are folded by it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from exchanges.markets import Markets
from exchanges.messages import IdSpace, MarketType, OrderStatus, Side
from exchanges.questions import Market
from tests.factories import ExchangeAccountFactory
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.models import ExchangeAccount, MarketTerms, StrategyPosition
from tracking.services import market_terms
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

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

    market_terms.remember("BINANCE", table)

    stored = MarketTerms.objects.get()
    assert (stored.symbol, stored.base, stored.quote, stored.settle) == (
        "BTC/USD:BTC",
        "BTC",
        "USD",
        "BTC",
    )
    assert size() == Decimal(100)
    with django_assert_num_queries(0):
        market_terms.remember("BINANCE", table)
        size()


def test_a_table_nobody_has_loaded_is_not_asked_for() -> None:
    market_terms.remember("BINANCE", Markets(lambda: pytest.fail("asked")))

    assert not MarketTerms.objects.exists()


def test_a_contract_of_another_size_is_stored_anew() -> None:
    listing = Listing()
    first = Markets(listing.load)
    first.all()
    market_terms.remember("BINANCE", first)
    assert size() == Decimal(100)
    listing.markets = [replace(BTC, contract_size=Decimal(10))]
    second = Markets(listing.load)
    second.all()

    market_terms.remember("BINANCE", second)

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
    market_terms.remember("BINANCE", table)

    book(account, "1", Side.BUY, "100")
    book(account, "2", Side.SELL, "125")

    position = StrategyPosition.objects.get()
    # 2 contracts of 100 USD: 2 BTC at 100, 1.6 BTC at 125
    assert (position.quantity, position.realized_pnl) == (Decimal(0), Decimal("0.4"))


def book(account: ExchangeAccount, number: str, side: Side, price: str) -> None:
    same: dict[str, Any] = {"exchange_order_id": number, "side": side}
    whole = a_snapshot(
        OrderStatus.FILLED,
        "2",
        quantity=Decimal(2),
        filled_quote=2 * Decimal(price),
        **same,
    )
    fill = a_fill(number, "2", price, commission_asset="BTC", **same)
    emit_trade_event(
        account_id=account.pk,
        gathered=[
            Gathered(
                market_type=BTC.market_type.value,
                symbol=BTC.symbol,
                id_space=IdSpace.ORDER.value,
                exchange_order_id=number,
                evidence=seen(whole, fills=(fill,), complete=True),
            )
        ],
        now=timezone.now(),
    )
