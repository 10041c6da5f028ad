"""
The markets of each house, with Bybit's steps; ids are shared between spot and linear on purpose.

Source: samples of "Get Instruments Info" (v5).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exchanges.simulator.config import SymbolRules

if TYPE_CHECKING:
    from collections.abc import Mapping

BTCUSDT: Final = SymbolRules(
    symbol="BTCUSDT",
    base="BTC",
    price_tick=Decimal("0.10"),
    quantity_step=Decimal("0.001"),
    minimum_notional=Decimal(5),
    start_price=Decimal("60000.00"),
)
ETHUSDT: Final = SymbolRules(
    symbol="ETHUSDT",
    base="ETH",
    price_tick=Decimal("0.01"),
    quantity_step=Decimal("0.01"),
    minimum_notional=Decimal(5),
    start_price=Decimal("3000.00"),
)
SOLUSDT: Final = SymbolRules(
    symbol="SOLUSDT",
    base="SOL",
    price_tick=Decimal("0.010"),
    quantity_step=Decimal("0.1"),
    minimum_notional=Decimal(5),
    start_price=Decimal("150.000"),
)
#: a USDC contract is named PERP
BTCPERP: Final = replace(BTCUSDT, symbol="BTCPERP", quote="USDC")
BTCUSD: Final = SymbolRules(
    symbol="BTCUSD",
    base="BTC",
    quote="USD",
    price_tick=Decimal("0.50"),
    quantity_step=Decimal(1),
    minimum_notional=Decimal(0),
    start_price=Decimal("60000.00"),
    maximum_quantity=Decimal(25_000_000),
    contract_size=Decimal(1),
)
ETHUSD: Final = replace(
    BTCUSD,
    symbol="ETHUSD",
    base="ETH",
    price_tick=Decimal("0.05"),
    start_price=Decimal("3000.00"),
)
SPOT: Final = (
    replace(BTCUSDT, price_tick=Decimal("0.01"), quantity_step=Decimal("0.000001")),
    replace(ETHUSDT, quantity_step=Decimal("0.00001")),
    replace(SOLUSDT, price_tick=Decimal("0.01"), quantity_step=Decimal("0.001")),
    SymbolRules(
        symbol="MNTUSDT",
        base="MNT",
        price_tick=Decimal("0.0001"),
        quantity_step=Decimal("0.01"),
        minimum_notional=Decimal(5),
        start_price=Decimal("1.0000"),
    ),
)
SYMBOLS: Final[Mapping[str, tuple[SymbolRules, ...]]] = {
    "SPOT": SPOT,
    "FUTURES": (BTCUSDT, ETHUSDT, SOLUSDT, BTCPERP),
    "COIN_FUTURES": (BTCUSD, ETHUSD),
}
