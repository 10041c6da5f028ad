"""
What staff send and get: syncs and their plans, repairs.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exchanges.messages import PositionSide
from tracking.models import Repair, RepairAction
from tracking.models.fields import choices
from tracking.services.repair_postings import BY_HAND
from tracking.services.sync_plan import PlanAction

LARGEST_ID = 2**63 - 1


class DryRunSerializer(serializers.Serializer[Any]):
    """Whether to say only what would change."""

    dry_run = serializers.BooleanField(default=False)


class SyncRequestSerializer(DryRunSerializer):
    """Which account to sync."""

    account_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class ChangeSerializer(serializers.Serializer[Any]):
    """One column that would be another."""

    name = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class PlannedExecutionSerializer(serializers.Serializer[Any]):
    """A fill that would be added (no `changes`), or become another."""

    exchange_trade_id = serializers.CharField()
    side = serializers.CharField()
    price = serializers.CharField()
    quantity = serializers.CharField()
    # DRF takes declared fields out of the class: its own `source` is not touched
    source = serializers.CharField()  # type: ignore[assignment]
    changes = ChangeSerializer(many=True)


class PlanLineSerializer(serializers.Serializer[Any]):
    """What would become of one order, position or holding."""

    action = serializers.ChoiceField(choices=choices(PlanAction))
    subject = serializers.CharField()
    changes = ChangeSerializer(many=True)
    executions = PlannedExecutionSerializer(many=True)
    note = serializers.CharField()


class SyncPlanSerializer(serializers.Serializer[Any]):
    """What a sync would change."""

    account_id = serializers.IntegerField()
    full = serializers.BooleanField()
    opens_books = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())
    lines = PlanLineSerializer(many=True)


class SyncResultSerializer(serializers.Serializer[Any]):
    """What a sync changed; of a dry run what it would change, and the plan."""

    dry_run = serializers.BooleanField()
    inserted = serializers.IntegerField()
    updated = serializers.IntegerField()
    closed = serializers.IntegerField()
    executions = serializers.IntegerField()
    plan = SyncPlanSerializer(allow_null=True)


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=500, help_text="kept with your name")


class OwnerSerializer(ReasonSerializer):
    """Why, and to whom."""

    strategy_account = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        allow_null=True,
        help_text="null: no strategy, the residual",
    )


class ReassignmentSerializer(OwnerSerializer):
    """Why, to whom, and what goes along."""

    confirmed = serializers.ListField(
        child=serializers.CharField(max_length=64),
        help_text="the trade ids of all live executions of the order: they move together",
    )


class PostingSerializer(ReasonSerializer):
    """What came or went without a fill, and why it is booked."""

    kind = serializers.ChoiceField(choices=sorted(kind.value for kind in BY_HAND))
    symbol = serializers.CharField(
        max_length=64, help_text="on spot the asset (BTC), elsewhere the market (BTC/USDT:USDT)"
    )
    quantity = serializers.DecimalField(
        max_digits=38, decimal_places=18, help_text="so much more is held; negative: less"
    )
    position_side = serializers.ChoiceField(
        choices=choices(PositionSide), default=PositionSide.NET.value
    )


class RepairSerializer(serializers.ModelSerializer[Repair]):
    """What was put right by hand, by whom, and why."""

    action = serializers.ChoiceField(choices=choices(RepairAction))

    class Meta:
        model = Repair
        fields = (
            "id",
            "account",
            "action",
            "subject",
            "actor",
            "reason",
            "before",
            "after",
            "created_at",
        )
