"""
The REST side: one door for every request, from its bytes to its answer.

In this order: ban, weight, faults that strike before anything happens, key, signature, time, the
end point itself, faults that strike the answer. A request that is refused early has done nothing;
one whose answer is lost (`accept_but_lose_answer`) has done everything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from aiohttp import web

from exchanges.simulator import (
    auth,
    rest_account,
    rest_algo,
    rest_market,
    rest_orders,
    rest_streams,
    rest_trades,
)
from exchanges.simulator.call import Call, Endpoint, Security, encode
from exchanges.simulator.errors import BAD_REQUEST, ApiError, invalid_key
from exchanges.simulator.switches import Trigger, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.faults import Faults

MODULES: Final = (rest_orders, rest_trades, rest_account, rest_streams, rest_market, rest_algo)
JSON: Final = "application/json"
#: what a server in trouble says instead of JSON, and what Binance says with which status
GARBAGE: Final = b"<html><body>Bad gateway</body></html>"
OUTCOME_UNKNOWN: Final = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)
BANNED: Final = (
    "Way too many requests; IP(127.0.0.1) banned. "
    "Please use the websocket for live updates to avoid bans."
)
OVERLOADED: Final = (
    "Server is currently overloaded with other requests. Please try again in a few minutes."
)
STATUS_BODIES: Final[Mapping[int, tuple[int, str]]] = {
    400: (-1000, "An unknown error occurred while processing the request."),
    408: (-1007, OUTCOME_UNKNOWN),
    418: (-1003, BANNED),
    429: (-1003, "Too many requests; please use the websocket for live updates."),
    500: (-1001, "Internal error; unable to process your request. Please try again."),
    503: (-1008, OVERLOADED),
}
UNKNOWN_ERROR: Final = "Unknown error, please check your request or try again later."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer on its way out; `is_cut` drops the connection instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    retry_after: int | None = None
    is_cut: bool = False


class RestApi:
    """All end points of one exchange."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        """Collect the end points of every module."""
        self._exchange = exchange
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            (endpoint.method, endpoint.path): endpoint
            for module in MODULES
            for endpoint in module.endpoints()
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        endpoint = self._endpoints.get((request.method, path))
        if endpoint is None:
            return web.Response(status=404, text="<html>404 Not Found</html>")
        body = (await request.read()).decode() if request.can_read_body else ""
        label, api_key = f"{endpoint.method} {endpoint.name}", request.headers.get("X-MBX-APIKEY")
        self._exchange.requests[label] += 1
        faults = self._exchange.board.of(api_key)
        reply = self._answer(endpoint, query, body, api_key, faults)
        if reply.status != 200:  # noqa: PLR2004
            self._exchange.refused[label] += 1
        latency = pick(faults.rest_latency_ms, endpoint.method, endpoint.name)
        if latency:
            await asyncio.sleep(latency / 1000)
        return self._send(request, reply, api_key)

    def _answer(
        self, endpoint: Endpoint, query: str, body: str, api_key: str | None, faults: Faults
    ) -> Reply:
        params = dict(parse_qsl(query, keep_blank_values=True))
        params.update(parse_qsl(body, keep_blank_values=True))
        try:
            self._exchange.limits.check_ban()
            self._exchange.limits.spend(endpoint.cost(params))
            early = self._early(endpoint, faults)
            if early:
                return early
            account = self._authenticate(endpoint, query, body, api_key, params)
            return self._run(endpoint, params, account, faults)
        except ApiError as error:
            return refusal(error)

    def _early(self, endpoint: Endpoint, faults: Faults) -> Reply | None:
        status = self._strike(faults.rest_status, endpoint)
        if status:
            return status_reply(int(status.value), status.retry_after)
        lost = self._strike(faults.refuse_and_lose_answer, endpoint)
        return lost_reply(str(lost.value)) if lost else None

    def _strike(self, named: Mapping[str, Trigger], endpoint: Endpoint) -> Trigger | None:
        trigger = pick(named, endpoint.method, endpoint.name)
        if trigger and trigger.strikes(self._exchange.rest_chance):
            return trigger
        return None

    def _authenticate(
        self,
        endpoint: Endpoint,
        query: str,
        body: str,
        api_key: str | None,
        params: Mapping[str, str],
    ) -> Account | None:
        if endpoint.security is Security.NONE:
            return None
        account = auth.account_of(self._exchange.accounts, api_key)
        if self._exchange.board.of(account.api_key).invalid_key:
            raise invalid_key()
        if endpoint.security is Security.SIGNED:
            auth.check_signature(account, query, body)
            auth.check_time(params, self._exchange.clock.now())
        if endpoint.counts_as_order:
            self._exchange.limits.count_order(account.api_key)
        return account

    def _run(
        self,
        endpoint: Endpoint,
        params: Mapping[str, str],
        account: Account | None,
        faults: Faults,
    ) -> Reply:
        call = Call(
            exchange=self._exchange,
            params=params,
            method=endpoint.method,
            name=endpoint.name,
            faults=faults,
            signer=account,
        )
        body = encode(endpoint.handler(call))
        lost = self._strike(faults.accept_but_lose_answer, endpoint)
        if lost:
            return lost_reply(str(lost.value))
        if self._strike(faults.rest_empty, endpoint):
            return Reply()
        if self._strike(faults.rest_garbage, endpoint):
            return Reply(body=GARBAGE, content_type="text/html")
        return Reply(body=body)

    def _send(self, request: web.Request, reply: Reply, api_key: str | None) -> web.Response:
        if reply.is_cut and request.transport is not None:
            request.transport.abort()
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._exchange.limits.used_weight)}
        if reply.retry_after is not None:
            headers["Retry-After"] = str(reply.retry_after)
        if request.path.endswith("rder") and api_key:
            short, long = self._exchange.limits.order_counts(api_key)
            headers["X-MBX-ORDER-COUNT-10S"] = str(short)
            headers["X-MBX-ORDER-COUNT-1M"] = str(long)
        return web.Response(
            status=reply.status, body=reply.body, headers=headers, content_type=reply.content_type
        )


def refusal(error: ApiError) -> Reply:
    """What the exchange says when it refuses."""
    body = encode({"code": error.code, "msg": error.message})
    return Reply(status=error.status, body=body, retry_after=error.retry_after)


def status_reply(status: int, retry_after: int | None) -> Reply:
    """A failure of the servers in front: nothing has happened."""
    found = STATUS_BODIES.get(status)
    if found is None:
        return Reply(status=status, body=GARBAGE, content_type="text/html")
    if status in {418, 429} and retry_after is None:
        retry_after = 1
    body = encode({"code": found[0], "msg": found[1]})
    return Reply(status=status, body=body, retry_after=retry_after)


def lost_reply(how: str) -> Reply:
    """What arrives instead of the answer: nothing, or that the outcome is unknown."""
    if how == "502":
        return Reply(status=502, body=GARBAGE, content_type="text/html")
    if how == "503":
        return Reply(status=503, body=encode({"code": -1000, "msg": UNKNOWN_ERROR}))
    if how == "-1007":
        return Reply(status=408, body=encode({"code": -1007, "msg": OUTCOME_UNKNOWN}))
    return Reply(status=BAD_REQUEST, is_cut=True)
