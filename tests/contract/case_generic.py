"""
Cases of the generic adapter: ccxt's name for a Bybit of another country, at the simulated Bybit.

They are Bybit's own cases but for what ccxt does not tell: when its subscriptions were taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.contract import case_bybit as bybit

if TYPE_CHECKING:
    from tests.contract.case import Case


def by_ccxt(case: Case, category: str) -> Case:
    """Return a case of Bybit's as one of the generic adapter."""
    return replace(
        case,
        exchange="BYBITID",
        spoken_by="BYBIT",
        refuses_itself=True,
        listens_for=frozenset({f"order.{category}", f"execution.{category}"}),
    )


FUTURES = by_ccxt(bybit.FUTURES, "linear")
SPOT = by_ccxt(bybit.SPOT, "spot")

CASES = (FUTURES, SPOT)
