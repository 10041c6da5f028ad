"""Ordering from the admin: shown before it is done, committed once, handed to the workers."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.integration.api.placing import handed_on
from tracking.models import FailedOrder, OpenOrder, OrderRequest, RequestOutcome

if TYPE_CHECKING:
    from django.test import Client

    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

__all__ = ["handed_on"]
CANCEL_ALL, PLACE = "/admin/tracking/openorder/cancel-all/", "/admin/tracking/openorder/place/"


@pytest.fixture
def staff(client: Client) -> Client:
    """Browse as a superuser."""
    client.force_login(factories.StaffFactory.create(username="ops"))
    return client


@pytest.fixture
def viewer(client: Client) -> Client:
    """Browse as staff who may look at everything."""
    person = factories.UserFactory.create(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(person)
    return client


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    made: StrategyAccount = factories.StrategyAccountFactory.create()
    return made


def orders_of(use: StrategyAccount, count: int, **terms: Any) -> list[OpenOrder]:
    return [
        factories.OpenOrderFactory.create(account=use.account, strategy_account=use, **terms)
        for _ in range(count)
    ]


def act(client: Client, page: str, action: str, rows: list[Any], **answers: Any) -> Any:
    """Choose an action on a list page, or fill in the page it has led to."""
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    apply = {"apply": "yes"} if answers else {}
    path = reverse(f"admin:tracking_{page}_changelist")
    return client.post(path, chosen | apply | answers, follow=True)


def key_in(page: Any) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page.content.decode())
    assert found
    return found[1]


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_chosen_orders_are_cancelled_once_their_number_is_typed(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    orders = orders_of(use, 2)
    page = act(staff, "openorder", "cancel", orders)
    key = key_in(page)

    wrong = act(staff, "openorder", "cancel", orders, confirm="CANCEL 3", key=key)
    none_yet = OrderRequest.objects.count()
    done = act(staff, "openorder", "cancel", orders, confirm="CANCEL 2", key=key)

    assert "Type CANCEL 2" in page.content.decode()
    assert all(f"#{order.exchange_order_id}" in page.content.decode() for order in orders)
    assert "expected CANCEL 2" in wrong.content.decode()
    assert none_yet == 0
    requests = list(OrderRequest.objects.order_by("pk"))
    assert {(one.action, one.source) for one in requests} == {("CANCEL", "ADMIN")}
    assert handed_on == [[one.pk for one in requests]]
    assert told(done)[0].startswith("2 order(s) are being cancelled")
    assert not OpenOrder.objects.filter(cancel_requested_at__isnull=True).exists()


def test_what_is_being_cancelled_is_not_cancelled_again(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    orders = orders_of(use, 1, cancel_requested_at=timezone.now())

    answer = act(staff, "openorder", "cancel", orders)

    assert told(answer)[0].startswith("nothing to cancel")
    assert handed_on == []


def test_all_orders_that_fit_are_shown_and_cancelled(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    buys = orders_of(use, 2)
    (sell,) = orders_of(use, 1, side="SELL")
    orders_of(factories.StrategyAccountFactory.create(), 1)
    path = f"{CANCEL_ALL}?strategy={use.strategy_id}&account={use.account_id}&side=BUY&symbol="

    page = staff.get(path)
    answer = staff.post(path, {"confirm": "CANCEL 2", "key": key_in(page)}, follow=True)

    shown = page.content.decode()
    assert all(f"#{order.exchange_order_id}" in shown for order in buys)
    assert f"#{sell.exchange_order_id}" not in shown
    assert told(answer)[0].startswith("2 order(s) are being cancelled")
    cancelled = OpenOrder.objects.filter(cancel_requested_at__isnull=False)
    assert set(cancelled) == set(buys)
    assert len(handed_on[0]) == 2


def test_everything_of_everybody_needs_the_number_of_now(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    orders_of(use, 1)
    orders_of(factories.StrategyAccountFactory.create(), 1)
    page = staff.get(CANCEL_ALL)
    orders_of(use, 1)

    late = staff.post(CANCEL_ALL, {"confirm": "CANCEL 2", "key": key_in(page)})
    staff.post(CANCEL_ALL, {"confirm": "CANCEL 3", "key": key_in(page)})

    assert "expected CANCEL 3: so many orders would be cancelled now" in late.content.decode()
    assert len(handed_on) == 1
    assert OrderRequest.objects.count() == 3
    assert OrderRequest.objects.values("user").distinct().count() == 2


def test_the_list_of_what_would_be_cancelled_takes_no_query_for_each(
    staff: Client, use: StrategyAccount, django_assert_max_num_queries: Any
) -> None:
    orders_of(use, 10)

    with django_assert_max_num_queries(12):
        page = staff.get(CANCEL_ALL)

    assert "10 order(s) would be cancelled" in page.content.decode()
    assert use.account.api_secret not in page.content.decode()


def test_an_order_is_placed_once_and_leads_to_its_request(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    page = staff.get(f"{PLACE}?use={use.pk}")
    form = {
        "use": use.pk,
        "symbol": "BTC/USDT:USDT",
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": "0.10",
        "price": "60000",
        "time_in_force": "GTX",
        "position_side": "NET",
        "priority": "0",
        "key": key_in(page),
    }

    answer = staff.post(PLACE, form, follow=True)
    again = staff.post(PLACE, form)
    other = staff.post(PLACE, form | {"quantity": "9"})

    made = OrderRequest.objects.get()
    assert answer.redirect_chain[0][0] == f"/admin/tracking/orderrequest/{made.pk}/change/"
    assert again.headers["Location"] == answer.redirect_chain[0][0]
    assert "has placed another order" in other.content.decode()
    assert (made.source, made.strategy_account, made.user) == ("ADMIN", use, use.account.user)
    assert (made.body["quantity"], made.body["time_in_force"]) == ("0.1", "GTX")
    assert handed_on == [[made.pk], [made.pk]]


def test_an_order_that_makes_no_sense_is_asked_about_again(
    staff: Client, use: StrategyAccount
) -> None:
    form = {"use": use.pk, "symbol": "BTC/USDT:USDT", "side": "BUY", "order_type": "LIMIT"}
    rest = {"time_in_force": "GTC", "position_side": "NET", "priority": "0"}

    answer = staff.post(PLACE, form | rest | {"key": key_in(staff.get(PLACE)), "price": "1"})

    assert "expected exactly one of quantity, quote_quantity and percent" in answer.content.decode()
    assert not OrderRequest.objects.exists()


def test_who_may_only_look_neither_places_nor_cancels(
    viewer: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    orders = orders_of(use, 1)
    factories.FailedOrderFactory.create(request__strategy_account=use)

    assert viewer.get(PLACE).status_code == 403
    assert viewer.get(CANCEL_ALL).status_code == 403
    assert viewer.post(CANCEL_ALL, {"confirm": "CANCEL 1"}).status_code == 403
    act(viewer, "openorder", "cancel", orders, confirm="CANCEL 1")
    act(viewer, "failedorder", "dismiss", list(FailedOrder.objects.all()))
    shown = viewer.get("/admin/tracking/openorder/").content.decode()
    assert PLACE not in shown
    assert CANCEL_ALL not in shown
    assert OrderRequest.objects.count() == 1
    assert FailedOrder.objects.get().dismissed_at is None
    assert handed_on == []


def test_the_list_of_orders_leads_to_both_pages(staff: Client) -> None:
    shown = staff.get("/admin/tracking/openorder/").content.decode()

    assert PLACE in shown
    assert CANCEL_ALL in shown


def test_a_refusal_is_tried_again_with_a_reason_and_something_changed(
    staff: Client, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    failure = factories.FailedOrderFactory.create(
        request__strategy_account=use, reason="Margin is insufficient.", code="-2019"
    )
    page = act(staff, "failedorder", "retry", [failure])
    key = key_in(page)

    unexplained = act(staff, "failedorder", "retry", [failure], key=key, quantity="0.25")
    answer = act(
        staff, "failedorder", "retry", [failure], key=key, quantity="0.25", reason="less of it"
    )
    second = act(staff, "failedorder", "retry", [failure])
    in_all = staff.post(
        "/admin/tracking/failedorder/?state=all",
        {
            "action": "retry",
            "_selected_action": [failure.pk],
            "apply": "yes",
            "reason": "once more",
            "key": str(uuid.uuid4()),
        },
        follow=True,
    )

    shown = page.content.decode()
    assert "Insufficient funds:" in shown
    assert "Margin is insufficient." in shown
    assert "64123.1" in shown
    assert "This field is required." in unexplained.content.decode()
    made = OrderRequest.objects.get(retry_of=failure.request)
    assert (made.body["quantity"], made.body["price"], made.source) == ("0.25", "64123.1", "RETRY")
    assert handed_on == [[made.pk]]
    assert told(answer) == ["1 order(s) are being sent again"]
    assert LogEntry.objects.get().change_message == "tried again: less of it"
    assert told(second) == ["nothing to try again: somebody has dealt with it"]
    assert "it was tried again already" in told(in_all)[0]


def test_refusals_are_dismissed_and_leave_the_list(staff: Client, use: StrategyAccount) -> None:
    failure = factories.FailedOrderFactory.create(request__strategy_account=use)

    answer = act(staff, "failedorder", "dismiss", [failure])

    assert told(answer) == ["1 refusal(s) dismissed"]
    assert answer.context["cl"].result_count == 0
    shown = staff.get("/admin/tracking/failedorder/?state=dismissed")
    assert shown.context["cl"].result_count == 1


def test_a_request_shows_terms_changes_evidence_and_refusal(
    staff: Client, use: StrategyAccount
) -> None:
    made = factories.OrderRequestFactory.create(
        strategy_account=use,
        outcome=RequestOutcome.NOT_ACCEPTED.value,
        terms={"quantity": "0.5", "changes": ["quantity 0.55 became 0.5"]},
        evidence=[{"asked": "open orders", "told": "nothing"}],
    )
    factories.FailedOrderFactory.create(request=made, kind="NOT_ACCEPTED")

    shown = staff.get(f"/admin/tracking/orderrequest/{made.pk}/change/").content.decode()

    assert "<p>quantity 0.55 became 0.5</p>" in shown
    assert "open orders" in shown
    assert "Not accepted: the exchange does not have the order" in shown
    assert "&quot;price&quot;: &quot;64123.1&quot;" in shown


@pytest.mark.parametrize("page", ["failedorder", "orderrequest"])
def test_lists_of_requests_take_no_query_for_each_row(
    staff: Client, use: StrategyAccount, django_assert_max_num_queries: Any, page: str
) -> None:
    for _ in range(10):
        factories.FailedOrderFactory.create(request__strategy_account=use)

    with django_assert_max_num_queries(12):
        assert staff.get(f"/admin/tracking/{page}/").context["cl"].result_count == 10
