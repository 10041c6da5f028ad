"""
What is sent to order something.

Amounts are decimal texts, or JSON numbers, which are read exactly. What an order may be is checked
by `OrderIntent`; its fields here only document it.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exchanges.messages import PositionSide, Side, TimeInForce
from tracking.models.fields import choices
from tracking.services.order_intents import PLACEABLE
from tracking.services.order_requests import LONGEST_KEY

#: named in SPECTACULAR_SETTINGS, because a field of other rows has this name and other values
PLACEABLE_TYPES = sorted(kind.value for kind in PLACEABLE)
_SMALLEST, _GREATEST = -(2**15), 2**15 - 1


def _amount(told: str) -> serializers.CharField:
    return serializers.CharField(required=False, help_text=told)


class PlacementSerializer(serializers.Serializer[Any]):
    """Whose order it is, and under which key."""

    strategy = serializers.CharField(max_length=64, help_text="the strategy's slug")
    account = serializers.CharField(
        max_length=64,
        required=False,
        help_text="the account's name; not needed if the strategy uses only one",
    )
    priority = serializers.IntegerField(
        min_value=_SMALLEST,
        max_value=_GREATEST,
        default=0,
        help_text="among orders that wait for room the greatest goes first",
    )
    idempotency_key = serializers.CharField(
        max_length=LONGEST_KEY, required=False, help_text="in place of the header Idempotency-Key"
    )


class OrderBodySerializer(PlacementSerializer):
    """An order; exactly one of quantity, quote_quantity and percent."""

    symbol = serializers.CharField(max_length=64, help_text="BTC/USDT, BTC/USDT:USDT")
    side = serializers.ChoiceField(choices=choices(Side))
    order_type = serializers.ChoiceField(choices=PLACEABLE_TYPES)
    quantity = _amount("in the base asset; of inverse futures in contracts")
    quote_quantity = _amount("in the quote asset")
    percent = _amount("of what is available; of the position where the order is reduce-only")
    price = _amount("of LIMIT, STOP and TAKE_PROFIT orders")
    stop_price = _amount("where a STOP or TAKE_PROFIT order triggers")
    time_in_force = serializers.ChoiceField(
        choices=choices(TimeInForce), required=False, help_text="GTX: post-only"
    )
    post_only = serializers.BooleanField(required=False)
    position_side = serializers.ChoiceField(choices=choices(PositionSide), required=False)
    reduce_only = serializers.BooleanField(required=False)


class RetrySerializer(serializers.Serializer[Any]):
    """What is to be another than it was; what is left out stays. null takes a field away."""

    idempotency_key = serializers.CharField(max_length=LONGEST_KEY, required=False)
    quantity = _amount("")
    quote_quantity = _amount("")
    percent = _amount("")
    price = _amount("")
    stop_price = _amount("")
    time_in_force = serializers.ChoiceField(choices=choices(TimeInForce), required=False)
    order_type = serializers.ChoiceField(choices=PLACEABLE_TYPES, required=False)
    reduce_only = serializers.BooleanField(required=False)


class KeySerializer(serializers.Serializer[Any]):
    """A key, in place of the header."""

    idempotency_key = serializers.CharField(max_length=LONGEST_KEY, required=False)


class AmendmentSerializer(KeySerializer):
    """What an order is to be from now on; what is left out stays."""

    quantity = serializers.DecimalField(
        max_digits=38,
        decimal_places=18,
        required=False,
        help_text="in all, what was already filled included",
    )
    price = serializers.DecimalField(max_digits=38, decimal_places=18, required=False)


class CancelAllSerializer(KeySerializer):
    """Which orders; what is left out narrows nothing."""

    strategy = serializers.CharField(max_length=64, required=False, help_text="its slug")
    account = serializers.CharField(max_length=64, required=False, help_text="its name")
    symbol = serializers.CharField(max_length=64, required=False)
    side = serializers.ChoiceField(choices=choices(Side), required=False)
    confirm = serializers.ChoiceField(choices=["CANCEL"], help_text="so that nobody does it unseen")


class SettlementSerializer(serializers.Serializer[Any]):
    """What became of a request in doubt: exactly one of the two, and why."""

    reason = serializers.CharField(max_length=500, help_text="kept with your name")
    not_accepted = serializers.BooleanField(required=False, help_text="true: nothing came of it")
    exchange_order_id = serializers.CharField(
        max_length=64, required=False, help_text="the order it is; the exchange is asked for it"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both, and neither."""
        if bool(attrs.get("not_accepted")) is bool(attrs.get("exchange_order_id")):
            message = "expected either not_accepted: true or an exchange_order_id"
            raise serializers.ValidationError(message)
        return attrs


class NewHaltSerializer(serializers.Serializer[Any]):
    """What to stop, and why."""

    account = serializers.CharField(
        max_length=64, allow_null=True, help_text="its name; null: all accounts, for staff only"
    )
    reason = serializers.CharField(max_length=200)
