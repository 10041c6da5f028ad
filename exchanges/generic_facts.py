"""
Reading ccxt's description of an exchange: its market types, and what its calls can do.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.generic_names import AMENDS_IN_PLACE, AMENDS_SPOT_ONLY
from exchanges.messages import MarketType
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from exchanges.adapter import Placed

_SUBTYPES: Final = {MarketType.FUTURES: "linear", MarketType.COIN_FUTURES: "inverse"}


def place_of(execution: Placed) -> int:
    """Trade ids are no numbers everywhere: the time is what grows."""
    return milliseconds(execution.executed_at)


def market_types_of(facts: Any) -> frozenset[MarketType]:
    """Read from ccxt's description which of our market types an exchange has."""
    has, features = facts.has, facts.features or {}
    found = {MarketType.SPOT} if has.get("spot") is True else set()
    kinds = [kind for kind in ("swap", "future") if has.get(kind) is True]
    for market_type, name in _SUBTYPES.items():
        if any((features.get(kind) or {}).get(name) for kind in kinds):
            found.add(market_type)
    if kinds and not found - {MarketType.SPOT}:
        # it trades contracts and does not say which: nearly all are linear
        found.add(MarketType.FUTURES)
    return frozenset(found)


def features_of(facts: Any, market_type: MarketType, method: str) -> dict[str, Any]:
    """Return what ccxt declares of one of its methods for a market type; {} if nothing."""
    features = facts.features or {}
    if market_type is MarketType.SPOT:
        kinds = [features.get("spot")]
    else:
        name = _SUBTYPES[market_type]
        kinds = [(features.get(kind) or {}).get(name) for kind in ("swap", "future")]
    told = next((kind[method] for kind in kinds if kind and kind.get(method)), None)
    return told if isinstance(told, dict) else {}


def amends_in_place(facts: Any, market_type: MarketType) -> bool:
    """Tell whether an order can be changed and keeps its id."""
    name = facts.id.upper()
    if name not in AMENDS_IN_PLACE or facts.has.get("editOrder") is not True:
        return False
    return market_type is MarketType.SPOT or name not in AMENDS_SPOT_ONLY
