"""Upbit's case."""

from __future__ import annotations

from decimal import Decimal

from exchanges.messages import MarketType
from tests.contract.case import Case, Trait

SPOT = Case(
    exchange="UPBIT",
    market_type=MarketType.SPOT,
    symbol_id="KRW-BTC",
    symbol="BTC/KRW",
    price=Decimal(100_000_000),
    other_price=Decimal(100_000_000),
    quantity=Decimal("0.02"),
    part=Decimal("0.005"),
    # worth less than 5,000 won
    refused_quantity=Decimal("0.00001"),
    elsewhere=("KRW-ETH", Decimal(4_000_000), Decimal("0.1")),
    asset="BTC",
    unknown_order_id="00000000-0000-4000-8000-000000000000",
    lacks=frozenset({Trait.LIQUIDATION, Trait.AMENDMENT, Trait.CLOCK}),
    place_endpoint="POST orders",
)

CASES = (SPOT,)
