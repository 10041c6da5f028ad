"""A strategy that runs away is stopped by its limits, and only by those that were set."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from django.utils import timezone

from exchanges.messages import MarketType, PositionSide, Side
from exchanges.refusals import RefusalKind
from tests.factories import OpenOrderFactory, StrategyAccountFactory
from tests.integration.services.placing import SYMBOL, a_request, prepared
from tracking.models import (
    AccountState,
    OrderRequest,
    StrategyAccount,
    Webhook,
    WebhookDelivery,
)
from tracking.services import order_limits

if TYPE_CHECKING:
    from tests.integration.services.placing import Order
    from tracking.services.refusals import Refusal

pytestmark = pytest.mark.django_db

NOW = timezone.now()
REDUCING = (
    {"reduce_only": True},
    {"position_side": PositionSide.LONG, "side": Side.SELL},
    {"position_side": PositionSide.SHORT, "side": Side.BUY},
)
NOT_REDUCING = (
    {"reduce_only": True, "market_type": MarketType.SPOT},
    {"position_side": PositionSide.LONG, "side": Side.BUY},
    {"position_side": PositionSide.LONG, "side": Side.BUY, "reduce_only": True},
    {"position_side": PositionSide.SHORT, "side": Side.SELL},
    {"position_side": PositionSide.SHORT, "side": Side.SELL, "reduce_only": True},
    {"side": Side.SELL},
)


def a_use(**limits: Any) -> StrategyAccount:
    made: StrategyAccount = StrategyAccountFactory.create(**limits)
    return made


def judge(use: StrategyAccount, order: Order | None = None, **columns: Any) -> RefusalKind | None:
    refused = refusal(use, order, **columns)
    return refused.kind if refused else None


def refusal(use: StrategyAccount, order: Order | None = None, **columns: Any) -> Refusal | None:
    request = a_request(use, **{"created_at": NOW, **columns})
    return order_limits.refusal(use.account, use, request, order or prepared(), NOW)


def attempted(
    use: StrategyAccount, ago: timedelta = timedelta(0), worth: str = "100", **columns: Any
) -> OrderRequest:
    terms = {"notional_asset": "USDT", "outcome": "ACCEPTED", **columns}
    return a_request(use, attempted_at=NOW - ago, notional=Decimal(worth), **terms)


def test_without_limits_anything_goes() -> None:
    use = a_use()
    for _ in range(3):
        attempted(use, worth="1000000")

    assert judge(use, prepared(None)) is None


@pytest.mark.parametrize(("before", "refused"), [(1, None), (2, RefusalKind.OVER_LIMIT)])
def test_orders_a_minute_are_counted(before: int, refused: RefusalKind | None) -> None:
    use = a_use(max_orders_per_minute=2)
    for _ in range(before):
        attempted(use, timedelta(seconds=59))

    assert judge(use) is refused


@pytest.mark.parametrize("outcome", ["PENDING", "UNKNOWN", "REJECTED", "FAILED", "NOT_ACCEPTED"])
def test_every_attempt_counts_for_the_rate(outcome: str) -> None:
    use = a_use(max_orders_per_minute=1)
    attempted(use, outcome=outcome)

    assert judge(use) is RefusalKind.OVER_LIMIT


def test_what_was_never_attempted_or_long_ago_does_not_count_for_the_rate() -> None:
    use = a_use(max_orders_per_minute=1)
    a_request(use, outcome="FAILED")
    attempted(use, timedelta(seconds=60))
    attempted(use, action="CANCEL")
    attempted(a_use(account=use.account))

    assert judge(use) is None


@pytest.mark.parametrize(("worth", "refused"), [("100", None), ("100.01", RefusalKind.OVER_LIMIT)])
def test_an_order_may_be_worth_so_much(worth: str, refused: RefusalKind | None) -> None:
    assert judge(a_use(max_order_notional=100), prepared(worth)) is refused


@pytest.mark.parametrize(
    ("webhooks", "worth", "refused"),
    [
        (50, "50", None),
        (50, "50.01", RefusalKind.OVER_LIMIT),
        (1000, "100.01", RefusalKind.OVER_LIMIT),
        (None, "100", None),
    ],
)
def test_re_19_an_order_by_webhook_may_be_worth_what_both_allow(
    webhooks: int | None, worth: str, refused: RefusalKind | None
) -> None:
    use = a_use(max_order_notional=100)
    webhook = Webhook.objects.create(
        strategy=use.strategy, name="own", kind="HMAC", max_order_notional=webhooks
    )
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, key="1", body_sha256="", received_at=NOW
    )

    assert judge(use, prepared(worth), delivery=delivery) is refused


@pytest.mark.parametrize(("worth", "refused"), [("50", None), ("50.01", RefusalKind.OVER_LIMIT)])
def test_a_day_may_be_worth_so_much(worth: str, refused: RefusalKind | None) -> None:
    use = a_use(max_daily_notional=100)
    attempted(use, timedelta(hours=23), "50")

    assert judge(use, prepared(worth)) is refused


@pytest.mark.parametrize("outcome", ["PENDING", "UNKNOWN", "NEEDS_REVIEW", "ACCEPTED"])
def test_what_may_have_been_sent_counts_for_the_day(outcome: str) -> None:
    use = a_use(max_daily_notional=100)
    attempted(use, outcome=outcome)

    assert judge(use, prepared("1")) is RefusalKind.OVER_LIMIT


@pytest.mark.parametrize("outcome", ["REJECTED", "FAILED", "NOT_ACCEPTED"])
def test_what_was_refused_does_not_count_for_the_day(outcome: str) -> None:
    use = a_use(max_daily_notional=100)
    attempted(use, outcome=outcome)

    assert judge(use, prepared("100")) is None


def test_each_quote_asset_has_its_day() -> None:
    use = a_use(max_daily_notional=100)
    attempted(use, notional_asset="USDC")
    attempted(use, timedelta(hours=24))

    assert judge(use, prepared("100")) is None
    assert judge(use, prepared("1", "USDC")) is RefusalKind.OVER_LIMIT


@pytest.mark.parametrize("limit", ["max_order_notional", "max_daily_notional"])
def test_what_nobody_knows_the_worth_of_is_over_any_limit_of_worth(limit: str) -> None:
    assert judge(a_use(**{limit: 10**9}), prepared(None)) is RefusalKind.OVER_LIMIT


@pytest.mark.parametrize("terms", REDUCING)
@pytest.mark.parametrize("worth", ["101", None])
def test_an_order_that_only_reduces_is_not_held_up_by_its_worth(
    terms: dict[str, Any], worth: str | None
) -> None:
    use = a_use(max_order_notional=100, max_daily_notional=100)

    assert judge(use, prepared(worth, **terms)) is None


@pytest.mark.parametrize("terms", NOT_REDUCING)
def test_an_order_that_may_open_is_held_up_by_its_worth(terms: dict[str, Any]) -> None:
    assert judge(a_use(max_order_notional=100), prepared("101", **terms)) is RefusalKind.OVER_LIMIT


def test_an_order_that_only_reduces_is_held_up_by_the_rate() -> None:
    use = a_use(max_orders_per_minute=1)
    attempted(use)

    assert judge(use, prepared(reduce_only=True)) is RefusalKind.OVER_LIMIT


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [([], None), ([SYMBOL], None), (["ETH/USDT:USDT"], RefusalKind.SYMBOL_NOT_ALLOWED)],
)
def test_only_allowed_symbols_are_traded(allowed: list[str], refused: RefusalKind | None) -> None:
    assert judge(a_use(allowed_symbols=allowed)) is refused


@pytest.mark.parametrize(("age", "refused"), [(30, None), (31, RefusalKind.TOO_OLD)])
def test_an_old_request_is_not_sent_any_more(age: int, refused: RefusalKind | None) -> None:
    assert judge(a_use(), created_at=NOW - timedelta(seconds=age)) is refused


@pytest.mark.parametrize(("queues", "refused"), [(True, None), (False, RefusalKind.OVER_LIMIT)])
def test_one_that_waits_is_not_too_old_and_waits_for_the_rate_where_it_may(
    queues: bool,  # noqa: FBT001
    refused: RefusalKind | None,
) -> None:
    use = a_use(max_orders_per_minute=1, queue_when_full=queues)
    attempted(use)

    assert judge(use, created_at=NOW - timedelta(hours=1), outcome="WAITING") is refused


@pytest.mark.parametrize(
    ("switch", "refused"),
    [
        ({"is_active": False}, RefusalKind.HALTED),
        ({"strategy__is_active": False}, RefusalKind.HALTED),
        ({"account__state": AccountState.AUTH_FAILED.value}, RefusalKind.HALTED),
        ({"account__tracking_only": True}, RefusalKind.TRACKING_ONLY),
    ],
)
def test_what_is_switched_off_does_not_trade(switch: dict[str, Any], refused: RefusalKind) -> None:
    assert judge(a_use(**switch)) is refused


@pytest.mark.parametrize(
    ("queues", "refused"), [(False, RefusalKind.TOO_MANY_ORDERS), (True, None)]
)
def test_a_full_account_takes_no_more_unless_it_queues(
    queues: bool,  # noqa: FBT001
    refused: RefusalKind | None,
) -> None:
    use = a_use(account__max_open_orders=1, queue_when_full=queues)
    assert judge(use) is None

    OpenOrderFactory.create(account=use.account)

    assert judge(use) is refused


def amend_to(
    use: StrategyAccount,
    worth: str,
    *,
    only_reduces: bool = False,
    client_order_id: str | None = None,
) -> RefusalKind | None:
    """Ask to make the order of this name worth so much."""
    change = Change(Decimal(worth), "USDT", only_reduces)
    request = a_request(use, action="AMEND", client_order_id=client_order_id)
    refused = order_limits.amend_refusal(use.account, request, change, NOW)
    return refused.kind if refused else None


class Change(NamedTuple):
    """What an order is to be."""

    notional: Decimal
    notional_asset: str
    only_reduces: bool


@pytest.mark.parametrize("limit", ["max_order_notional", "max_daily_notional"])
def test_an_amendment_may_not_grow_beyond_what_orders_may_be_worth(limit: str) -> None:
    use = a_use(**{limit: 100})
    order = attempted(use, worth="50").client_order_id

    assert amend_to(use, "100", client_order_id=order) is None
    assert amend_to(use, "101", client_order_id=order) is RefusalKind.OVER_LIMIT
    assert amend_to(use, "101", client_order_id=order, only_reduces=True) is None


def test_an_order_that_was_amended_counts_once_for_the_most_it_was_worth() -> None:
    use = a_use(max_daily_notional=100)
    order = attempted(use, worth="30").client_order_id
    for worth in ("60", "40"):
        attempted(use, worth=worth, action="AMEND", client_order_id=order)
    attempted(use, worth="90", action="AMEND", client_order_id=order, outcome="REJECTED")

    assert judge(use, prepared("40")) is None
    assert judge(use, prepared("41")) is RefusalKind.OVER_LIMIT


def test_an_amendment_that_makes_nothing_dearer_is_let_through() -> None:
    use = a_use(max_order_notional=10, max_daily_notional=10)
    order = attempted(use, worth="50").client_order_id

    assert amend_to(use, "50", client_order_id=order) is None
    assert amend_to(use, "51", client_order_id=order) is RefusalKind.OVER_LIMIT
    assert amend_to(use, "5") is RefusalKind.OVER_LIMIT


def test_what_is_switched_off_amends_nothing() -> None:
    assert amend_to(a_use(account__tracking_only=True), "1") is RefusalKind.TRACKING_ONLY


def test_a_refusal_tells_a_trader_what_the_limit_is() -> None:
    use = a_use(max_daily_notional=Decimal("100.50"))
    attempted(use, worth="99")

    told = refusal(use, prepared("2.25"))

    assert told is not None
    assert told.reason == (
        "worth 2.25 USDT, and 99 were sent in the last 24 hours; 100.5 are allowed"
    )
