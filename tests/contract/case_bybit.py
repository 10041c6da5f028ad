"""Bybit's cases."""

from __future__ import annotations

from decimal import Decimal

from exchanges.messages import MarketType
from tests.contract.case import Case, Trait

_UNKNOWN = "00000000-0000-4000-8000-000000000000"
_BROKEN = ("{", "nothing", '{"topic":"', "[1,", '{"topic":"order.linear"}', "\ufffd")
#: topics of holdings are read, not subscribed
_LACKS = frozenset({Trait.HOLDINGS_STREAM})

FUTURES = Case(
    exchange="BYBIT",
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    symbol="BTC/USDT:USDT",
    price=Decimal("30000.10"),
    other_price=Decimal("29000.10"),
    quantity=Decimal("0.020"),
    part=Decimal("0.005"),
    refused_quantity=Decimal("0.0201"),
    # settled in another coin, hence in another list
    elsewhere=("BTCPERP", Decimal("30000.10"), Decimal("0.010")),
    unknown_order_id=_UNKNOWN,
    lacks=_LACKS,
    place_endpoint="POST order/create",
    cancel_endpoint="POST order/cancel",
    broken_frames=_BROKEN,
)
COIN_FUTURES = Case(
    exchange="BYBIT",
    market_type=MarketType.COIN_FUTURES,
    symbol_id="BTCUSD",
    symbol="BTC/USD:BTC",
    price=Decimal("30000.00"),
    other_price=Decimal("29000.00"),
    quantity=Decimal(800),
    part=Decimal(200),
    refused_quantity=Decimal("1.5"),
    elsewhere=("ETHUSD", Decimal("1500.00"), Decimal(100)),
    unknown_order_id=_UNKNOWN,
    lacks=_LACKS,
    place_endpoint="POST order/create",
    cancel_endpoint="POST order/cancel",
    broken_frames=_BROKEN,
)
SPOT = Case(
    exchange="BYBIT",
    market_type=MarketType.SPOT,
    symbol_id="BTCUSDT",
    symbol="BTC/USDT",
    price=Decimal("30000.10"),
    other_price=Decimal("29000.10"),
    quantity=Decimal("0.020000"),
    part=Decimal("0.005000"),
    refused_quantity=Decimal("0.0200001"),
    elsewhere=("ETHUSDT", Decimal("1500.00"), Decimal("0.10000")),
    unknown_order_id=_UNKNOWN,
    asset="BTC",
    lacks=_LACKS | {Trait.LIQUIDATION},
    place_endpoint="POST order/create",
    cancel_endpoint="POST order/cancel",
    broken_frames=_BROKEN,
)

CASES = (FUTURES, COIN_FUTURES, SPOT)
