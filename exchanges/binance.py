"""
Binance USD-M futures: the facts the rest of the system may rely on.

Sources: USD-M "General Info", "New Order", "User Data Streams", "Websocket Market Streams".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import string
from datetime import timedelta

from exchanges import binance_answers, binance_websocket
from exchanges.adapter import Adapter, ClientOrderIdRules, Limits
from exchanges.messages import Exchange, MarketType

ADAPTER = Adapter(
    name=Exchange.BINANCE,
    market_types=frozenset({MarketType.FUTURES}),
    client_order_ids=ClientOrderIdRules(
        prefix="",
        alphabet=string.ascii_letters + string.digits + ".:/_-",
        max_length=36,
    ),
    limits=Limits(weight_per_minute=2400, orders_per_10_seconds=300, orders_per_minute=1200),
    # the key lives 60 minutes: half of that leaves room for a failed attempt
    credential_refresh=timedelta(minutes=30),
    connection_lifetime=timedelta(hours=24),
    # "Query Order": CANCELED or EXPIRED without a fill for 3 days, anything for 90
    remembers_unfilled=timedelta(days=3),
    remembers_filled=timedelta(days=90),
    parse=binance_websocket.parse,
    concerns_orders=binance_websocket.concerns_orders,
    read_order=binance_answers.read_order,
    read_execution=binance_answers.execution,
)
