"""
Ordering by API: place, place many, cancel, amend, cancel all.

Each answer is the committed request (202, or 200 for a key that was used before); what the exchange
makes of it comes over the stream, by `GET order-requests/<id>/`, or here with `?wait=`. Nothing is
asked of an exchange while a caller is served.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from exchanges.messages import Side
from tracking import selectors
from tracking.api import batches, rows
from tracking.api.order_bodies import (
    AmendmentSerializer,
    CancelAllSerializer,
    KeySerializer,
    OrderBodySerializer,
)
from tracking.api.order_serializers import (
    BatchSerializer,
    CancelledSerializer,
    RequestSerializer,
)
from tracking.api.parsers import ExactJson
from tracking.api.placing import (
    HOW,
    OrderThrottle,
    body_of,
    key_of,
    known_keys,
    number_in,
    order_problems,
    required_key,
    send,
    wait_of,
    wanted_by,
)
from tracking.models import ExchangeAccount, OrderRequest, RequestAction, RequestSource, Strategy
from tracking.services.cancel_all import CancelFilter, commit_cancel_all
from tracking.services.order_requests import accept, accept_amend, accept_cancel

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from rest_framework.request import Request

    from tracking.models import OpenOrder

ANSWERS = {202: RequestSerializer, 200: RequestSerializer}
SECRETS_OF_ACCOUNT = tuple(f"account__{secret}" for secret in selectors.SECRETS)


@extend_schema_view(
    create=extend_schema(
        request=OrderBodySerializer, responses=ANSWERS, parameters=HOW, operation_id="order_place"
    )
)
class Orders(rows.Orders):
    """Orders of the user who asks, and what may be asked of them."""

    parser_classes = (ExactJson,)
    #: placing has a budget of its own, so that it never holds up a cancel
    placing: ClassVar = frozenset({"create", "batch"})

    def get_throttles(self) -> list[Any]:
        """Count calls that place."""
        mine = [OrderThrottle()] if self.action in self.placing else []
        return [UserRateThrottle(), *mine]

    def create(self, request: Request) -> Response:
        """Place an order. Its key makes a repeated call harmless."""
        body, wait = body_of(request), wait_of(request)
        key = required_key(request, body)
        user_id = request.user.pk or 0
        with order_problems():
            wanted = wanted_by(user_id, body, key=key)
            is_known = bool(known_keys(user_id, [key]))
            requests = accept([wanted])
        return _answer(requests[0], is_known=is_known, wait=wait)

    @extend_schema(
        request=OrderBodySerializer(many=True),
        responses={207: BatchSerializer},
        parameters=HOW,
        operation_id="orders_place",
        filters=False,
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def batch(self, request: Request) -> Response:
        """Place up to 50 orders; each has a result of its own.

        The header's key counts for the whole list; orders with keys of their own keep those.
        """
        wait = wait_of(request)
        results = batches.place(request, wait=wait)
        return Response({"results": results}, status=HTTPStatus.MULTI_STATUS)

    @extend_schema(
        request=KeySerializer, responses=ANSWERS, parameters=HOW, operation_id="order_cancel"
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an order that lives. Without a key each call is one of its own."""
        _read(KeySerializer, request)
        return self._about(
            request,
            pk,
            RequestAction.CANCEL,
            lambda order, key: accept_cancel(order, key=key, source=RequestSource.API),
        )

    @extend_schema(
        request=AmendmentSerializer, responses=ANSWERS, parameters=HOW, operation_id="order_amend"
    )
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, pk: str) -> Response:
        """Change the quantity or the price of an order that lives, where the exchange can."""
        asked = _read(AmendmentSerializer, request)
        terms = {name: asked.get(name) for name in ("quantity", "price")}
        return self._about(
            request,
            pk,
            RequestAction.AMEND,
            lambda order, key: accept_amend(order, **terms, key=key, source=RequestSource.API),
        )

    @extend_schema(
        request=CancelAllSerializer,
        responses={202: CancelledSerializer},
        parameters=HOW,
        operation_id="orders_cancel_all",
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="cancel-all", pagination_class=None)
    def cancel_all(self, request: Request) -> Response:
        """Cancel every order that lives and fits; what was not tried yet is withdrawn."""
        asked, wait = _read(CancelAllSerializer, request), wait_of(request)
        user_id = request.user.pk or 0
        which = _filter(user_id, asked)
        key = key_of(request, body_of(request)) or _new_key("cancel-all")
        with order_problems():
            accepted = commit_cancel_all(user_id, which, key=key, source=RequestSource.API)
        sent = {"requests": send(accepted.requests, wait=wait), "withdrawn": accepted.withdrawn}
        return Response(CancelledSerializer(sent).data, status=HTTPStatus.ACCEPTED)

    def _about(
        self,
        request: Request,
        pk: str,
        what: RequestAction,
        accepting: Callable[[OpenOrder, str], OrderRequest],
    ) -> Response:
        """Ask something of a living order; a key that was used answers when it lives no more."""
        wait, user_id = wait_of(request), request.user.pk or 0
        key = key_of(request, body_of(request)) or _new_key(what.lower())
        known = OrderRequest.objects.filter(
            user_id=user_id, idempotency_key=key, action=what.value
        ).first()
        living = selectors.open_orders_of(user_id).select_related("account")
        order = living.defer(*SECRETS_OF_ACCOUNT).filter(pk=number_in(pk)).first()
        if order is None:
            if known is None:
                raise Http404
            return _answer(known, is_known=True, wait=wait)
        with order_problems():
            made = accepting(order, key)
        return _answer(made, is_known=known is not None, wait=wait)


def _answer(made: OrderRequest, *, is_known: bool, wait: float) -> Response:
    (now,) = send([made], wait=wait)
    status = HTTPStatus.OK if is_known else HTTPStatus.ACCEPTED
    return Response(RequestSerializer(now).data, status=status)


def _read(form: type[KeySerializer], request: Request) -> dict[str, Any]:
    filled = form(data=body_of(request))
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)


def _new_key(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex}"


def _filter(user_id: int, asked: dict[str, Any]) -> CancelFilter:
    """Read which orders; what is another user's is not found."""
    strategies = Strategy.objects.filter(user_id=user_id)
    accounts = ExchangeAccount.objects.filter(user_id=user_id)
    side = asked.get("side")
    return CancelFilter(
        strategy_id=_pk_of(strategies, slug=asked.get("strategy")),
        account_id=_pk_of(accounts, name=asked.get("account")),
        symbol=asked.get("symbol"),
        side=Side(side) if side else None,
    )


def _pk_of(own: QuerySet[Any], **named: str | None) -> int | None:
    if None in named.values():
        return None
    pk: int | None = own.filter(**named).values_list("pk", flat=True).first()
    if pk is None:
        raise Http404
    return pk
