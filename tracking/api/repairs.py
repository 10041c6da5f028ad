"""
Repairs by staff: who may not repair is refused before anything is looked up, so ids tell nothing.

Staff need the permission they need in the admin. Any account's books may be repaired then; what
may not be is a 409 that says why.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanges.messages import PositionSide
from tracking.api.errors import Problem
from tracking.api.staff_serializers import (
    OwnerSerializer,
    PostingSerializer,
    ReasonSerializer,
    ReassignmentSerializer,
    RepairSerializer,
)
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    PostingKind,
    StrategyAccount,
    TradeExecution,
)
from tracking.services import repairs
from tracking.services.repair_postings import Movement, book_posting
from tracking.services.repairs import RepairRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request
    from rest_framework.serializers import Serializer

    from tracking.models import Repair

Row = TypeVar("Row", bound=Model)


class MayRepair(IsAdminUser):
    """Staff who may add repairs."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask for both."""
        is_staff = super().has_permission(request, view)
        return is_staff and request.user.has_perm("tracking.add_repair")


class AdoptOrder(APIView):
    """Give an order that no strategy owns to a strategy of its account, or take it back."""

    permission_classes = (MayRepair,)

    @extend_schema(
        request=OwnerSerializer,
        responses={201: RepairSerializer},
        parameters=[OpenApiParameter("state", enum=["open", "closed"])],
        operation_id="order_adopt",
    )
    def post(self, request: Request, row_id: int) -> Response:
        """Move the order with its trade and its executions; `state` says what the id is of."""
        body = _body(OwnerSerializer, request)
        is_closed = request.query_params.get("state") == "closed"
        order: OpenOrder | ClosedOrder
        order = _row(ClosedOrder, row_id) if is_closed else _row(OpenOrder, row_id)
        return _repaired(
            lambda: repairs.adopt_order(
                order, _owner(body), actor=_actor(request), reason=body["reason"]
            )
        )


class ReassignExecution(APIView):
    """Give an execution, with its whole order, to another owner of the same account."""

    permission_classes = (MayRepair,)

    @extend_schema(
        request=ReassignmentSerializer,
        responses={201: RepairSerializer},
        operation_id="execution_reassign",
    )
    def post(self, request: Request, row_id: int) -> Response:
        """Refused unless all live executions of the order are confirmed."""
        body = _body(ReassignmentSerializer, request)
        execution = _row(TradeExecution, row_id)
        return _repaired(
            lambda: repairs.reassign_execution(
                execution,
                _owner(body),
                confirmed=body["confirmed"],
                actor=_actor(request),
                reason=body["reason"],
            )
        )


class VoidExecution(APIView):
    """Say that an inferred execution did not happen."""

    permission_classes = (MayRepair,)

    @extend_schema(
        request=ReasonSerializer, responses={201: RepairSerializer}, operation_id="execution_void"
    )
    def post(self, request: Request, row_id: int) -> Response:
        """What the exchange has told of is refused."""
        body = _body(ReasonSerializer, request)
        execution = _row(TradeExecution, row_id)
        return _repaired(
            lambda: repairs.void_execution(execution, actor=_actor(request), reason=body["reason"])
        )


class BookPosting(APIView):
    """Book what came to an account or went without a fill, and no list of its exchange tells of."""

    permission_classes = (MayRepair,)

    @extend_schema(
        request=PostingSerializer, responses={201: RepairSerializer}, operation_id="posting_book"
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Moves the residual, now; the drift it explains is closed by the next sync."""
        body = _body(PostingSerializer, request)
        account = _row(ExchangeAccount, account_id)
        movement = Movement(
            kind=PostingKind(body["kind"]),
            symbol=body["symbol"],
            quantity=body["quantity"],
            position_side=PositionSide(body["position_side"]),
        )
        return _repaired(
            lambda: book_posting(account, movement, actor=_actor(request), reason=body["reason"])
        )


class CloseAnomaly(APIView):
    """Close an anomaly; one that is still true opens again."""

    permission_classes = (MayRepair,)

    @extend_schema(
        request=ReasonSerializer, responses={201: RepairSerializer}, operation_id="anomaly_close"
    )
    def post(self, request: Request, row_id: int) -> Response:
        """One that is closed already is refused."""
        body = _body(ReasonSerializer, request)
        anomaly = _row(Anomaly, row_id)
        return _repaired(
            lambda: repairs.close_anomaly(anomaly, actor=_actor(request), reason=body["reason"])
        )


def _body(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    filled = form(data=request.data)
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)


def _row(model: type[Row], pk: int) -> Row:
    row = model._default_manager.filter(pk=pk).first()  # noqa: SLF001 - the manager of any model
    if row is None:
        name = model._meta.verbose_name
        raise Problem(HTTPStatus.NOT_FOUND, f"no {name} {pk}", code="not_found")
    return row


def _owner(body: dict[str, Any]) -> StrategyAccount | None:
    pk = body["strategy_account"]
    return None if pk is None else _row(StrategyAccount, pk)


def _actor(request: Request) -> AbstractBaseUser:
    """Name who asks; the permission has let in nobody without a name."""
    user = request.user
    assert isinstance(user, AbstractBaseUser)  # noqa: S101
    return user


def _repaired(repair: Callable[[], Repair]) -> Response:
    try:
        done = repair()
    except RepairRefusedError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error), code="repair_refused") from error
    return Response(RepairSerializer(done).data, status=HTTPStatus.CREATED)
