"""What an exchange's markets allow, by ccxt's tables, and orders that ask for more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges import generic_markets, lean_ccxt
from exchanges.errors import OrderRefused
from exchanges.generic_terms import refuse_what_is_rounded
from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder

if TYPE_CHECKING:
    from exchanges.questions import Market

ORDER = NewOrder(
    market_type=MarketType.SPOT,
    symbol_id="BTCUSD",
    client_order_id="mine",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(60000),
)


def speaker_with(exchange: str, precision: dict[str, Any]) -> Any:
    ccxt = lean_ccxt.load(exchange)({"number": str})
    market = {
        "id": "BTCUSD",
        "symbol": "BTC/USD",
        "base": "BTC",
        "quote": "USD",
        "spot": True,
        "type": "spot",
        "precision": precision,
    }
    ccxt.set_markets([market])
    return ccxt


def read(ccxt: Any) -> Market:
    market = generic_markets._readable(ccxt.markets["BTC/USD"], ccxt)
    assert market is not None
    return market


def test_steps_are_read_as_each_exchange_means_them() -> None:
    # Bitfinex tells places of an amount, and significant digits of a price
    in_digits = read(speaker_with("bitfinex", {"amount": 8, "price": 5}))
    in_steps = read(speaker_with("kraken", {"amount": "0.001", "price": "0.1"}))

    assert in_digits.quantity_step == Decimal("0.00000001")
    assert Decimal("60000.1") % in_digits.price_step == 0
    assert (in_steps.quantity_step, in_steps.price_step) == (Decimal("0.001"), Decimal("0.1"))


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal("0.50001")}, {"price": Decimal("60000.1")}],
    ids=["quantity", "price"],
)
def test_an_order_that_ccxt_would_round_is_refused(changes: dict[str, Any]) -> None:
    ccxt = speaker_with("bitfinex", {"amount": 4, "price": 5})
    refuse_what_is_rounded(ccxt, "BTC/USD", ORDER)
    refuse_what_is_rounded(ccxt, "BTC/USD", replace(ORDER, price=None))

    with pytest.raises(OrderRefused):
        refuse_what_is_rounded(ccxt, "BTC/USD", replace(ORDER, **changes))


def test_nothing_is_refused_where_nothing_is_known() -> None:
    ccxt = speaker_with("kraken", {"amount": None, "price": None})

    refuse_what_is_rounded(ccxt, "BTC/USD", ORDER)
