"""Which exchanges ccxt speaks for, and what it declares of them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from exchanges import registry
from exchanges.adapter import Rate
from exchanges.errors import PermanentError
from exchanges.generic import adapter_for
from exchanges.generic_names import FINDS_BY_CLIENT_ID, GENERIC, WITHOUT_UNTIL
from exchanges.generic_speaker import Clock
from exchanges.messages import MarketType

#: asks ccxt about all of its exchanges, which takes 100 MB: not in this process
ALL = """
import json
from itertools import takewhile
from pathlib import Path
import ccxt, ccxt.pro

def source(call):
    lines = Path(call.__code__.co_filename).read_text().splitlines()
    first = call.__code__.co_firstlineno
    return "\\n".join(takewhile(lambda line: not line.startswith("    def "), lines[first:]))

told = {}
for name in ccxt.pro.exchanges:
    exchange = getattr(ccxt.pro, name)()
    if exchange.has.get("watchOrders"):
        one = getattr(ccxt, name)
        code = source(one.fetch_order), source(one.fetch_my_trades)
        told[name.upper()] = ["clientOrderId" in code[0], "until" in code[1]]
print(json.dumps(told))
"""
LEAN = """
import sys
from exchanges import registry
registry.adapter("BINANCE")
assert registry.generic_names()
assert not [name for name in sys.modules if name.split(".")[0] in ("ccxt", "aiohttp")]
from exchanges.generic import adapter_for
adapter_for("OKX")
assert "aiohttp" not in sys.modules
assert "ccxt.okx" in sys.modules
assert "ccxt.kraken" not in sys.modules
"""
#: served by adapters of their own, under whatever name ccxt has for their parts
OURS = {"BINANCE", "BINANCEUSDM", "BINANCECOINM", "BYBIT", "UPBIT"}


def run(program: str) -> str:
    asked = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )
    return asked.stdout


def test_the_lists_are_what_the_installed_ccxt_says() -> None:
    told: dict[str, tuple[bool, bool]] = json.loads(run(ALL))
    assert set(GENERIC) == set(told) - OURS
    # Kraken's look-up would send our id as another (userref)
    assert {name for name in GENERIC if told[name][0]} - {"KRAKEN"} == FINDS_BY_CLIENT_ID
    assert {name for name in GENERIC if not told[name][1]} == WITHOUT_UNTIL


def test_a_process_pays_only_for_the_exchanges_it_serves() -> None:
    run(LEAN)


@pytest.mark.parametrize("name", GENERIC)
def test_every_exchange_has_an_adapter(name: str) -> None:
    adapter = adapter_for(name)
    assert adapter.name == name
    assert adapter.market_types
    assert adapter.stream is not None
    assert adapter.client_order_ids.allows("a1" * 9)
    for market_type in adapter.market_types:
        assert adapter.limits[market_type].address.limit > 0
    for memory in (adapter.remembers_unfilled, adapter.remembers_filled):
        assert timedelta(minutes=1) < memory <= timedelta(days=3650)  # times before it exist


def test_facts_come_from_ccxts_tables() -> None:
    okx, kraken = adapter_for("OKX"), adapter_for("KRAKEN")
    assert okx.market_types == frozenset(MarketType)
    assert kraken.market_types == {MarketType.SPOT}
    assert adapter_for("KRAKENFUTURES").market_types == {
        MarketType.FUTURES,
        MarketType.COIN_FUTURES,
    }
    assert okx.remembers_unfilled == timedelta(hours=2)
    assert okx.remembers_filled == timedelta(days=90)
    assert kraken.remembers_unfilled == timedelta(hours=1)
    assert kraken.limits[MarketType.SPOT].address == Rate(limit=60, period=60)


@pytest.mark.parametrize("name", ["okx", "NOWHERE", "", "OS", "CCXT.OKX"])
def test_other_names_have_no_adapter(name: str) -> None:
    with pytest.raises(PermanentError):
        registry.adapter(name)


def test_nonces_grow_though_the_clock_goes_back_a_little() -> None:
    clock, start = Clock(), 1_795_377_722_000
    told = [start, start, start - 900, start + 1]
    given = [clock.nonce(number) for number in told]
    assert given == sorted(set(given))
    assert clock.nonce(start - 3_600_000) == start - 3_600_000  # it was wrong by an hour
    seconds = Clock()
    assert [seconds.nonce(1_795_377_722) for _ in range(2)] == [1_795_377_722] * 2
