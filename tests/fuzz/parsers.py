"""
A program that throws mutated frames at every parser, guided by which lines they reach.

`python -m tests.fuzz.parsers <libFuzzer options> <corpus>`: the first byte of an input chooses the
exchange and the market type, the rest is the frame. Anything but messages or MalformedMessage ends
it with the input that did it.
"""

from __future__ import annotations

import sys

import atheris

from tests.fuzz import BY_CCXT

with atheris.instrument_imports(include=["exchanges"]):
    from exchanges import registry
    from exchanges.errors import MalformedMessage

    #: an adapter is imported when it is first asked for: now, to be instrumented
    TARGETS = tuple(
        (registry.adapter(name), market_type)
        for name in (*registry.names(), BY_CCXT)
        for market_type in sorted(registry.adapter(name).market_types)
    )


def one_input(data: bytes) -> None:
    """Read one frame as an exchange's."""
    if not data:
        return
    spoken, market_type = TARGETS[data[0] % len(TARGETS)]
    frame = data[1:]
    try:
        messages = spoken.parse(market_type, frame)
    except MalformedMessage:
        return
    # quicker than reading, but never deaf to what can be read
    if any(hasattr(message, "exchange_order_id") for message in messages):
        concerns = spoken.concerns_orders(market_type, frame)
        hints = all(type(message).__name__ == "TradeHint" for message in messages)
        if not concerns and not hints:
            text = f"{spoken.name}: a frame about an order would not be kept"
            raise AssertionError(text)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
