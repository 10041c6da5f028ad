"""Binance's cases."""

from __future__ import annotations

from decimal import Decimal

from exchanges.messages import MarketType
from tests.contract.case import Case, Trait

FUTURES = Case(
    exchange="BINANCE",
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    symbol="BTC/USDT:USDT",
    price=Decimal("30000.10"),
    other_price=Decimal("29000.10"),
    quantity=Decimal("0.020"),
    part=Decimal("0.005"),
    refused_quantity=Decimal("0.0201"),
    elsewhere=("ETHUSDT", Decimal("1500.00"), Decimal("0.100")),
    lacks=frozenset({Trait.SIGNED_STREAM}),
    end_session={"expire_listen_key": True},
)

CASES = (FUTURES,)
