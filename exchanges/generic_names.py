"""
Which exchanges ccxt can speak for: those whose private orders ccxt.pro streams.

A list and not a question to ccxt, because asking means importing a hundred exchanges; a test
compares it with the installed ccxt. Those we have adapters for are not in it, nor are the names
ccxt has for parts of them.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import Final

#: our names: ccxt's in capitals
GENERIC: Final = (
    *("ALPACA", "APEX", "ASTER", "BACKPACK", "BEQUANT", "BINANCEUS", "BINGX", "BITFINEX"),
    *("BITGET", "BITHUMB", "BITRUE", "BITSTAMP", "BITVAVO", "BLOCKCHAINCOM", "BLOFIN"),
    *("BULLISH", "BYBITEU", "BYBITID", "BYDFI", "CEX", "COINBASE", "COINBASEEXCHANGE"),
    *("COINBASEINTERNATIONAL", "CRYPTOCOM", "DEEPCOIN", "DERIBIT", "DERIVE", "EXTENDED"),
    *("GATE", "GATEEU", "GEMINI", "GRVT", "HASHKEY", "HITBTC", "HOLLAEX", "HTX"),
    *("HYPERLIQUID", "KRAKEN", "KRAKENFUTURES", "KUCOIN", "KUCOINFUTURES", "LBANK"),
    *("LIGHTER", "MEXC", "MODETRADE", "MYOKX", "NADO", "OKX", "OKXUS", "ONETRADING"),
    *("PACIFICA", "PARADEX", "PHEMEX", "POLONIEX", "POLYMARKET", "TOOBIT", "WEEX"),
    *("WHITEBIT", "WOO", "WOOFIPRO", "XT"),
)
#: whose fetchOrder finds an order by our client order id; the others' lists are searched for it
FINDS_BY_CLIENT_ID: Final = frozenset(
    (
        *("APEX", "ASTER", "BINANCEUS", "BINGX", "BITGET", "BITHUMB", "BITRUE", "BITSTAMP"),
        *("BITVAVO", "BLOCKCHAINCOM", "BULLISH", "COINBASEEXCHANGE", "EXTENDED", "GRVT"),
        *("HASHKEY", "HTX", "HYPERLIQUID", "KUCOIN", "KUCOINFUTURES", "MEXC", "MODETRADE"),
        *("MYOKX", "OKX", "OKXUS", "PARADEX", "PHEMEX", "POLONIEX", "TOOBIT", "WEEX"),
        *("WOO", "WOOFIPRO", "XT"),
    )
)
#: whose trades cannot be asked for up to a time, only from one
WITHOUT_UNTIL: Final = frozenset(
    (
        *("BEQUANT", "BITFINEX", "BITHUMB", "BITRUE", "BITSTAMP", "BLOCKCHAINCOM", "CEX"),
        *("DERIBIT", "DERIVE", "EXTENDED", "GEMINI", "HITBTC", "HOLLAEX", "KUCOIN"),
        *("KUCOINFUTURES", "LBANK", "PHEMEX", "WHITEBIT", "XT"),
    )
)
#: whose conditional orders of contracts are found like any other order, though ccxt's tables say
#: that they are asked for apart
LISTS_CONDITIONAL: Final = frozenset({"BYBITEU", "BYBITID"})
#: who changes an order and leaves it its id; elsewhere ccxt's `editOrder` makes another order
AMENDS_IN_PLACE: Final = frozenset({"BYBITEU", "BYBITID", "KRAKEN", "MYOKX", "OKX", "OKXUS"})
#: ... of spot alone
AMENDS_SPOT_ONLY: Final = frozenset({"KRAKEN"})
