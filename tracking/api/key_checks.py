"""
The check of an account's key, asked for by its owner or by staff.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from tracking import selectors
from tracking.api.errors import Problem
from tracking.models import AccountState, ExchangeAccount
from tracking.models.fields import choices
from tracking.services.key_checks import KeyVerdict, check_key

if TYPE_CHECKING:
    from rest_framework.request import Request


class KeyVerdictSerializer(serializers.Serializer[KeyVerdict]):
    """What came of a check."""

    account = serializers.IntegerField(source="account_id")
    state = serializers.ChoiceField(choices=choices(AccountState))
    refused = serializers.CharField(help_text="why the key is refused; empty if it is not")
    warnings = serializers.ListField(child=serializers.CharField())
    tracking_only = serializers.BooleanField()


class CheckThrottle(UserRateThrottle):
    """Ten a minute: each asks an exchange."""

    scope = "key-checks"
    rate = "10/min"


class CheckKey(APIView):
    """Ask the exchange what an account's key may do; one that is good makes its account ACTIVE."""

    throttle_classes = (CheckThrottle,)

    @extend_schema(request=None, responses=KeyVerdictSerializer, operation_id="check_key")
    def post(self, request: Request, account_id: int) -> Response:
        """Answer what came of it; 503 if the exchange cannot be asked."""
        is_staff = request.user.is_staff and request.user.has_perm(
            "tracking.change_exchangeaccount"
        )
        seen = ExchangeAccount.objects if is_staff else selectors.accounts_of(request.user.pk or 0)
        if not seen.filter(pk=account_id).exists():
            raise NotFound
        verdict = check_key(account_id)
        if verdict.unasked:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, verdict.told, code="exchange_unavailable")
        return Response(KeyVerdictSerializer(verdict).data)
