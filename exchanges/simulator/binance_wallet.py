"""
What Binance tells of a key: one end point under `/sapi`, the same for every market type.

It stands before all houses, for a key is the account's and not a market's. Where spot is not open
its clock is here as well, since requests to this host are timed by it. Source: Wallet "Get API Key
Permission".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.binance_rest import BinanceRest
from exchanges.simulator.call import Asked, Call, Endpoint, Json, Security
from exchanges.simulator.key_terms import KeyTerms
from exchanges.simulator.rest import RestDoor
from exchanges.simulator.rest_dialect import Route
from exchanges.simulator.rest_market import server_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from exchanges.simulator.exchange import SimulatedExchange

CREATED: Final = 1_698_645_219_000


def restrictions(call: Call) -> Json:
    """GET account/apiRestrictions."""
    terms = call.account.permissions
    found: Json = {
        "ipRestrict": terms.ip_bound,
        "createTime": CREATED,
        "enableReading": True,
        "enableWithdrawals": terms.can_withdraw,
        "enableInternalTransfer": terms.can_transfer,
        "permitsUniversalTransfer": terms.can_transfer,
        "enableMargin": False,
        "enableFutures": terms.can_trade,
        "enableSpotAndMarginTrading": terms.can_trade,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": True,
    }
    return found | (
        {"tradingAuthorityExpirationTime": terms.expires_at} if terms.expires_at else {}
    )


def endpoints() -> list[Endpoint]:
    """What is served here."""
    return [
        Endpoint(name="account/apiRestrictions", root="/sapi", method="GET", handler=restrictions),
        Endpoint(
            name="time",
            root="/api",
            version="v3",
            method="GET",
            handler=server_time,
            security=Security.NONE,
        ),
    ]


class WalletRest(BinanceRest):
    """The wallet's end points before all houses."""

    def __init__(self, houses: Mapping[str, SimulatedExchange]) -> None:
        """`houses` by market type."""
        self._houses = tuple(houses.values())
        super().__init__(self._houses[0], endpoints())

    def route(self, asked: Asked) -> Route | None:
        """To a house that knows the key, the one that was told something of it if there is one."""
        route = super().route(asked)
        if route is None:
            return None
        return Route(
            asked=asked,
            house=self._house_of(self.caller(asked)),
            endpoint=route.endpoint,
            params=route.params,
        )

    def headers(self, _route: Route) -> Mapping[str, str]:
        """What is used of this host's own limit, which nobody reaches."""
        return {"X-SAPI-USED-IP-WEIGHT-1M": "1"}

    def _house_of(self, key: str | None) -> SimulatedExchange:
        knowing = [house for house in self._houses if key in house.accounts]
        for house in knowing:
            if key and house.accounts[key].permissions != KeyTerms():
                return house
        return next(iter(knowing), self.house)


def add_routes(app: web.Application, houses: Mapping[str, SimulatedExchange]) -> None:
    """Register the wallet's paths."""
    door = RestDoor(WalletRest(houses))
    app.router.add_route("*", "/sapi/v1/account/{rest:.*}", door.handle)
    if "SPOT" not in houses:
        app.router.add_get("/api/v3/time", door.handle)
