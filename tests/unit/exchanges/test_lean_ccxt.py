"""A process that speaks to one exchange does not carry the others of ccxt, yet may have them."""

from __future__ import annotations

import subprocess
import sys

ASKING = """
import sys
from exchanges.http_session import signer_of
signer = signer_of("binanceusdm")
assert "ccxt.binance" in sys.modules
assert "ccxt.kraken" not in sys.modules
import ccxt
assert issubclass(signer, ccxt.binanceusdm)
assert ccxt.kraken().id == "kraken"
assert ccxt.__version__
"""

STREAMING = """
import sys
from exchanges import lean_ccxt
assert "aiohttp" not in sys.modules
for name in ("okx", "binanceusdm"):  # the second inherits, and asks for its REST half by itself
    assert lean_ccxt.load_pro(name)().has["watchOrders"] is True
assert "ccxt.kraken" not in sys.modules
assert "ccxt.async_support.kraken" not in sys.modules
import ccxt.async_support
import ccxt.pro
assert issubclass(lean_ccxt.load_pro("okx"), ccxt.async_support.okx)
assert ccxt.pro.okx is lean_ccxt.load_pro("okx")
assert "kraken" in ccxt.pro.exchanges
assert ccxt.async_support.kraken.__name__ == "kraken"
"""


def test_other_exchanges_are_loaded_only_when_asked_for() -> None:
    subprocess.run([sys.executable, "-c", ASKING], check=True, timeout=60)


def test_one_exchange_can_stream_without_the_others() -> None:
    subprocess.run([sys.executable, "-c", STREAMING], check=True, timeout=60)
