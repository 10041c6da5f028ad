"""
Binance's part of the REST door: keys, signatures and times; weights, order counts and bans.

One of these stands before each house. Parameters come in the query and in the form body; codes,
texts and statuses are those of Binance's error table and "General Info" pages.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from exchanges.simulator import auth
from exchanges.simulator.call import Asked, Security, encode
from exchanges.simulator.errors import (
    NOT_FOUND,
    TEAPOT,
    TOO_MANY_REQUESTS,
    ApiError,
    invalid_key,
)
from exchanges.simulator.limits import ADDRESS, BAN, Charge
from exchanges.simulator.rest_dialect import CUT, HTML, Reply, Route, bad_gateway, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.call import Endpoint
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.limits import LimitReached

KEY: Final = "X-MBX-APIKEY"
OUTCOME_UNKNOWN: Final = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)
BANNED: Final = (
    "Way too many requests; IP(127.0.0.1) banned{until}. "
    "Please use the websocket for live updates to avoid bans."
)
OVERLOADED: Final = (
    "Server is currently overloaded with other requests. Please try again in a few minutes."
)
STATUS_BODIES: Final[Mapping[int, tuple[int, str]]] = {
    400: (-1000, "An unknown error occurred while processing the request."),
    408: (-1007, OUTCOME_UNKNOWN),
    418: (-1003, BANNED.format(until="")),
    429: (-1003, "Too many requests; please use the websocket for live updates."),
    500: (-1001, "Internal error; unable to process your request. Please try again."),
    503: (-1008, OVERLOADED),
}
#: what a request for several orders is called, and what it costs
BATCH: Final = "batchOrders"
BATCH_COST: Final = 5
UNKNOWN_ERROR: Final = "Unknown error, please check your request or try again later."
TIMEOUT: Final = 408


class BinanceRest:
    """Binance over HTTP before one house. Implements `rest_dialect.RestDialect`."""

    def __init__(self, house: SimulatedExchange, endpoints: Iterable[Endpoint]) -> None:
        """`endpoints` are those of the house."""
        self.house = house
        self.endpoints = table(endpoints)

    def route(self, asked: Asked) -> Route | None:
        """By method and path; parameters of the body follow those of the query."""
        endpoint = self.endpoints.get((asked.method, asked.path))
        if endpoint is None:
            return None
        params = dict(parse_qsl(asked.query, keep_blank_values=True))
        params.update(parse_qsl(asked.body, keep_blank_values=True))
        return Route(asked=asked, house=self.house, endpoint=endpoint, params=params)

    def nowhere(self, _asked: Asked) -> Reply:
        """A page."""
        return Reply(status=NOT_FOUND, body=b"<html>404 Not Found</html>", content_type=HTML)

    def caller(self, asked: Asked) -> str | None:
        """The key of the header."""
        return asked.headers.get(KEY)

    def authenticate(self, route: Route) -> Account:
        """Key, then signature and time where the end point is signed."""
        account = auth.account_of(route.house.accounts, self.caller(route.asked))
        if route.endpoint.security is Security.SIGNED:
            auth.check_signature(account, route.asked.query, route.asked.body)
            auth.check_time(route.params, route.house.clock.now())
            check_permission(route, account)
        return account

    def charges(self, route: Route, account: Account | None) -> Sequence[Charge]:
        """Orders count against the account's two ceilings."""
        if account is None or not route.endpoint.counts_as_order:
            return ()
        ceilings = self.order_ceilings(account.api_key)
        if route.endpoint.name != BATCH:
            return ceilings
        # five of the ten-second ceiling, one of the minute's, whatever is in it
        return (*ceilings, *(ceilings[:1] * (BATCH_COST - 1)))

    def order_ceilings(self, api_key: str) -> tuple[Charge, ...]:
        """How many orders an account may send."""
        config = self.house.config
        return (
            Charge(holder=api_key, pool="10 SECONDS", limit=config.orders_per_10s, period=10.0),
            Charge(holder=api_key, pool="1 MINUTE", limit=config.orders_per_minute, period=60.0),
        )

    def invalid_key(self) -> ApiError:
        """-2015."""
        return invalid_key()

    def limited(self, reached: LimitReached) -> ApiError:
        """-1003 with 418 or 429, or -1015."""
        return limited(reached)

    def success(self, _route: Route, answer: object) -> Reply:
        """The answer as it is."""
        return Reply(body=encode(answer))

    def refusal(self, _asked: Asked, error: ApiError) -> Reply:
        """`{"code": .., "msg": ..}`."""
        body = encode({"code": error.code, "msg": error.message})
        return Reply(status=error.status, body=body, retry_after=error.retry_after)

    def failure(self, asked: Asked, status: int, retry_after: int | None) -> Reply:
        """A code and a text where Binance has them for this status, else a page."""
        found = STATUS_BODIES.get(status)
        if found is None:
            return bad_gateway(status)
        if status in {TEAPOT, TOO_MANY_REQUESTS} and retry_after is None:
            retry_after = 1
        error = ApiError(found[0], found[1], status=status, retry_after=retry_after)
        return self.refusal(asked, error)

    def lost(self, asked: Asked, how: str) -> Reply:
        """503 "Unknown error" and -1007 both mean that the outcome is not known."""
        if how == "502":
            return bad_gateway()
        if how == "503":
            return self.refusal(asked, ApiError(-1000, UNKNOWN_ERROR, status=503))
        if how in {"-1007", "timeout"}:
            return self.refusal(asked, ApiError(-1007, OUTCOME_UNKNOWN, status=TIMEOUT))
        return CUT

    def headers(self, route: Route) -> Mapping[str, str]:
        """What is used of the limits."""
        limits = self.house.limits
        headers = {"X-MBX-USED-WEIGHT-1M": str(limits.used_weight)}
        api_key = self.caller(route.asked)
        if api_key and route.asked.path.endswith(("rder", BATCH)):
            for charge in self.order_ceilings(api_key):
                number, unit = charge.pool.split(" ")
                headers[f"X-MBX-ORDER-COUNT-{number}{unit[0]}"] = str(limits.used(charge))
        return headers


def check_permission(route: Route, account: Account) -> None:
    """A key that may not trade changes nothing (-2015)."""
    is_read = route.endpoint.method == "GET"
    if not is_read and not account.permissions.may_trade(route.house.clock.now()):
        raise invalid_key()


def limited(reached: LimitReached) -> ApiError:
    """What Binance says when a limit is reached."""
    if reached.kind == BAN:
        until = int((time.time() + reached.retry_after) * 1000)
        text, code, status = BANNED.format(until=f" until {until}"), -1003, TEAPOT
    elif reached.kind == ADDRESS:
        limit = f"current limit of IP(127.0.0.1) is {reached.limit} requests per minute."
        text, code, status = f"Too many requests; {limit}", -1003, TOO_MANY_REQUESTS
    else:
        limit = f"current limit is {reached.limit} orders per {reached.pool}."
        text, code, status = f"Too many new orders; {limit}", -1015, TOO_MANY_REQUESTS
    return ApiError(code, text, status=status, retry_after=reached.retry_after)
