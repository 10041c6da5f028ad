"""Requests by API: what was asked, what became of it, and taking back what waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories
from tests.integration.api.placing import api, asking, post, stranger, use
from tracking.models import OrderRequest, Repair, RequestOutcome, RequestSource

if TYPE_CHECKING:
    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

__all__ = ["api", "stranger", "use"]


def asked(use: StrategyAccount, **terms: Any) -> OrderRequest:
    made: OrderRequest = factories.OrderRequestFactory.create(strategy_account=use, **terms)
    return made


def test_a_list_takes_one_query_however_many_failed(
    api: APIClient, use: StrategyAccount, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        factories.FailedOrderFactory.create(request=asked(use))
    asked(use)
    asked(factories.StrategyAccountFactory.create())

    with django_assert_num_queries(1):
        rows = api.get("/api/v1/order-requests/").json()["results"]

    assert len(rows) == 4
    assert [row["failure"] is None for row in rows] == [True, False, False, False]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("outcome=NEEDS_REVIEW", 1),
        ("outcome=NEEDS_REVIEW&outcome=WAITING", 2),
        ("strategy=trend", 3),
        ("strategy=theirs", 0),
        ("account=999999", 0),
        ("action=CANCEL", 1),
        ("source=WEBHOOK", 1),
        ("client_order_id=asked", 1),
    ],
)
def test_requests_are_narrowed(
    api: APIClient, use: StrategyAccount, query: str, count: int
) -> None:
    asked(use, outcome=RequestOutcome.NEEDS_REVIEW.value, client_order_id="asked")
    asked(use, outcome=RequestOutcome.WAITING.value, source=RequestSource.WEBHOOK.value)
    asked(use, action="CANCEL")

    assert len(api.get(f"/api/v1/order-requests/?{query}").json()["results"]) == count


def test_requests_are_narrowed_by_when_they_were_made(api: APIClient, use: StrategyAccount) -> None:
    now = timezone.now()
    asked(use, created_at=now - timedelta(hours=1))
    late = asked(use, created_at=now)

    rows = api.get("/api/v1/order-requests/", {"since": now.isoformat()}).json()["results"]

    assert [row["id"] for row in rows] == [late.pk]


@pytest.mark.parametrize("query", ["outcome=GONE", "since=soon", "action=BUY", "account=x"])
def test_a_filter_that_cannot_be_read_is_a_problem(api: APIClient, query: str) -> None:
    assert api.get(f"/api/v1/order-requests/?{query}").status_code == 400


def test_one_request_tells_its_terms_evidence_failure_and_orders(
    api: APIClient, use: StrategyAccount
) -> None:
    request = asked(
        use,
        client_order_id="ours",
        terms={"quantity": "0.5", "changes": ["quantity 0.55 became 0.5"]},
        evidence=[{"asked": "open orders", "told": "nothing"}],
        outcome=RequestOutcome.NOT_ACCEPTED.value,
    )
    factories.FailedOrderFactory.create(request=request, kind="NOT_ACCEPTED", reason="absent")
    order = factories.OpenOrderFactory.create(account=use.account, client_order_id="ours")

    told = api.get(f"/api/v1/order-requests/{request.pk}/").json()

    assert told["changes"] == ["quantity 0.55 became 0.5"]
    assert told["terms"]["quantity"] == "0.5"
    assert told["evidence"] == [{"asked": "open orders", "told": "nothing"}]
    assert told["failure"]["what"].startswith("Not accepted:")
    assert told["failure"]["reason"] == "absent"
    assert [one["id"] for one in told["orders"]] == [order.pk]


def test_what_waits_is_taken_back_once(api: APIClient, use: StrategyAccount) -> None:
    request = asked(use, outcome=RequestOutcome.WAITING.value)

    first = post(api, f"order-requests/{request.pk}/withdraw/")
    again = post(api, f"order-requests/{request.pk}/withdraw/")

    assert (first.status_code, first.json()["outcome"]) == (200, "FAILED")
    assert first.json()["failure"]["kind"] == "WITHDRAWN"
    assert (again.status_code, again.json()["code"]) == (409, "not_waiting")


def test_what_is_under_way_is_not_taken_back(api: APIClient, use: StrategyAccount) -> None:
    request = asked(use)

    answer = post(api, f"order-requests/{request.pk}/withdraw/")

    assert (answer.status_code, OrderRequest.objects.get().outcome) == (409, "PENDING")


@pytest.mark.parametrize("path", ["", "withdraw/"])
def test_requests_of_others_are_not_found(
    stranger: APIClient, use: StrategyAccount, path: str
) -> None:
    request = asked(use, outcome=RequestOutcome.WAITING.value)
    url = f"order-requests/{request.pk}/{path}"

    answer = post(stranger, url) if path else stranger.get(f"/api/v1/{url}")

    assert answer.status_code == 404
    assert OrderRequest.objects.get().outcome == "WAITING"


def test_nobody_reads_requests_without_a_login() -> None:
    assert APIClient().get("/api/v1/order-requests/").status_code == 401


def test_requests_are_not_made_here(api: APIClient) -> None:
    assert post(api, "order-requests/").status_code == 405


def in_doubt(use: StrategyAccount, **terms: Any) -> OrderRequest:
    """Make a placement whose answer was lost long ago, and its order."""
    then = timezone.now() - timedelta(hours=1)
    request = asked(
        use,
        outcome=RequestOutcome.NEEDS_REVIEW.value,
        client_order_id="lost",
        **{"created_at": then, "attempted_at": then, "sent_at": then} | terms,
    )
    factories.OpenOrderFactory.create(
        account=use.account,
        strategy_account=use,
        placed_by_us=True,
        client_order_id="lost",
        exchange_order_id=None,
        status="UNKNOWN",
        created_at=then,
    )
    return request


SETTLED = {"not_accepted": True, "reason": "looked at the exchange: it is not there"}


def test_the_owner_settles_what_asking_could_not(api: APIClient, use: StrategyAccount) -> None:
    request = in_doubt(use)

    answer = post(api, f"order-requests/{request.pk}/settle/", SETTLED)
    again = post(api, f"order-requests/{request.pk}/settle/", SETTLED)

    assert (answer.status_code, answer.json()["outcome"]) == (200, "NOT_ACCEPTED")
    assert answer.json()["failure"]["kind"] == "NOT_ACCEPTED"
    assert Repair.objects.get().actor == use.account.user.get_username()
    assert (again.status_code, again.json()["code"]) == (409, "repair_refused")


def test_what_may_still_arrive_is_not_settled(api: APIClient, use: StrategyAccount) -> None:
    request = in_doubt(use, sent_at=timezone.now())

    answer = post(api, f"order-requests/{request.pk}/settle/", SETTLED)

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("it may still arrive")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"not_accepted": True},
        {"reason": "x"},
        {"reason": "x", "not_accepted": False},
        SETTLED | {"exchange_order_id": "7"},
        [],
    ],
)
def test_a_settlement_says_one_thing_and_why(
    api: APIClient, use: StrategyAccount, body: Any
) -> None:
    request = in_doubt(use)

    assert post(api, f"order-requests/{request.pk}/settle/", body).status_code == 400


def test_staff_settle_anybodys_and_strangers_nobodys(
    stranger: APIClient, use: StrategyAccount
) -> None:
    path = f"order-requests/{in_doubt(use).pk}/settle/"

    assert post(stranger, path, SETTLED).status_code == 404
    viewer = asking(factories.UserFactory.create(is_staff=True))
    assert post(viewer, path, SETTLED).status_code == 404
    assert post(asking(factories.StaffFactory.create()), path, SETTLED).status_code == 200
