"""
Binance spot: REST under `/api/v3`, the WebSocket API, and the user data stream that it carries.

There are no listen keys any more: whoever signs a subscription on the WebSocket API hears the
account on that connection. Source: the "Binance Spot API" documents of 2026-07.
"""
