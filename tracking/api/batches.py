"""
Placing a list of orders: each has a result of its own, as if it had been sent alone.

What makes sense is committed together and handed on together, so that an exchange that takes lists
gets one. An order whose key was used for another one takes nothing else down with it.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from rest_framework.exceptions import APIException

from tracking.api.errors import Problem, document_of
from tracking.api.order_serializers import (
    RequestSerializer,
)
from tracking.api.placing import (
    KEY_FIELD,
    KEY_HEADER,
    known_keys,
    order_problems,
    send,
    wanted_by,
)
from tracking.services.order_intents import InvalidOrderError
from tracking.services.order_requests import RequestMismatchError, accept
from tracking.services.request_keys import derived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request

    from tracking.models import OrderRequest
    from tracking.services.order_requests import Wanted

MOST_ORDERS: Final = 50


@dataclass(slots=True)
class Line:
    """One order of a batch, and what has become of it."""

    wanted: Wanted | None = None
    request: OrderRequest | None = None
    is_known: bool = False
    problem: dict[str, Any] | None = None


def place(request: Request, *, wait: float) -> list[dict[str, Any]]:
    """Accept what makes sense, hand it on, and give a result for each order."""
    lines = [_read(request, place, body) for place, body in enumerate(_bodies(request))]
    _refuse_twins(lines)
    readable = [line for line in lines if line.wanted is not None]
    keys = [line.wanted.key for line in readable if line.wanted]
    known = known_keys(request.user.pk or 0, keys)
    _accept(readable)
    made = [line.request for line in lines if line.request is not None]
    now = {sent.pk: sent for sent in send(made, wait=wait)}
    for line in readable:
        if line.request is not None:
            line.request = now[line.request.pk]
            line.is_known = line.request.idempotency_key in known
    return [_result(line) for line in lines]


def _bodies(request: Request) -> list[Any]:
    told = request.data
    if not isinstance(told, list) or not 0 < len(told) <= MOST_ORDERS:
        message = f"expected a list of 1 to {MOST_ORDERS} orders"
        raise Problem(HTTPStatus.BAD_REQUEST, message, code="invalid")
    return told


def _read(request: Request, place: int, body: Any) -> Line:
    try:
        with order_problems():
            if not isinstance(body, Mapping):
                message = "expected a JSON object"
                raise Problem(HTTPStatus.BAD_REQUEST, message, code="invalid")
            key = _key_of(request, place, body)
            return Line(wanted=wanted_by(request.user.pk or 0, body, key=key))
    except APIException as error:
        return Line(problem=document_of(error, error.status_code))


def _key_of(request: Request, place: int, body: Mapping[str, Any]) -> str:
    own, shared = body.get(KEY_FIELD), request.headers.get(KEY_HEADER)
    if isinstance(own, str) and own:
        return own
    if shared:
        return derived(shared, place)
    message = f"expected an idempotency key: {KEY_HEADER} of all, or {KEY_FIELD} of each order"
    raise Problem(HTTPStatus.BAD_REQUEST, message, code="no_idempotency_key")


def _refuse_twins(lines: Sequence[Line]) -> None:
    """Refuse what has the key of an order before it in the same list."""
    seen: set[str] = set()
    for line in lines:
        if line.wanted is None:
            continue
        if line.wanted.key in seen:
            message = "another order of the list has the same idempotency key"
            error = Problem(HTTPStatus.CONFLICT, message, code="idempotency_key_reused")
            line.problem, line.wanted = document_of(error, error.status_code), None
        else:
            seen.add(line.wanted.key)


def _accept(lines: Sequence[Line]) -> None:
    try:
        requests = accept([line.wanted for line in lines if line.wanted])
    except (RequestMismatchError, InvalidOrderError):
        # one of them: found by asking one by one
        for line in lines:
            _accept_alone(line)
        return
    for line, made in zip(lines, requests, strict=True):
        line.request = made


def _accept_alone(line: Line) -> None:
    try:
        with order_problems():
            line.request = accept([line.wanted] if line.wanted else [])[0]
    except Problem as error:
        line.problem = document_of(error, error.status_code)


def _result(line: Line) -> dict[str, Any]:
    if line.request is None:
        problem = line.problem or {}
        return {"status": problem.get("status"), "request": None, "problem": problem}
    status = HTTPStatus.OK if line.is_known else HTTPStatus.ACCEPTED
    told = RequestSerializer(line.request).data
    return {"status": status.value, "request": told, "problem": None}
