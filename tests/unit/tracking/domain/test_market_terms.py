from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.domain.market_terms import terms_of

prices = st.decimals("0.01", "100000", places=2)
amounts = st.decimals("1", "1000", places=0)


@pytest.mark.parametrize(
    ("symbol", "base", "quote", "settle", "is_spot", "is_inverse"),
    [
        ("BTC/USDT", "BTC", "USDT", "USDT", True, False),
        ("BTC/USDT:USDT", "BTC", "USDT", "USDT", False, False),
        ("BTC/USD:BTC", "BTC", "USD", "BTC", False, True),
        ("BTC/USD:BTC-261225", "BTC", "USD", "BTC", False, True),
        ("ETH/USD:BTC", "ETH", "USD", "BTC", False, False),
        ("BTCUSDT", "BTCUSDT", "", "", False, False),
    ],
)
def test_a_unified_symbol_tells_how_its_market_settles(
    symbol: str, base: str, quote: str, settle: str, *, is_spot: bool, is_inverse: bool
) -> None:
    terms = terms_of(symbol)

    assert (terms.base, terms.quote, terms.settle) == (base, quote, settle)
    assert (terms.is_spot, terms.is_inverse) == (is_spot, is_inverse)
    assert terms.contract_size == 1


def test_a_linear_contract_is_worth_its_price() -> None:
    assert terms_of("BTC/USDT:USDT", Decimal("0.1")).worth(Decimal(3), Decimal(200)) == 60


def test_an_inverse_contract_is_worth_less_of_the_base_the_dearer_it_is() -> None:
    terms = terms_of("BTC/USD:BTC", Decimal(100))

    assert terms.worth(Decimal(3), Decimal(200)) == Decimal("1.5")
    assert terms.worth(Decimal(3), Decimal(0)) == 0


@pytest.mark.parametrize(
    ("symbol", "size", "closed", "brings"),
    [
        ("BTC/USDT:USDT", "0.1", "2", "10"),
        ("BTC/USDT:USDT", "0.1", "-2", "-10"),
        ("BTC/USD:BTC", "100", "2", "0.666666666666666667"),
        ("BTC/USD:BTC", "100", "-2", "-0.666666666666666667"),
    ],
)
def test_a_rise_in_price_pays_who_is_long(symbol: str, size: str, closed: str, brings: str) -> None:
    terms = terms_of(symbol, Decimal(size))

    profit = terms.profit(Decimal(closed), Decimal(100), Decimal(150))

    assert round(profit, 18) == Decimal(brings)


@given(amounts, prices, amounts, prices, st.sampled_from(["BTC/USDT:USDT", "BTC/USD:BTC"]))
def test_the_average_is_worth_what_its_parts_were(
    held: Decimal, at: Decimal, added: Decimal, price: Decimal, symbol: str
) -> None:
    terms = terms_of(symbol, Decimal(10))

    average = terms.average(held, at, added, price)

    parts = terms.worth(held, at) + terms.worth(added, price)
    assert abs(terms.worth(held + added, average) - parts) < Decimal("1e-30") * max(
        Decimal(1), parts
    )
    assert min(at, price) <= round(average, 30) <= max(at, price)


def test_what_is_worth_nothing_has_no_average() -> None:
    terms = terms_of("BTC/USD:BTC")

    assert terms.average(Decimal(0), Decimal(0), Decimal(1), Decimal(0)) == 0
