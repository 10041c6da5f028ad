"""
The REST side: one door for every request of every exchange, from its bytes to its answer.

In this order: what is submitted is counted, then ban, weight, faults that strike before anything
happens, key, signature, time, ceilings per account, the end point itself, faults that strike the
answer. What is refused early has done nothing; a request whose answer is lost
(`accept_but_lose_answer`) has done everything. What an exchange says in its own way is its
`RestDialect`; `rest_dialect` tells how to write one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from exchanges.simulator.call import Asked, Call, Security
from exchanges.simulator.errors import ApiError
from exchanges.simulator.limits import LimitReached
from exchanges.simulator.rest_dialect import GARBAGE, HTML, OK, Reply
from exchanges.simulator.switches import Trigger, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.faults import Faults
    from exchanges.simulator.rest_dialect import RestDialect, Route


class RestDoor:
    """All end points of one exchange, or of one of its houses."""

    def __init__(self, dialect: RestDialect) -> None:
        """`dialect` is the exchange's own part."""
        self._dialect = dialect

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP request."""
        path, _, query = request.raw_path.partition("?")
        body = (await request.read()).decode() if request.can_read_body else ""
        reply = await self.answer(
            Asked(method=request.method, path=path, query=query, body=body, headers=request.headers)
        )
        if reply.is_cut and request.transport is not None:
            request.transport.abort()
        return as_response(reply)

    async def answer(self, asked: Asked) -> Reply:
        """Answer a request, whatever brought it."""
        try:
            route = self._dialect.route(asked)
        except ApiError as error:
            return self._dialect.refusal(asked, error)
        if route is None:
            return self._dialect.nowhere(asked)
        house, endpoint = route.house, route.endpoint
        label, faults = f"{endpoint.method} {endpoint.name}", self._faults(route)
        house.requests[label] += 1
        if endpoint.submits:
            house.note_submissions(self._dialect.caller(asked) or "", endpoint.submits(route))
        reply = self._attend(route, faults)
        if not OK <= reply.status < OK + 100:
            house.refused[label] += 1
        latency = pick(faults.rest_latency_ms, endpoint.method, endpoint.name)
        if latency:
            await asyncio.sleep(latency / 1000)
        return reply

    def _faults(self, route: Route) -> Faults:
        return route.house.board.of(self._dialect.caller(route.asked))

    def _attend(self, route: Route, faults: Faults) -> Reply:
        limits = route.house.limits
        try:
            limits.check_ban()
            limits.spend(route.endpoint.cost(route.params))
            reply = self._early(route, faults) or self._late(route, faults)
        except LimitReached as reached:
            reply = self._dialect.refusal(route.asked, self._dialect.limited(reached))
        except ApiError as error:
            reply = self._dialect.refusal(route.asked, error)
        return with_headers(reply, self._dialect.headers(route))

    def _early(self, route: Route, faults: Faults) -> Reply | None:
        status = strike(faults.rest_status, route)
        if status:
            return self._dialect.failure(route.asked, int(status.value), status.retry_after)
        lost = strike(faults.refuse_and_lose_answer, route)
        return self._dialect.lost(route.asked, str(lost.value)) if lost else None

    def _late(self, route: Route, faults: Faults) -> Reply:
        account = self._admit(route, faults)
        endpoint, limits = route.endpoint, route.house.limits
        limits.count(self._dialect.charges(route, account))
        call = Call(
            exchange=route.house,
            params=route.params,
            method=endpoint.method,
            name=endpoint.name,
            faults=faults,
            asked=route.asked,
            signer=account,
        )
        answer = endpoint.handler(call)
        limits.refund(endpoint.refund)
        return self._disturbed(route, faults) or self._dialect.success(route, answer)

    def _admit(self, route: Route, faults: Faults) -> Account | None:
        if route.endpoint.security is Security.NONE:
            return None
        if faults.invalid_key and self._dialect.caller(route.asked) in route.house.accounts:
            raise self._dialect.invalid_key()
        return self._dialect.authenticate(route)

    def _disturbed(self, route: Route, faults: Faults) -> Reply | None:
        lost = strike(faults.accept_but_lose_answer, route)
        if lost:
            return self._dialect.lost(route.asked, str(lost.value))
        if strike(faults.rest_empty, route):
            return Reply()
        if strike(faults.rest_garbage, route):
            return Reply(body=GARBAGE, content_type=HTML)
        return None


def strike(named: Mapping[str, Trigger], route: Route) -> Trigger | None:
    """What strikes this request now, if anything."""
    trigger = pick(named, route.endpoint.method, route.endpoint.name)
    if trigger and trigger.strikes(route.house.rest_chance):
        return trigger
    return None


def with_headers(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """The reply with the exchange's headers and, where it has one, `Retry-After`."""
    told = {**headers, **reply.headers}
    if reply.retry_after is not None:
        told["Retry-After"] = str(reply.retry_after)
    return Reply(
        status=reply.status,
        body=reply.body,
        content_type=reply.content_type,
        retry_after=reply.retry_after,
        is_cut=reply.is_cut,
        headers=told,
    )


def as_response(reply: Reply) -> web.Response:
    """The reply over HTTP."""
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers=reply.headers,
        content_type=reply.content_type,
    )
