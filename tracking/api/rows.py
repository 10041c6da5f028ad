"""
The read API: what is yours, narrowed, ordered, cut into pages by cursor.

Every query set starts at the user (`selectors`), so somebody else's row is a 404. Ordering is
offered only by columns that are never empty: a cursor cannot pass over NULL.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.filters import OrderingFilter
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from tracking import selectors
from tracking.api import filters, serializers
from tracking.services.snapshots import live_snapshot

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

Row = TypeVar("Row", bound=Model)


class OwnRows(ReadOnlyModelViewSet[Row]):
    """Rows of the user who asks."""

    filter_backends = (DjangoFilterBackend, OrderingFilter)
    rows: ClassVar[staticmethod[[int], QuerySet[Any]]]

    def get_queryset(self) -> QuerySet[Row]:
        """Begin at the user; nobody, where only the schema is drawn."""
        return self.rows(self.request.user.pk or 0)


class Accounts(OwnRows[Any]):
    """Exchange accounts, without their credentials."""

    rows = staticmethod(selectors.accounts_of)
    serializer_class = serializers.AccountSerializer
    filterset_class = filters.AccountFilter
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)


@extend_schema_view(
    retrieve=extend_schema(parameters=[OpenApiParameter("state", enum=["open", "closed"])])
)
class Orders(OwnRows[Any]):
    """Orders: those that live, or with `state=closed` those that ended. Ids belong to a state."""

    serializer_class = serializers.OrderSerializer
    filterset_class = filters.OrderFilter
    ordering_fields = ("id", "created_at", "updated_at")
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Any]:
        """Choose the table by `state`."""
        is_closed = self.request.query_params.get("state") == "closed"
        chosen = selectors.closed_orders_of if is_closed else selectors.open_orders_of
        return chosen(self.request.user.pk or 0)


class Trades(OwnRows[Any]):
    """Orders that filled, each with the sums of its executions."""

    rows = staticmethod(selectors.trades_of)
    serializer_class = serializers.TradeSerializer
    filterset_class = filters.TradeFilter
    ordering_fields = ("id", "first_executed_at", "last_executed_at")
    ordering = ("-last_executed_at", "-id")


class Executions(OwnRows[Any]):
    """Fills, voided ones included."""

    rows = staticmethod(selectors.executions_of)
    serializer_class = serializers.ExecutionSerializer
    filterset_class = filters.ExecutionFilter
    ordering_fields = ("id", "executed_at")
    ordering = ("-executed_at", "-id")


class Positions(OwnRows[Any]):
    """Holdings by strategy, and what no strategy owns."""

    rows = staticmethod(selectors.positions_of)
    serializer_class = serializers.PositionSerializer
    filterset_class = filters.PositionFilter
    ordering_fields = ("id", "updated_at", "symbol")
    ordering = ("-updated_at", "-id")


class Sessions(OwnRows[Any]):
    """Lives of the private streams."""

    rows = staticmethod(selectors.sessions_of)
    serializer_class = serializers.SessionSerializer
    lookup_field = "session_id"
    filterset_class = filters.SessionFilter
    ordering_fields = ("started_at",)
    ordering = ("-started_at", "-session_id")


class StreamQualities(OwnRows[Any]):
    """What each account's stream was worth, hour by hour: `score` 1 means REST was never first."""

    rows = staticmethod(selectors.stream_quality_of)
    serializer_class = serializers.StreamQualitySerializer
    filterset_class = filters.StreamQualityFilter
    ordering_fields = ("id", "hour")
    ordering = ("-hour", "-id")


class Anomalies(OwnRows[Any]):
    """What a person should see."""

    rows = staticmethod(selectors.anomalies_of)
    serializer_class = serializers.AnomalySerializer
    filterset_class = filters.AnomalyFilter
    ordering_fields = ("id", "opened_at", "last_seen_at")
    ordering = ("-opened_at", "-id")


class Snapshot(APIView):
    """Everything the live page shows; stream on with `/api/sse/events?from={seq}`."""

    @extend_schema(responses=serializers.SnapshotSerializer, operation_id="snapshot")
    def get(self, request: Request) -> Response:
        """Read it."""
        return Response(live_snapshot(request.user.pk or 0))
