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
    hedges=True,
    end_session={"expire_listen_key": True},
)
COIN_FUTURES = Case(
    exchange="BINANCE",
    market_type=MarketType.COIN_FUTURES,
    symbol_id="BTCUSD_PERP",
    symbol="BTC/USD:BTC",
    price=Decimal("30000.1"),
    other_price=Decimal("29000.1"),
    quantity=Decimal(8),
    part=Decimal(2),
    refused_quantity=Decimal("1.5"),
    elsewhere=("ETHUSD_PERP", Decimal("1500.00"), Decimal(10)),
    lacks=frozenset({Trait.SIGNED_STREAM}),
    hedges=True,
    end_session={"expire_listen_key": True},
)
SPOT = Case(
    exchange="BINANCE",
    market_type=MarketType.SPOT,
    symbol_id="BTCUSDT",
    symbol="BTC/USDT",
    price=Decimal("30000.10"),
    other_price=Decimal("30000.10"),
    quantity=Decimal("0.02000"),
    part=Decimal("0.00500"),
    refused_quantity=Decimal("0.020001"),
    elsewhere=("ETHUSDT", Decimal("1500.00"), Decimal("0.1000")),
    asset="BTC",
    lacks=frozenset({Trait.LIQUIDATION}),
    end_session={"expire_listen_key": True},
)

CASES = (FUTURES, COIN_FUTURES, SPOT)
