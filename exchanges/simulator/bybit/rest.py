"""
Bybit's part of the REST door: envelopes, headers, retCodes, and which house a category means.

One door stands before all houses, since every path serves them all. A request without a category
goes to the first house that knows its key. An account that exists in one house exists in the
others with nothing in it. Limits are the address's (403 with a page) and the account's per end
point and second (10006). Source: "Integration Guidance", "Rate Limit Rules" of v5.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit import (
    auth,
    clocks,
    errors,
    params,
    rest_batch,
    rest_executions,
    rest_key,
    rest_market,
    rest_orders,
    words,
)
from exchanges.simulator.bybit.config import config_of
from exchanges.simulator.bybit.endpoints import AMENDS, ORDERS, READS, Extended
from exchanges.simulator.bybit.rest_account import SharedEndpoints
from exchanges.simulator.bybit.rest_wallet import WalletEndpoints
from exchanges.simulator.call import Security, encode
from exchanges.simulator.errors import NOT_FOUND, ApiError
from exchanges.simulator.limits import BAN, HOLDER, Charge
from exchanges.simulator.rest_dialect import CUT, HTML, Reply, Route, bad_gateway, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.call import Asked, Json
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.limits import LimitReached

SECOND: Final = 1.0
#: how many amendments a second any category allows
AMENDS_PER_SECOND: Final = 10
#: categories that exist, and may be closed here
CATEGORIES: Final = frozenset({*words.MARKET_TYPE, "option"})
FORBIDDEN: Final = b"<html><body>403 Forbidden: access too frequent</body></html>"
TOO_MANY: Final = 429
#: spot's own words for an unknown outcome, by the end of the path
TIMEOUTS: Final = {
    "order/create": (170146, "Order creation timeout."),
    "order/create-batch": (170146, "Order creation timeout."),
    "order/cancel": (170147, "Order cancellation timeout."),
}


class BybitRest:
    """Bybit v5 before its houses. Implements `rest_dialect.RestDialect`."""

    def __init__(self, houses: Mapping[str, SimulatedExchange]) -> None:
        """`houses` by market type."""
        self._houses = houses
        self._first = next(iter(houses.values()))
        modules = (rest_orders, rest_batch, rest_executions, rest_key, rest_market)
        self._endpoints = table([
            *(endpoint for module in modules for endpoint in module.endpoints()),
            *SharedEndpoints(houses.values()).endpoints(),
            *WalletEndpoints(houses.values()).endpoints(),
        ])  # fmt: skip

    def route(self, asked: Asked) -> Route | None:
        """By method, path and category."""
        endpoint = self._endpoints.get((asked.method, asked.path))
        if endpoint is None:
            return None
        named = params.read(asked)
        house = self._house_of(asked, named.get("category", ""))
        if house is None and endpoint.security is Security.NONE:
            named, house = {**named, "symbol": NOWHERE}, self._first
        if house is None:
            text = "category invalid"
            raise errors.bad_parameter(text)
        return Route(asked=asked, house=house, endpoint=endpoint, params=named)

    def _house_of(self, asked: Asked, category: str) -> SimulatedExchange | None:
        if category:
            return self._houses.get(words.MARKET_TYPE.get(category, ""))
        known = (house for house in self._houses.values() if self.caller(asked) in house.accounts)
        return next(known, self._first)

    def nowhere(self, _asked: Asked) -> Reply:
        """A page."""
        return Reply(status=NOT_FOUND, body=b"<html>404 Not Found</html>", content_type=HTML)

    def caller(self, asked: Asked) -> str | None:
        """The key of the header."""
        return asked.headers.get(auth.KEY)

    def authenticate(self, route: Route) -> Account:
        """The account in the house that is asked, opened with nothing if it is another's."""
        api_key = self.caller(route.asked) or ""
        holders = [house for house in self._houses.values() if api_key in house.accounts]
        known = holders[0].accounts if holders else route.house.accounts
        now = clocks.now(self._houses.values())
        account = auth.check(route.asked, known, now)
        rest_key.check(account.permissions, now, changes=route.endpoint.method != "GET")
        return route.house.engine.open_account(account.api_key, account.api_secret, {})

    def charges(self, route: Route, account: Account | None) -> Sequence[Charge]:
        """So many requests per account, end point and second."""
        if account is None or not route.house.config.enforce_limits:
            return ()
        counted = rest_batch.count(route.asked) if route.endpoint.name == rest_batch.NAME else 1
        return (self._ceiling(route, account.api_key),) * counted

    def _ceiling(self, route: Route, holder: str) -> Charge:
        config = config_of(route.house)
        limit = {
            READS: config.reads_per_second,
            ORDERS: config.orders_per_second,
            AMENDS: AMENDS_PER_SECOND,
        }[route.endpoint.pools[0]]
        pool = f"{route.house.market_type} {route.endpoint.name}"
        return Charge(holder=holder, pool=pool, limit=limit, period=SECOND)

    def invalid_key(self) -> ApiError:
        """33004: keys expire."""
        return errors.expired_key()

    def limited(self, reached: LimitReached) -> ApiError:
        """10006 for an account, a page for an address."""
        if reached.kind == HOLDER:
            return errors.too_many_visits()
        # a ban that was imposed says how long it lasts
        return errors.too_frequent(reached.retry_after if reached.kind == BAN else None)

    def success(self, _route: Route, answer: object) -> Reply:
        """The answer in its envelope."""
        if isinstance(answer, Extended):
            return self._envelope(0, "OK", answer.result, answer.extra)
        return self._envelope(0, "OK", answer)

    def _envelope(
        self, code: int | str, text: str, result: object, extra: Json | None = None
    ) -> Reply:
        body = {
            "retCode": code,
            "retMsg": text,
            "result": result,
            "retExtInfo": extra or {},
            "time": clocks.now(self._houses.values()),
        }
        return Reply(body=encode(body))

    def refusal(self, _asked: Asked, error: ApiError) -> Reply:
        """An envelope without a result; 403 is a page."""
        if error.status == errors.FORBIDDEN:
            return Reply(
                status=errors.FORBIDDEN,
                body=FORBIDDEN,
                content_type=HTML,
                retry_after=error.retry_after,
            )
        return self._envelope(error.code, error.message, {})

    def failure(self, _asked: Asked, status: int, _retry_after: int | None) -> Reply:
        """429 is the system's own protection and JSON; everything else is a page."""
        if status == errors.OK:
            return self._envelope(10016, "Server error", {})
        if status == errors.FORBIDDEN:
            return Reply(status=status, body=FORBIDDEN, content_type=HTML)
        if status == TOO_MANY:
            text = "The trading service is experiencing a high server load. Please retry."
            return Reply(status=status, body=self._envelope(status, text, {}).body)
        return bad_gateway(status)

    def lost(self, asked: Asked, how: str) -> Reply:
        """10000, or spot's own codes: the outcome is not known."""
        if how in {"502", "503"}:
            return bad_gateway(int(how))
        if how != "drop":
            is_spot = params.read(asked).get("category") == words.SPOT
            own = TIMEOUTS.get(asked.path.removeprefix("/v5/")) if is_spot else None
            code, text = own or (10000, "Server Timeout")
            return self._envelope(code, text, {})
        return CUT

    def headers(self, route: Route) -> Mapping[str, str]:
        """What is left of the account's ceiling for this end point."""
        api_key = self.caller(route.asked)
        if not api_key or not route.endpoint.pools:
            return {}
        charge, limits = self._ceiling(route, api_key), route.house.limits
        left = max(0, charge.limit - limits.used(charge))
        now = time.time()
        reset = now if left else int(now) + SECOND
        return {
            "X-Bapi-Limit": str(charge.limit),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str(int(reset * 1000)),
        }


#: no symbol is called so: what is asked of a closed category finds nothing
NOWHERE: Final = "-"
