"""Staff halts and lifts, limits a strategy, and takes back what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import ExchangeAccountFactory, StaffFactory, StrategyAccountFactory
from tests.integration.services.placing import a_request
from tracking.models import ExchangeAccount, FailedOrder, Halt, StrategyAccount
from tracking.services import halts

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "admin:tracking_halt_add"
HALTS = "admin:tracking_halt_changelist"
ACCOUNTS = "admin:tracking_exchangeaccount_changelist"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(StaffFactory.create(username="ops"))
    return client


def halt(staff: Client, account: ExchangeAccount | None, reason: str) -> list[str]:
    form = {"account": str(account.pk) if account else "", "reason": reason}
    answer = staff.post(reverse(ADD), form, follow=True)
    assert answer.status_code == 200
    return [str(told) for told in answer.context["messages"]]


def act(staff: Client, page: str, action: str, pk: int) -> list[str]:
    form = {"action": action, "_selected_action": [str(pk)]}
    answer = staff.post(reverse(page), form, follow=True)
    return [str(told) for told in answer.context["messages"]]


def is_refused(account: ExchangeAccount) -> bool:
    return halts.refusal(account, timezone.now()) is not None


def test_adding_a_halt_halts_at_once_and_the_action_lifts_it(staff: Client) -> None:
    account, other = ExchangeAccountFactory.create_batch(2)

    halt(staff, account, "it runs away")

    made = Halt.objects.get()
    assert (made.account, made.reason, made.set_by) == (account, "it runs away", "ops")
    assert is_refused(account)
    assert not is_refused(other)
    assert act(staff, HALTS, "lift", made.pk) == [f"{account} is not halted any more"]
    assert not is_refused(account)
    assert act(staff, HALTS, "lift", made.pk) == []


def test_everything_is_halted_and_the_list_of_accounts_says_so(staff: Client) -> None:
    account = ExchangeAccountFactory.create()
    before = staff.get(reverse(ACCOUNTS)).content.decode()

    halt(staff, None, "<b>exchange is odd</b>")

    after = staff.get(reverse(ACCOUNTS)).content.decode()
    assert f"{reverse(ADD)}?account={account.pk}" in before
    assert "HALTED: &lt;b&gt;exchange is odd&lt;/b&gt;" in after
    assert f"{reverse(ADD)}?account={account.pk}" not in after
    assert "EVERYTHING" in staff.get(reverse(HALTS)).content.decode()


def test_a_second_halt_says_that_there_is_one(staff: Client) -> None:
    halt(staff, None, "first")

    told = halt(staff, None, "second")

    assert Halt.objects.get().reason == "first"
    assert any("it was halted already: all trading was halted by ops" in text for text in told)


def test_a_halt_wants_a_reason_and_stays_as_it_was(staff: Client) -> None:
    staff.post(reverse(ADD), {"account": "", "reason": "  "})
    assert not Halt.objects.exists()
    halt(staff, None, "why")
    made = Halt.objects.get()

    change = reverse("admin:tracking_halt_change", args=[made.pk])
    assert staff.get(change).status_code == 200
    assert staff.post(change, {"reason": "other"}).status_code == 403
    assert staff.get(reverse("admin:tracking_halt_delete", args=[made.pk])).status_code == 403


@pytest.mark.parametrize("state", ["standing", "lifted"])
def test_halts_are_found_by_state(staff: Client, state: str) -> None:
    halt(staff, None, "this one")
    if state == "lifted":
        halts.lift_halt(account_id=None, actor="ops")
    other = {"standing": "lifted", "lifted": "standing"}[state]

    assert "this one" in staff.get(reverse(HALTS), {"state": state}).content.decode()
    assert "this one" not in staff.get(reverse(HALTS), {"state": other}).content.decode()


def form_of(use: StrategyAccount, **changes: str) -> dict[str, str]:
    return {
        "strategy": str(use.strategy_id),
        "account": str(use.account_id),
        "token": use.token,
        "is_active": "on",
        "max_request_age": "30",
        **changes,
    }


def change_use(staff: Client, use: StrategyAccount, **changes: str) -> str:
    page = reverse("admin:tracking_strategyaccount_change", args=[use.pk])
    answer = staff.post(page, form_of(use, **changes))
    use.refresh_from_db()
    return "" if answer.status_code == 302 else answer.content.decode()


def test_limits_are_set_and_taken_away(staff: Client) -> None:
    use = StrategyAccountFactory.create()

    assert not change_use(
        staff,
        use,
        max_orders_per_minute="5",
        max_order_notional="100.5",
        max_daily_notional="1000",
        allowed_symbols="btc/usdt:usdt\nETH/USDT:USDT",
        queue_when_full="on",
    )

    assert (use.max_orders_per_minute, use.max_order_notional) == (5, 100.5)
    assert use.allowed_symbols == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert use.queue_when_full
    assert not change_use(staff, use, max_orders_per_minute="", allowed_symbols="")
    assert (use.max_orders_per_minute, use.max_order_notional) == (None, None)
    assert use.allowed_symbols == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("max_orders_per_minute", "0", "greater than or equal to 1"),
        ("max_request_age", "0", "greater than or equal to 1"),
        ("max_order_notional", "0", "expected more than zero"),
        ("max_daily_notional", "-1", "expected more than zero"),
        ("allowed_symbols", "BTCUSDT", "expected a unified symbol"),
        ("allowed_symbols", "BTC/USDT", "are written as BTC/USDT:USDT, not as BTC/USDT"),
    ],
)
def test_what_is_no_limit_is_refused(staff: Client, field: str, value: str, told: str) -> None:
    use = StrategyAccountFactory.create()
    before = getattr(use, field)

    assert told in change_use(staff, use, **{field: value})
    assert getattr(use, field) == before


def test_spot_symbols_name_no_settlement(staff: Client) -> None:
    use = StrategyAccountFactory.create(account__market_type="SPOT")

    assert "are written as BTC/USDT, not as" in change_use(
        staff, use, allowed_symbols="BTC/USDT:USDT"
    )
    assert not change_use(staff, use, allowed_symbols="BTC/USDT")


@pytest.mark.parametrize(("limit", "kept"), [("200", 200), ("", None), ("0", 7)])
def test_an_account_s_limit_of_open_orders_is_set(
    staff: Client, limit: str, kept: int | None
) -> None:
    account = ExchangeAccountFactory.create(max_open_orders=7)
    form = {
        "user": str(account.user_id),
        "name": account.name,
        "exchange": account.exchange,
        "market_type": account.market_type,
        "position_mode": account.position_mode,
        "simulated": "on",
        "state": account.state,
        "tracking_only": "on",
        "max_open_orders": limit,
    }

    staff.post(reverse("admin:tracking_exchangeaccount_change", args=[account.pk]), form)

    account.refresh_from_db()
    assert (account.max_open_orders, account.tracking_only) == (kept, kept != 7)


def test_what_waits_is_shown_with_its_priority_and_withdrawn(staff: Client) -> None:
    use = StrategyAccountFactory.create()
    waits = a_request(use, outcome="WAITING", priority=77)
    page = "admin:tracking_orderrequest_changelist"

    shown = staff.get(reverse(page), {"outcome": "WAITING"}).content.decode()

    assert ">77<" in shown
    assert act(staff, page, "withdraw", waits.pk) == ["1 request(s) withdrawn"]
    assert act(staff, page, "withdraw", waits.pk) == ["0 request(s) withdrawn"]
    assert FailedOrder.objects.get().reason == "withdrawn by ops while it waited"
