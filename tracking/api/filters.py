"""
What lists can be narrowed by.

Accounts and strategies are given as numbers, not looked up: one that is somebody else's finds
nothing, as one that does not exist does.
"""

from __future__ import annotations

from django_filters import rest_framework as filters

from exchanges.messages import Exchange, MarketType, OrderStatus, OrderType, Side, Source
from tracking.models import AccountState, AnomalyKind, NoticeKind, SessionStatus
from tracking.models.fields import choices

#: named in SPECTACULAR_SETTINGS, because two fields of different names have these values
MARKET_TYPES = choices(MarketType)
STATES = [("open", "alive"), ("closed", "ended")]


class AccountFilter(filters.FilterSet):
    """By what kind of account it is."""

    exchange = filters.ChoiceFilter(choices=choices(Exchange))
    state = filters.ChoiceFilter(choices=choices(AccountState))


class OfAccountFilter(filters.FilterSet):
    """By whose it is."""

    account = filters.NumberFilter(field_name="account_id")


class InMarketFilter(OfAccountFilter):
    """By whose it is and what it is about."""

    strategy_account = filters.NumberFilter(field_name="strategy_account_id")
    is_residual = filters.BooleanFilter(field_name="strategy_account_id", lookup_expr="isnull")
    market_type = filters.ChoiceFilter(choices=MARKET_TYPES)
    symbol = filters.CharFilter()


class OrderFilter(InMarketFilter):
    """Orders; `state` decides between those that live (the default) and those that ended."""

    state = filters.ChoiceFilter(choices=STATES, method="in_state")
    side = filters.ChoiceFilter(choices=choices(Side))
    status = filters.ChoiceFilter(choices=choices(OrderStatus))
    order_type = filters.ChoiceFilter(choices=choices(OrderType))
    exchange_order_id = filters.CharFilter()
    client_order_id = filters.CharFilter()
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")

    def in_state(self, queryset: object, _name: str, _value: str) -> object:
        """Leave the rows: the view has already chosen the table."""
        return queryset


class TradeFilter(InMarketFilter):
    """Trades."""

    side = filters.ChoiceFilter(choices=choices(Side))
    exchange_order_id = filters.CharFilter()
    client_order_id = filters.CharFilter()
    executed_after = filters.IsoDateTimeFilter(field_name="last_executed_at", lookup_expr="gt")
    executed_before = filters.IsoDateTimeFilter(field_name="last_executed_at", lookup_expr="lt")


class ExecutionFilter(InMarketFilter):
    """Fills."""

    side = filters.ChoiceFilter(choices=choices(Side))
    exchange_order_id = filters.CharFilter()
    exchange_trade_id = filters.CharFilter()
    source = filters.ChoiceFilter(choices=choices(Source))
    verified = filters.BooleanFilter()
    voided = filters.BooleanFilter(field_name="voided_at", lookup_expr="isnull", exclude=True)
    executed_after = filters.IsoDateTimeFilter(field_name="executed_at", lookup_expr="gt")
    executed_before = filters.IsoDateTimeFilter(field_name="executed_at", lookup_expr="lt")


class PositionFilter(InMarketFilter):
    """Positions."""

    is_flat = filters.BooleanFilter(field_name="quantity", method="flat")

    def flat(self, queryset: object, _name: str, value: bool) -> object:  # noqa: FBT001  (its API)
        """Keep the flat ones, or the others."""
        return queryset.filter(quantity=0) if value else queryset.exclude(quantity=0)  # type: ignore[attr-defined]


class SessionFilter(OfAccountFilter):
    """Tracking sessions."""

    market_type = filters.ChoiceFilter(choices=MARKET_TYPES)
    status = filters.ChoiceFilter(choices=choices(SessionStatus))
    is_ended = filters.BooleanFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)


class StreamQualityFilter(OfAccountFilter):
    """Hours of streams; both ends belong to the stretch."""

    hour_from = filters.IsoDateTimeFilter(field_name="hour", lookup_expr="gte")
    hour_to = filters.IsoDateTimeFilter(field_name="hour", lookup_expr="lte")


class AnomalyFilter(OfAccountFilter):
    """Anomalies."""

    kind = filters.ChoiceFilter(choices=choices(AnomalyKind))
    is_closed = filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull", exclude=True)


class NoticeFilter(filters.FilterSet):
    """By channel and kind."""

    channel = filters.NumberFilter(field_name="channel_id")
    kind = filters.ChoiceFilter(choices=choices(NoticeKind))
