"""The parsers against what no exchange would ever send."""

from __future__ import annotations

from typing import Final

#: stands for all exchanges ccxt speaks for: they have one parser
BY_CCXT: Final = "OKX"
