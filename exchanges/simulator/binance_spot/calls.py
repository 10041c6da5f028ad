"""
The WebSocket API's part of the door: the end points of REST, and sessions, over one connection.

A request is `{"id", "method", "params"}`, an answer `{"id", "status", "result"|"error",
"rateLimits"}`. Signatures cover the parameters sorted by name and not encoded. On a connection that
has logged on, requests need neither key nor signature.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from exchanges.simulator import auth
from exchanges.simulator.binance_rest import check_permission
from exchanges.simulator.binance_spot.rest import SpotRest
from exchanges.simulator.call import Asked, Security, encode
from exchanges.simulator.errors import ApiError, invalid_key, missing
from exchanges.simulator.rest_dialect import CUT, OK, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.binance_spot.house import SpotExchange
    from exchanges.simulator.call import Endpoint

#: methods of the WebSocket API and the end points of REST that do the same
METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "ping": ("GET", "ping"),
    "time": ("GET", "time"),
    "exchangeInfo": ("GET", "exchangeInfo"),
    "klines": ("GET", "klines"),
    "ticker.price": ("GET", "ticker/price"),
    "ticker.book": ("GET", "ticker/bookTicker"),
    "ticker.24hr": ("GET", "ticker/24hr"),
    "order.place": ("POST", "order"),
    "order.test": ("POST", "order/test"),
    "order.cancel": ("DELETE", "order"),
    "order.status": ("GET", "order"),
    "order.amend.keepPriority": ("PUT", "order/amend/keepPriority"),
    "order.amendments": ("GET", "order/amendments"),
    "openOrders.status": ("GET", "openOrders"),
    "openOrders.cancelAll": ("DELETE", "openOrders"),
    "allOrders": ("GET", "allOrders"),
    "myTrades": ("GET", "myTrades"),
    "account.status": ("GET", "account"),
    "account.commission": ("GET", "account/commission"),
}
#: how the header of an `Asked` names who has logged on
LOGGED_ON: Final = "logged-on"
WEIGHT: Final = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
NO_JSON: Final = "Parameters could not be parsed: invalid JSON."


class SpotCalls(SpotRest):
    """Binance spot over one WebSocket connection."""

    def __init__(
        self,
        house: SpotExchange,
        endpoints: Iterable[Endpoint],
        sessions: Mapping[str, Endpoint],
        *,
        tells_limits: bool = True,
    ) -> None:
        """`sessions` are the methods that concern the connection itself."""
        super().__init__(house, endpoints)
        by_name = {(each.method, each.name): each for each in self.endpoints.values()}
        self._methods = {name: by_name[key] for name, key in METHODS.items()} | dict(sessions)
        self._tells_limits = tells_limits

    def route(self, asked: Asked) -> Route | None:
        """By the method's name. Raises -1135 for what is no JSON, -1020 for what is no method."""
        sent = read(asked.body)
        endpoint = self._methods.get(str(sent.get("method")))
        if endpoint is None:
            raise ApiError(-1020, "This operation is not supported.")
        params = sent.get("params") or {}
        if not isinstance(params, dict):
            raise ApiError(-1135, NO_JSON)
        texts = {str(name): as_text(value) for name, value in params.items()}
        return Route(asked=asked, house=self.house, endpoint=endpoint, params=texts)

    def caller(self, asked: Asked) -> str | None:
        """Who has logged on, or the key among the parameters."""
        try:
            named = read(asked.body).get("params") or {}
            return str(named["apiKey"])
        except (ApiError, KeyError, TypeError):
            return asked.headers.get(LOGGED_ON)

    def authenticate(self, route: Route) -> Account:
        """By the session, or by key and signature; and by time."""
        account = self._caller_of(route)
        if route.endpoint.security is Security.SIGNED:
            check_permission(route, account)
        return account

    def _caller_of(self, route: Route) -> Account:
        if route.params.get("signature") or LOGGED_ON not in route.asked.headers:
            return self.signer(route.params)
        account = self.house.accounts.get(route.asked.headers[LOGGED_ON])
        if account is None:
            raise invalid_key()
        if route.endpoint.security is Security.SIGNED:
            auth.check_time(route.params, self.house.clock.now())
        return account

    def signer(self, params: Mapping[str, str]) -> Account:
        """Who has signed these parameters. Raises -1102, -1021, -1022, -2015."""
        for name in ("apiKey", "signature"):
            if not params.get(name):
                raise missing(name)
        account = auth.account_of(self.house.accounts, params["apiKey"])
        auth.check_payload(account, payload_of(params), params["signature"])
        auth.check_time(params, self.house.clock.now())
        return account

    def success(self, route: Route, answer: object) -> Reply:
        """Status and result."""
        return Reply(body=self._frame(route.asked, OK, b'"result":' + encode(answer)))

    def refusal(self, asked: Asked, error: ApiError) -> Reply:
        """Status and error; limits tell until when."""
        told: dict[str, Any] = {"code": error.code, "msg": error.message}
        if error.retry_after is not None:
            now = self.house.clock.now()
            told["data"] = {"serverTime": now, "retryAfter": now + error.retry_after * 1000}
        body = b'"error":' + orjson.dumps(told)
        return Reply(status=error.status, body=self._frame(asked, error.status, body))

    def failure(self, asked: Asked, status: int, retry_after: int | None) -> Reply:
        """As REST, where it has words for it; else the connection breaks."""
        reply = super().failure(asked, status, retry_after)
        return reply if reply.content_type == "application/json" else CUT

    def lost(self, asked: Asked, how: str) -> Reply:
        """There is no page in front of a socket: what is no JSON breaks the connection."""
        return CUT if how == "502" else super().lost(asked, how)

    def headers(self, _route: Route) -> Mapping[str, str]:
        """Limits are told in the frame."""
        return {}

    def _frame(self, asked: Asked, status: int, body: bytes) -> bytes:
        limits = b""
        if self._tells_limits:
            used = {"limit": self.house.config.weight_limit, "count": self.house.limits.used_weight}
            limits = b',"rateLimits":' + orjson.dumps([{**WEIGHT, **used}])
        number = orjson.dumps(id_of(asked.body))
        return b'{"id":%s,"status":%d,%s%s}' % (number, status, body, limits)


def read(text: str) -> dict[str, Any]:
    """A request; numbers that are not whole keep their digits. Raises -1135."""
    try:
        sent = json.loads(text, parse_float=str)
    except ValueError as error:
        raise ApiError(-1135, NO_JSON) from error
    if not isinstance(sent, dict):
        raise ApiError(-1135, NO_JSON)
    return sent


def id_of(text: str) -> str | int | None:
    """The id to answer with, as far as it can be read."""
    try:
        number = read(text).get("id")
    except ApiError:
        return None
    return number if isinstance(number, str | int) else None


def as_text(value: object) -> str:
    """A parameter as it is signed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value) if value is not None else ""


def payload_of(params: Mapping[str, str]) -> str:
    """What is signed: everything but the signature, sorted by name, not encoded."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
