"""
Halts by API: stop everything new on an account, or, for staff, on all of them; and go on.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from tracking.api.errors import Problem
from tracking.api.filters import OfAccountFilter
from tracking.api.order_bodies import (
    NewHaltSerializer,
)
from tracking.api.order_serializers import (
    HaltSerializer,
)
from tracking.api.rows import OwnRows
from tracking.models import ExchangeAccount, Halt
from tracking.services import halts

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class HaltFilter(OfAccountFilter):
    """Halts."""

    is_standing = filters.BooleanFilter(field_name="lifted_at", lookup_expr="isnull")


def halts_of(user_id: int) -> QuerySet[Halt]:
    """Give the halts that stop, or have stopped, an account of the user."""
    return Halt.objects.filter(Q(account__user_id=user_id) | Q(account__isnull=True))


@extend_schema_view(
    create=extend_schema(
        request=NewHaltSerializer,
        responses={201: HaltSerializer, 200: HaltSerializer},
        operation_id="halt_set",
    )
)
class Halts(OwnRows[Any]):
    """Stops of everything new. Cancels are still sent."""

    rows = staticmethod(halts_of)
    serializer_class = HaltSerializer
    filterset_class = HaltFilter
    ordering_fields = ("id",)
    ordering = ("-id",)

    def create(self, request: Request) -> Response:
        """Stop an account, or all; 200 with the halt that stands if there is one already."""
        form = NewHaltSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        account_id = _account_of(request, form.validated_data["account"])
        stood = Halt.objects.filter(account_id=account_id, lifted_at__isnull=True).exists()
        halt = halts.set_halt(
            account_id=account_id,
            reason=form.validated_data["reason"],
            actor=request.user.get_username(),
        )
        status = HTTPStatus.OK if stood else HTTPStatus.CREATED
        return Response(HaltSerializer(halt).data, status=status)

    @extend_schema(request=None, responses=HaltSerializer, operation_id="halt_lift")
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """Let orders be sent again; 409 for a halt that was lifted before."""
        del pk
        halt: Halt = self.get_object()
        if halt.account_id is None:
            _require_staff(request)
        if halt.lifted_at is None:
            halts.lift_halt(account_id=halt.account_id, actor=request.user.get_username())
            return Response(HaltSerializer(self.get_object()).data)
        raise Problem(HTTPStatus.CONFLICT, "expected a halt that stands", code="not_standing")


def _account_of(request: Request, name: str | None) -> int | None:
    if name is None:
        _require_staff(request)
        return None
    mine = ExchangeAccount.objects.filter(user_id=request.user.pk or 0, name=name)
    account_id = mine.values_list("pk", flat=True).first()
    if account_id is None:
        raise Http404
    return account_id


def _require_staff(request: Request) -> None:
    """Raise PermissionDenied for whoever may not stop everybody."""
    if not request.user.has_perm("tracking.change_halt"):
        raise PermissionDenied
