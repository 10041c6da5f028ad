"""The first of the two files `docs/adding-an-exchange.md` asks for: OKX's facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from exchanges.generic import adapter_for
from tests.integration.exchanges import generic_own_okx_websocket as okx_websocket

ADAPTER = replace(
    adapter_for("OKX"),
    # "Get order details": cancelled without a fill for two hours
    remembers_unfilled=timedelta(hours=2),
    parse=okx_websocket.parse,
    concerns_orders=okx_websocket.concerns_orders,
    credential=okx_websocket.Login,
    stream=None,
)
