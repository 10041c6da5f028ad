"""
Requests by API: what was asked for and what became of it; take back what waits, settle what is
in doubt.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from exchanges.messages import MarketType
from tracking.api.errors import Problem
from tracking.api.filters import OfAccountFilter
from tracking.api.order_bodies import SettlementSerializer
from tracking.api.order_serializers import (
    RequestDetailSerializer,
    RequestSerializer,
)
from tracking.api.parsers import ExactJson
from tracking.api.placing import body_of, number_in
from tracking.api.rows import OwnRows
from tracking.models import OrderRequest, RequestAction, RequestOutcome, RequestSource
from tracking.models.fields import choices
from tracking.services import order_review, waiting_queue
from tracking.services.repairs import RepairRefusedError

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class OrderRequestFilter(OfAccountFilter):
    """Requests; `outcome=NEEDS_REVIEW` are those a person has to look at."""

    outcome = filters.MultipleChoiceFilter(choices=choices(RequestOutcome))
    action = filters.ChoiceFilter(choices=choices(RequestAction))
    source = filters.ChoiceFilter(choices=choices(RequestSource))
    strategy = filters.CharFilter(field_name="strategy_account__strategy__slug")
    strategy_account = filters.NumberFilter(field_name="strategy_account_id")
    market_type = filters.ChoiceFilter(choices=choices(MarketType))
    symbol = filters.CharFilter()
    idempotency_key = filters.CharFilter()
    client_order_id = filters.CharFilter()
    exchange_order_id = filters.CharFilter()
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")


def requests_of(user_id: int) -> QuerySet[OrderRequest]:
    """Give what the user has asked for."""
    return OrderRequest.objects.filter(user_id=user_id).select_related("failure")


class OrderRequests(OwnRows[Any]):
    """What was asked for, whoever asked: API, webhook, admin, retry."""

    rows = staticmethod(requests_of)
    serializer_class = RequestSerializer
    filterset_class = OrderRequestFilter
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
    parser_classes = (ExactJson,)

    def get_serializer_class(self) -> type[RequestSerializer]:
        """Tell more of one than of many."""
        return RequestSerializer if self.action == "list" else RequestDetailSerializer

    @extend_schema(
        request=None,
        responses=RequestDetailSerializer,
        operation_id="order_request_withdraw",
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take back an order that waits for room; 409 if it does not wait any more."""
        del pk
        asked: OrderRequest = self.get_object()
        if not waiting_queue.withdraw(asked, actor=request.user.get_username()):
            asked.refresh_from_db()
            told = f"expected a request that waits, was {asked.outcome}"
            raise Problem(HTTPStatus.CONFLICT, told, code="not_waiting")
        return Response(RequestDetailSerializer(self.get_object()).data)

    @extend_schema(
        request=SettlementSerializer,
        responses=RequestDetailSerializer,
        operation_id="order_request_settle",
    )
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: str) -> Response:
        """Say what became of a request that asking could not settle; kept with your name.

        Which order it is, the exchange is asked about. Staff who may repair settle anybody's.
        """
        asked = _settleable(request).filter(pk=number_in(pk)).first()
        if asked is None:
            raise Http404
        form = SettlementSerializer(data=body_of(request))
        form.is_valid(raise_exception=True)
        _settle(asked, form.validated_data, actor=request.user)
        settled = _settleable(request).get(pk=asked.pk)
        return Response(RequestDetailSerializer(settled).data)


def _settleable(request: Request) -> QuerySet[OrderRequest]:
    if request.user.is_staff and request.user.has_perm("tracking.add_repair"):
        return OrderRequest.objects.select_related("failure")
    return requests_of(request.user.pk or 0)


def _settle(asked: OrderRequest, told: dict[str, Any], *, actor: Any) -> None:
    order_id, reason = told.get("exchange_order_id"), told["reason"]
    try:
        if order_id:
            order_review.say_which_order(asked, order_id, actor=actor, reason=reason)
        else:
            order_review.say_not_accepted(asked, actor=actor, reason=reason)
    except RepairRefusedError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error), code="repair_refused") from error
