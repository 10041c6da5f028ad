"""
Upbit's part of the REST door: tokens, limits by the second, names of errors.

Prices and markets are counted by address and group, what is signed by pocket; a key stands for its
pocket. Who goes on after a refusal is blocked with 418 for a while. A request with an Origin header
counts in a group of its own. Source: "Rate limits".
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from exchanges.simulator.call import Asked, Security, encode
from exchanges.simulator.errors import NOT_FOUND, TEAPOT, TOO_MANY_REQUESTS, ApiError
from exchanges.simulator.limits import BAN, Charge, Window
from exchanges.simulator.rest_dialect import CUT, Reply, Route, bad_gateway, table
from exchanges.simulator.upbit import errors, rest_market, rest_orders
from exchanges.simulator.upbit.asked import parameters
from exchanges.simulator.upbit.config import config_of
from exchanges.simulator.upbit.token import Tokens, hashed_forms, key_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.limits import LimitReached

CREATED: Final = 201
SECOND: Final = 1.0
ADDRESS: Final = "127.0.0.1"
#: what the header's `min` says for ever
CONSTANT: Final = 60
#: a body of JSON that Upbit sends with these
WORDED: Final = frozenset({errors.SERVER_ERROR, 503})


class UpbitRest:
    """Upbit over HTTP before its house. Implements `rest_dialect.RestDialect`."""

    def __init__(self, house: SimulatedExchange, tokens: Tokens) -> None:
        """`tokens` remembers nonces, those of the socket too."""
        self.house = house
        self._tokens = tokens
        self._endpoints = table((*rest_orders.endpoints(), *rest_market.endpoints()))
        self._refusals = Window(house.config.weight_window)

    def route(self, asked: Asked) -> Route | None:
        """By method and path."""
        endpoint = self._endpoints.get((asked.method, asked.path))
        if endpoint is None:
            return None
        return Route(asked=asked, house=self.house, endpoint=endpoint, params=parameters(asked))

    def nowhere(self, asked: Asked) -> Reply:
        """404 with a name."""
        return self.refusal(asked, ApiError("not_found", asked.path, status=NOT_FOUND))

    def caller(self, asked: Asked) -> str | None:
        """The key that the token names."""
        return key_in(asked.headers.get("Authorization", ""))

    def authenticate(self, route: Route) -> Account:
        """Whose token it is."""
        asked = route.asked
        account = self._tokens.check(
            asked.headers.get("Authorization", ""),
            self.house.accounts,
            hashed_forms(asked.query, asked.body),
        )
        self._check_key(route, account)
        return account

    def _check_key(self, route: Route, account: Account) -> None:
        """Refuse a key whose time is over, and orders of one that may not trade."""
        if account.permissions.has_expired(self.house.clock.now()):
            raise errors.unauthorised(name="expired_access_key")
        if route.endpoint.method != "GET" and not account.permissions.can_trade:
            raise errors.unauthorised(name="out_of_scope")

    def charges(self, route: Route, account: Account | None) -> Sequence[Charge]:
        """One of its group, and of the Origin's where that is named."""
        found = [self._charge(route, account)]
        if is_public(route) and "Origin" in route.asked.headers:
            found.append(origin_charge(self.house))
        return found

    def _charge(self, route: Route, account: Account | None) -> Charge:
        config, (group,) = config_of(self.house), route.endpoint.pools
        if is_public(route):
            limit = config.quotations_per_second
        elif group == rest_orders.ORDER_POOL:
            limit = config.orders_per_second
        else:
            limit = config.requests_per_second
        holder = account.api_key if account else ADDRESS
        return Charge(holder=holder, pool=group, limit=limit, period=SECOND)

    def invalid_key(self) -> ApiError:
        """As if the key had been deleted."""
        return errors.unauthorised("invalid_access_key")

    def limited(self, reached: LimitReached) -> ApiError:
        """429, and 418 for who goes on."""
        if reached.kind == BAN:
            return errors.banned(reached.retry_after)
        config = config_of(self.house)
        if self._refusals.add(time.time(), 1) > config.ban_after:
            self.house.limits.impose(config.ban_seconds)
            return errors.banned(int(config.ban_seconds) + 1)
        return errors.too_many()

    def success(self, route: Route, answer: object) -> Reply:
        """The answer as it is; an order that was made is 201."""
        is_made = route.endpoint.method == "POST"
        return Reply(status=CREATED if is_made else 200, body=encode(answer))

    def refusal(self, _asked: Asked, error: ApiError) -> Reply:
        """`{"error": {"name": .., "message": ..}}`."""
        body = encode({"error": {"name": error.code, "message": error.message}})
        return Reply(status=error.status, body=body)

    def failure(self, asked: Asked, status: int, retry_after: int | None) -> Reply:
        """A limit, a block, a server error; else a page."""
        if status == TOO_MANY_REQUESTS:
            return self.refusal(asked, errors.too_many())
        if status == TEAPOT:
            return self.refusal(asked, errors.banned(retry_after or 1))
        if status in WORDED:
            return self.refusal(asked, errors.refusal("server_error", status))
        return bad_gateway(status)

    def lost(self, asked: Asked, how: str) -> Reply:
        """Nothing that says what became of it."""
        if how == "502":
            return bad_gateway()
        if how in {"503", "timeout", "-1007"}:
            return self.refusal(asked, errors.refusal("server_error", errors.SERVER_ERROR))
        return CUT

    def headers(self, route: Route) -> Mapping[str, str]:
        """What is left of this second, and which second the house has."""
        account = self.house.accounts.get(self.caller(route.asked) or "")
        charge = self._charge(route, None if is_public(route) else account)
        left = max(0, charge.limit - self.house.limits.used(charge))
        minute = charge.limit * CONSTANT
        return {
            "Remaining-Req": f"group={charge.pool}; min={minute}; sec={left}",
            "Date": formatdate(self.house.clock.now() // 1000, usegmt=True),
        }


def is_public(route: Route) -> bool:
    """Whether it is counted by address."""
    return route.endpoint.security is Security.NONE


def origin_charge(house: SimulatedExchange) -> Charge:
    """What a request with an Origin header counts against."""
    period = config_of(house).origin_period
    return Charge(holder=ADDRESS, pool="origin", limit=1, period=period)
