"""
Requests, refusals and halts as they are answered; amounts are texts.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tracking.api.serializers import OrderSerializer, PayloadSerializer
from tracking.domain import refusals
from tracking.models import (
    ClosedOrder,
    FailedOrder,
    Halt,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestSource,
)
from tracking.models.fields import choices
from tracking.services import payloads

#: what an answer tells beside what the journal keeps of a request
ASKED_KEYS = ("idempotency_key", "priority", "body")
FAILURE_KEYS = ("kind", "reason", "code", "created_at", "retried_at", "dismissed_at")
#: named in SPECTACULAR_SETTINGS, because fields of other rows have these names and other values
REQUEST_SOURCES = choices(RequestSource)
REQUEST_ACTIONS = choices(RequestAction)


class FailureSerializer(PayloadSerializer[FailedOrder]):
    """A refusal: what happened, what helps, and what was told in detail."""

    what = serializers.CharField()
    advice = serializers.CharField()
    retry = serializers.IntegerField(allow_null=True, help_text="the request that tried it again")

    class Meta:
        model = FailedOrder
        fields = (
            "id",
            "request",
            "account",
            "strategy_account",
            "action",
            "symbol",
            "body",
            *FAILURE_KEYS,
            "what",
            "advice",
            "retry",
        )

    strategy_account = serializers.IntegerField(allow_null=True)
    action = serializers.CharField()
    symbol = serializers.CharField()
    body = serializers.JSONField()

    @staticmethod
    def payload(failure: FailedOrder) -> payloads.Payload:
        """Write a refusal with what was asked for."""
        request = failure.request
        retries = [retry.pk for retry in request.retries.all()]
        return _failure(failure) | {
            "request": request.pk,
            "account": failure.account_id,
            "strategy_account": request.strategy_account_id,
            "action": request.action,
            "symbol": request.symbol,
            "body": payloads.to_json(request.body),
            "retry": max(retries, default=None),
        }


class RequestSerializer(PayloadSerializer[OrderRequest]):
    """Something asked for, and what became of it."""

    changes = serializers.ListField(
        child=serializers.CharField(), help_text="what the market's steps changed, in words"
    )
    failure = serializers.JSONField(allow_null=True)

    class Meta:
        model = OrderRequest
        fields: tuple[str, ...] = (
            *payloads.REQUEST_KEYS,
            "account",
            "strategy_account",
            "retry_of",
            *ASKED_KEYS,
            "changes",
            "failure",
        )

    @staticmethod
    def payload(request: OrderRequest) -> payloads.Payload:
        """Write a request."""
        failure = getattr(request, "failure", None)
        asked = {key: payloads.to_json(getattr(request, key)) for key in ASKED_KEYS}
        return (
            payloads.request_payload(request)
            | asked
            | {
                "retry_of": request.retry_of_id,
                "changes": payloads.to_json(request.terms.get("changes", [])),
                "failure": None if failure is None else {"id": failure.pk} | _failure(failure),
            }
        )


class RequestDetailSerializer(RequestSerializer):
    """Something asked for, with what asking about it has told and the orders it made or changed."""

    evidence = serializers.JSONField(help_text="what asking about an unknown outcome has told")
    orders = OrderSerializer(many=True)

    class Meta(RequestSerializer.Meta):
        fields = (*RequestSerializer.Meta.fields, "evidence", "orders")

    @staticmethod
    def payload(request: OrderRequest) -> payloads.Payload:
        """Write a request and what is known around it."""
        orders: list[payloads.Json] = [
            payloads.order_payload(order) | {"id": order.pk} for order in orders_of(request)
        ]
        told: payloads.Payload = RequestSerializer.payload(request)
        return told | {"evidence": payloads.to_json(request.evidence), "orders": orders}


class HaltSerializer(PayloadSerializer[Halt]):
    """A stop of everything new; without an account it is for all."""

    is_standing = serializers.BooleanField()
    payload = staticmethod(payloads.halt_payload)

    class Meta:
        model = Halt
        fields = (*payloads.HALT_KEYS, "account", "is_standing")


class CancelledSerializer(serializers.Serializer[Any]):
    """The cancels, and what had been asked for and now is not tried any more."""

    requests = RequestSerializer(many=True)
    withdrawn = RequestSerializer(many=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """Why something was refused."""

    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()


class BatchResultSerializer(serializers.Serializer[Any]):
    """What became of one order of a batch: a request, or a problem."""

    status = serializers.IntegerField(help_text="as if it had been sent alone: 202, 200, 400 …")
    request = RequestSerializer(allow_null=True)
    problem = ProblemSerializer(allow_null=True)


class BatchSerializer(serializers.Serializer[Any]):
    """What became of each order of a batch, in their order."""

    results = BatchResultSerializer(many=True)


def orders_of(request: OrderRequest) -> list[OpenOrder | ClosedOrder]:
    """Give the orders a request made or is about; none while it is not tried."""
    names = (
        {"client_order_id": request.client_order_id}
        if request.client_order_id
        else {"exchange_order_id": request.exchange_order_id}
    )
    mine = {"account_id": request.account_id, "market_type": request.market_type} | names
    return [*OpenOrder.objects.filter(**mine), *ClosedOrder.objects.filter(**mine)]


def _failure(failure: FailedOrder) -> payloads.Payload:
    what, advice = refusals.words(failure.kind)
    told = {key: payloads.to_json(getattr(failure, key)) for key in FAILURE_KEYS}
    return told | {"what": what, "advice": advice}
