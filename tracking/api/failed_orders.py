"""
Refusals by API: see why in plain words, try again with something changed, or dismiss.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from exchanges.refusals import RefusalKind
from tracking.api.errors import Problem
from tracking.api.filters import OfAccountFilter
from tracking.api.order_bodies import (
    RetrySerializer,
)
from tracking.api.order_serializers import (
    FailureSerializer,
    RequestSerializer,
)
from tracking.api.parsers import ExactJson
from tracking.api.placing import (
    HOW,
    KEY_FIELD,
    OrderThrottle,
    body_of,
    known_keys,
    order_problems,
    required_key,
    send,
    wait_of,
)
from tracking.api.rows import OwnRows
from tracking.models.fields import choices
from tracking.services import failed_orders

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

#: which refusals a list shows
STATES = [("open", "to be dealt with"), ("retried", "tried again"), ("dismissed", "dismissed")]


class FailedOrderFilter(OfAccountFilter):
    """Refusals; `state` is read by the view."""

    state = filters.ChoiceFilter(choices=[*STATES, ("all", "all")], method="in_state")
    kind = filters.ChoiceFilter(choices=choices(RefusalKind))
    strategy = filters.CharFilter(field_name="request__strategy_account__strategy__slug")
    symbol = filters.CharFilter(field_name="request__symbol")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")

    def in_state(self, queryset: object, _name: str, _value: str) -> object:
        """Leave the rows: the view has already chosen them, open ones where nothing is said."""
        return queryset


@extend_schema_view(list=extend_schema(description="Those nobody has dealt with, unless `state`."))
class FailedOrders(OwnRows[Any]):
    """Orders that were refused, by the exchange or by our own checks."""

    rows = staticmethod(failed_orders.failures_of)
    serializer_class = FailureSerializer
    filterset_class = FailedOrderFilter
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
    parser_classes = (ExactJson,)

    def get_throttles(self) -> list[Any]:
        """Count retries among what places."""
        return [UserRateThrottle(), *([OrderThrottle()] if self.action == "retry" else [])]

    def get_queryset(self) -> QuerySet[Any]:
        """Leave out of the list what somebody has dealt with, unless it is asked for."""
        mine = super().get_queryset()
        if self.action != "list":
            return mine
        match self.request.query_params.get("state", "open"):
            case "open":
                return mine.filter(failed_orders.OPEN)
            case "retried":
                return mine.filter(retried_at__isnull=False)
            case "dismissed":
                return mine.filter(dismissed_at__isnull=False)
            case _:
                return mine

    @extend_schema(
        request=RetrySerializer,
        responses={202: RequestSerializer, 200: RequestSerializer},
        parameters=HOW,
        operation_id="failed_order_retry",
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Try it again, once, with the fields of the body in place of the old ones."""
        del pk
        body, wait = body_of(request), wait_of(request)
        failure = self.get_object()
        key = required_key(request, body)
        is_known = bool(known_keys(request.user.pk or 0, [key]))
        changes = {name: value for name, value in body.items() if name != KEY_FIELD}
        with order_problems():
            made = _retried(failure, key, changes)
        (now,) = send([made], wait=wait)
        status = HTTPStatus.OK if is_known else HTTPStatus.ACCEPTED
        return Response(RequestSerializer(now).data, status=status)

    @extend_schema(request=None, responses=FailureSerializer, operation_id="failed_order_dismiss")
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Put it away; 409 if somebody has already dealt with it."""
        del request, pk
        failure = self.get_object()
        if not failed_orders.dismiss(failure):
            told = "expected a failure nobody has dealt with"
            raise Problem(HTTPStatus.CONFLICT, told, code="not_open")
        return Response(FailureSerializer(self.get_object()).data)


def _retried(failure: Any, key: str, changes: dict[str, Any]) -> Any:
    try:
        return failed_orders.retry(failure, key=key, changes=changes)
    except failed_orders.NotRetriedError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error), code="not_retried") from error
