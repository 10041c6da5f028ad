"""
What orders are worth against what they may be: one, and all of a strategy account in 24 hours.

The day counts what was sent or may have been: not what the exchange or we refused, nor what
provably never arrived; a doubtful order counts until then. One that was amended counts once, for
the most it was worth. A sale that asks for less than the market is filled at the market's price,
and counts as that: else a low price would be a way around each limit. Worth is told in the market's
quote asset, and each asset has its day.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from django.db.models import Max, Sum
from django.db.models.functions import Coalesce

from exchanges.refusals import RefusalKind
from tracking.models import OrderRequest, RequestAction, RequestOutcome, Webhook
from tracking.services.payloads import plain
from tracking.services.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from tracking.models import StrategyAccount

DAY: Final = timedelta(days=1)
NEVER_ARRIVED: Final = (
    RequestOutcome.REJECTED.value,
    RequestOutcome.FAILED.value,
    RequestOutcome.NOT_ACCEPTED.value,
)
#: what the requests about one order have in common
_BY_ORDER: Final = Coalesce("client_order_id", "exchange_order_id")


class Worth(Protocol):
    """What an order is worth."""

    @property
    def notional(self) -> Decimal | None:
        """Its worth; None: nobody knows."""

    @property
    def notional_asset(self) -> str:
        """The market's quote asset, in which its worth is told."""


def too_much(
    use: StrategyAccount, request: OrderRequest, worth: Worth, now: datetime
) -> Iterator[Refusal]:
    """Refuse what is worth more than one order may be, or than is left of the day."""
    per_order, per_day = _most_of_one(use, request), use.max_daily_notional
    if per_order is None and per_day is None:
        return
    amount, asset = worth.notional, worth.notional_asset
    if amount is None:
        reason = "what it is worth is not known, and its worth is limited"
        yield Refusal(kind=RefusalKind.OVER_LIMIT, reason=reason)
        return
    if per_order is not None and amount > per_order:
        reason = f"worth {plain(amount)} {asset}; one order may be worth {plain(per_order)}"
        yield Refusal(kind=RefusalKind.OVER_LIMIT, reason=reason)
    if per_day is None:
        return
    spent = _sent_worth(use, request, asset, now)
    if spent + amount > per_day:
        reason = (
            f"worth {plain(amount)} {asset}, and {plain(spent)} were sent in the last 24 hours; "
            f"{plain(per_day)} are allowed"
        )
        yield Refusal(kind=RefusalKind.OVER_LIMIT, reason=reason)


def is_limited(use: StrategyAccount, request: OrderRequest) -> bool:
    """Whether there is a limit to what the order of a request may be worth."""
    return use.max_daily_notional is not None or _most_of_one(use, request) is not None


def _most_of_one(use: StrategyAccount, request: OrderRequest) -> Decimal | None:
    """Give what one order may be worth to the use, and to the webhook it came by if it came so."""
    caps = [use.max_order_notional]
    if request.delivery_id is not None:
        # the number only: the row holds a secret
        webhooks = Webhook.objects.filter(deliveries=request.delivery_id)
        caps += webhooks.values_list("max_order_notional", flat=True)
    return min((cap for cap in caps if cap is not None), default=None)


def _sent_worth(use: StrategyAccount, request: OrderRequest, asset: str, now: datetime) -> Decimal:
    """Sum what a use has sent, or may have, in 24 hours beside the order of this request.

    An order counts for the most it was worth in that time. See Note [What counts].
    """
    recent = _sent(use).filter(attempted_at__gt=now - DAY, notional_asset=asset)
    orders = (
        recent.annotate(order=_BY_ORDER)
        .exclude(order=_name_of(request))
        .values("order")
        .annotate(most=Max("notional"))
    )
    spent: Decimal | None = orders.aggregate(worth=Sum("most"))["worth"]
    return spent or Decimal(0)


def was_worth(use: StrategyAccount, request: OrderRequest) -> Decimal | None:
    """Give the most that the order of an amendment has been worth so far; None: nobody knows."""
    of_order = _sent(use).annotate(order=_BY_ORDER).filter(order=_name_of(request))
    most: Decimal | None = of_order.aggregate(most=Max("notional"))["most"]
    return most


def _sent(use: StrategyAccount) -> QuerySet[OrderRequest]:
    """Give what a use has sent, or may have, to place orders and to change them."""
    rows = OrderRequest.objects.filter(
        strategy_account=use,
        action__in=(RequestAction.PLACE.value, RequestAction.AMEND.value),
        attempted_at__isnull=False,
    )
    return rows.exclude(outcome__in=NEVER_ARRIVED)


def _name_of(request: OrderRequest) -> str | None:
    return request.client_order_id or request.exchange_order_id
