"""
What all ways of ordering by API share: whose strategy, under which key, and how it is answered.

An idempotency key makes a repeated call harmless: it comes as the header `Idempotency-Key`, or as
`idempotency_key` in the body. A request is answered when it is committed (202), long before the
exchange has said anything; `?wait=` seconds holds the answer back until the outcome is known.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.throttling import UserRateThrottle

from tracking import tasks
from tracking.api.errors import Problem
from tracking.api.order_bodies import (
    PlacementSerializer,
)
from tracking.models import OrderRequest, RequestSource, StrategyAccount
from tracking.selectors import SECRETS
from tracking.services.order_intents import InvalidOrderError, OrderIntent
from tracking.services.order_requests import RequestMismatchError, Wanted
from tracking.services.outcome_waits import LONGEST_WAIT, wait_for_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rest_framework.request import Request

KEY_FIELD: Final = "idempotency_key"
KEY_HEADER: Final = "Idempotency-Key"
_PLACEMENT: Final = frozenset(PlacementSerializer().fields)
KEY_PARAMETER = OpenApiParameter(
    KEY_HEADER,
    location=OpenApiParameter.HEADER,
    description="the same key again gives the same request; may be `idempotency_key` of the body",
)
WAIT_PARAMETER = OpenApiParameter(
    "wait",
    OpenApiTypes.NUMBER,
    description=f"seconds to wait for the outcome before answering, at most {LONGEST_WAIT:g}",
)
HOW: Final = [KEY_PARAMETER, WAIT_PARAMETER]


class OrderThrottle(UserRateThrottle):
    """Calls that place orders, per user; reading and cancelling are not held up by it."""

    scope = "orders"


def body_of(request: Request) -> Mapping[str, Any]:
    """Give the body, which has to be an object."""
    if not isinstance(request.data, Mapping):
        raise Problem(HTTPStatus.BAD_REQUEST, "expected a JSON object", code="invalid")
    return request.data


def number_in(pk: str) -> int:
    """Give the number a path names; what is none is not found."""
    if not (pk.isascii() and pk.isdecimal() and len(pk) < len(str(2**63))):
        raise Http404
    return int(pk)


def key_of(request: Request, body: Mapping[str, Any]) -> str | None:
    """Give the call's idempotency key, if it has one. Raises Problem for two different ones."""
    in_header, in_body = request.headers.get(KEY_HEADER), body.get(KEY_FIELD)
    if in_body is not None and not isinstance(in_body, str):
        raise ValidationError({KEY_FIELD: ["expected a text"]})
    if in_header and in_body and in_header != in_body:
        told = f"expected one key, were two: {KEY_HEADER} and {KEY_FIELD} differ"
        raise Problem(HTTPStatus.BAD_REQUEST, told, code="two_idempotency_keys")
    return in_header or in_body or None


def required_key(request: Request, body: Mapping[str, Any]) -> str:
    """Give the call's idempotency key. Raises Problem where there is none."""
    key = key_of(request, body)
    if key is None:
        told = f"expected an idempotency key: the header {KEY_HEADER}, or {KEY_FIELD} in the body"
        raise Problem(HTTPStatus.BAD_REQUEST, told, code="no_idempotency_key")
    return key


def use_of(user_id: int, strategy: str, account: str | None) -> StrategyAccount:
    """Find a strategy's use of an account, by slug and name; the only one where none is named.

    What is another user's is not found, as what does not exist.
    """
    uses = StrategyAccount.objects.filter(
        strategy__user_id=user_id,
        strategy__slug=strategy,
        strategy__is_active=True,
        account__user_id=user_id,
        is_active=True,
    ).select_related("account", "strategy")
    uses = uses.defer(*(f"account__{secret}" for secret in SECRETS))
    found = list(uses.filter(account__name=account) if account else uses)
    if not found:
        on_it = " on this account" if account else ""
        told = f"no active strategy of this name{on_it}"
        raise Problem(HTTPStatus.NOT_FOUND, told, code="unknown_strategy")
    if len(found) > 1:
        names = ", ".join(sorted(use.account.name for use in found))
        raise ValidationError({"account": [f"the strategy uses several, expected one of: {names}"]})
    return found[0]


def wanted_by(user_id: int, body: Mapping[str, Any], *, key: str) -> Wanted:
    """Read one order. Raises ValidationError, Problem and InvalidOrderError."""
    asked = PlacementSerializer(data={name: body[name] for name in _PLACEMENT if name in body})
    asked.is_valid(raise_exception=True)
    told = asked.validated_data
    use = use_of(user_id, told["strategy"], told.get("account"))
    intent = OrderIntent.from_body({k: v for k, v in body.items() if k not in _PLACEMENT})
    return Wanted(
        use=use, intent=intent, key=key, source=RequestSource.API, priority=told["priority"]
    )


@contextmanager
def order_problems() -> Iterator[None]:
    """Answer with a problem what makes no sense (400) and a key used for another request (409)."""
    try:
        yield
    except InvalidOrderError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error), code="invalid_order") from error
    except RequestMismatchError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error), code="idempotency_key_reused") from error


def known_keys(user_id: int, keys: Sequence[str]) -> set[str]:
    """Say which keys were used before: their requests are answered with 200, new ones with 202."""
    # what is no key is refused when it is accepted; the database cannot even be asked for it
    readable = [key for key in keys if key.isprintable()]
    used = OrderRequest.objects.filter(user_id=user_id, idempotency_key__in=readable)
    return set(used.values_list("idempotency_key", flat=True))


def send(requests: Sequence[OrderRequest], *, wait: float) -> list[OrderRequest]:
    """Hand requests to the workers; give them as they are after `wait` seconds at most."""
    ids = [made.pk for made in requests]
    if ids:
        tasks.send_requests(ids)
    if not wait or not ids:
        return list(requests)
    wait_for_outcomes(ids, seconds=wait)
    now = OrderRequest.objects.select_related("failure").in_bulk(ids)
    return [now[pk] for pk in ids]


def wait_of(request: Request) -> float:
    """Give the seconds the caller waits. Raises ValidationError, so ask before anything is done."""
    told = request.query_params.get("wait", "0")
    try:
        seconds = float(told)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT:
        raise ValidationError({"wait": [f"expected 0 to {LONGEST_WAIT:g} seconds"]})
    return seconds
