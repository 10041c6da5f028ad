"""A process that speaks to Binance does not carry ccxt's other exchanges, yet may have them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
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


def test_other_exchanges_are_loaded_only_when_asked_for() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
