"""
Rows as the API gives them: exactly what the journal keeps and the stream sends, plus the row's id.

The values come from `services.payloads`, so that there is one spelling; the fields declared here
are what the OpenAPI document says of them (a test holds both together).
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework import serializers

from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OrderTrackingSession,
    StrategyPosition,
    StreamQuality,
    Trade,
    TradeExecution,
)
from tracking.services import payloads

ACCOUNT_KEYS = (
    "name",
    "exchange",
    "market_type",
    "simulated",
    "position_mode",
    "state",
    "state_reason",
    "created_at",
    "baseline_at",
    "synced_at",
)

Row = TypeVar("Row", bound=Model)


class PayloadSerializer(serializers.ModelSerializer[Row]):
    """Reads only: the payload of a row, and its id."""

    payload: ClassVar[staticmethod[[Any], payloads.Payload]]

    def to_representation(self, instance: Row) -> dict[str, Any]:
        """Write the row as the stream would."""
        return {"id": payloads.to_json(instance.pk)} | self.payload(instance)


class AccountSerializer(PayloadSerializer[ExchangeAccount]):
    """An account; its credentials are in no answer."""

    class Meta:
        model = ExchangeAccount
        fields = ("id", *ACCOUNT_KEYS)

    @staticmethod
    def payload(account: ExchangeAccount) -> payloads.Payload:
        """Write the columns that are not secret."""
        return {key: payloads.to_json(getattr(account, key)) for key in ACCOUNT_KEYS}


class OrderSerializer(PayloadSerializer[ClosedOrder]):
    """An order, open or closed; `average_price` is null while nothing is filled."""

    average_price = serializers.DecimalField(max_digits=38, decimal_places=18, allow_null=True)
    status = serializers.CharField(help_text="CANCELLING while a cancel is on its way")
    payload = staticmethod(payloads.order_payload)

    class Meta:
        model = ClosedOrder
        fields = ("id", "account", "strategy_account", *payloads.ORDER_KEYS, "average_price")


class TradeSerializer(PayloadSerializer[Trade]):
    """What one order filled in all."""

    average_price = serializers.DecimalField(max_digits=38, decimal_places=18, allow_null=True)
    payload = staticmethod(payloads.trade_payload)

    class Meta:
        model = Trade
        fields = ("id", "account", "strategy_account", *payloads.TRADE_KEYS, "average_price")


class ExecutionSerializer(PayloadSerializer[TradeExecution]):
    """One fill."""

    voided = serializers.BooleanField()
    payload = staticmethod(payloads.execution_payload)

    class Meta:
        model = TradeExecution
        fields = ("id", "account", "strategy_account", *payloads.EXECUTION_KEYS, "voided")


class PositionSerializer(PayloadSerializer[StrategyPosition]):
    """A holding; `strategy_account` null is what no strategy owns."""

    net_pnl = serializers.DecimalField(
        max_digits=38,
        decimal_places=18,
        allow_null=True,
        help_text="realized_pnl - fees + funding; null while a commission's worth is not known",
    )
    payload = staticmethod(payloads.position_payload)

    class Meta:
        model = StrategyPosition
        fields = ("id", "account", "strategy_account", *payloads.POSITION_KEYS)


class SessionSerializer(PayloadSerializer[OrderTrackingSession]):
    """One life of a private stream."""

    id = serializers.UUIDField(source="session_id")
    payload = staticmethod(payloads.session_payload)

    class Meta:
        model = OrderTrackingSession
        fields = ("id", "account", *payloads.SESSION_KEYS)


class StreamQualitySerializer(PayloadSerializer[StreamQuality]):
    """One hour of an account's stream."""

    score = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        allow_null=True,
        help_text="share of fills first seen by the stream; null in an hour without fills",
    )
    lag_mean_ms = serializers.IntegerField(allow_null=True)
    payload = staticmethod(payloads.quality_payload)

    class Meta:
        model = StreamQuality
        fields = ("id", "account", *payloads.QUALITY_KEYS, "score", "lag_mean_ms")


class AnomalySerializer(PayloadSerializer[Anomaly]):
    """Something a person should see."""

    payload = staticmethod(payloads.anomaly_payload)

    class Meta:
        model = Anomaly
        fields = ("id", "account", *payloads.ANOMALY_KEYS)


class SnapshotSerializer(serializers.Serializer[Any]):
    """What the live page shows, and the journal number to stream on from."""

    seq = serializers.IntegerField()
    taken_at = serializers.DateTimeField()
    stale_after = serializers.IntegerField(help_text="seconds of silence before a stream is stale")
    accounts = serializers.DictField(child=serializers.CharField())
    strategies = serializers.DictField(child=serializers.CharField())
    orders = OrderSerializer(many=True)
    executions = ExecutionSerializer(many=True)
    positions = PositionSerializer(many=True)
    sessions = SessionSerializer(many=True)
    anomalies = AnomalySerializer(many=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token is shown once; send it as `Authorization: Token …`."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)
