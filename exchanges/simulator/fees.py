"""
What a fill of a contract costs, and in which asset.

An account may pay its commissions in another asset, as Binance's "pay fees with BNB" does: the
amount is turned by that asset's market price at the moment of the fill, and does not leave the
wallet, which holds the settlement asset alone. Without such a market it pays as everybody does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator.act_terms import Terms, market
from exchanges.simulator.amounts import EXACT, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from typing import Any

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market


def charged(
    account: Account, markets: Mapping[str, Market], quote: str, worth: Decimal
) -> tuple[Decimal, str]:
    """The commission of a fill and its asset; `worth` is what it costs in the quote asset."""
    asset = account.fee_asset
    found = markets.get(f"{asset}{quote}") if asset else None
    if found is None:
        return rounded(worth), quote
    return rounded(EXACT.divide(worth, found.price)), asset


def fee_asset(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Pay commissions in `asset` from now on ("": in the settlement asset)."""
    asset = str(terms.get("asset", ""))
    if asset:
        quotes = {each.rules.quote for each in exchange.engine.markets.values()}
        if not any(f"{asset}{quote}" in exchange.engine.markets for quote in quotes):
            market(exchange, f"{asset}USDT")
    account.fee_asset = asset
    return {"fee_asset": asset}
