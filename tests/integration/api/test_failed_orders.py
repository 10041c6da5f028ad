"""Refusals by API: in words, tried again once, or dismissed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories
from tests.integration.api.placing import api, handed_on, post, stranger, use
from tracking.models import FailedOrder, OrderRequest

if TYPE_CHECKING:
    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

__all__ = ["api", "handed_on", "stranger", "use"]


def refused(use: StrategyAccount, **terms: Any) -> FailedOrder:
    made: FailedOrder = factories.FailedOrderFactory.create(request__strategy_account=use, **terms)
    return made


def test_a_refusal_is_told_in_words_with_what_was_asked(
    api: APIClient, use: StrategyAccount
) -> None:
    failure = refused(use, reason="Margin is insufficient.", code="-2019")

    (told,) = api.get("/api/v1/failed-orders/").json()["results"]

    assert told["id"] == failure.pk
    assert told["what"].startswith("Insufficient funds:")
    assert told["advice"]
    assert (told["reason"], told["code"]) == ("Margin is insufficient.", "-2019")
    assert (told["symbol"], told["body"]["quantity"]) == ("BTC/USDT:USDT", "0.5")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("state=open", 1),
        ("state=retried", 1),
        ("state=dismissed", 1),
        ("state=all", 3),
        ("kind=BELOW_MINIMUM", 0),
        ("strategy=trend", 1),
        ("strategy=theirs", 0),
    ],
)
def test_the_list_shows_what_nobody_has_dealt_with_unless_asked(
    api: APIClient, use: StrategyAccount, query: str, count: int
) -> None:
    refused(use)
    refused(use, retried_at=timezone.now())
    refused(use, dismissed_at=timezone.now())

    assert len(api.get(f"/api/v1/failed-orders/?{query}").json()["results"]) == count


def test_a_list_takes_two_queries_however_long(
    api: APIClient, use: StrategyAccount, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        refused(use)

    with django_assert_num_queries(2):
        assert len(api.get("/api/v1/failed-orders/").json()["results"]) == 3


def test_a_retry_is_a_new_request_that_names_the_old_one(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    failure = refused(use, request__priority=4)
    path = f"failed-orders/{failure.pk}/retry/"

    answer = post(api, path, {"quantity": "0.25"}, key="again")

    made = OrderRequest.objects.latest("pk")
    told = answer.json()
    assert (answer.status_code, told["id"], handed_on) == (202, made.pk, [[made.pk]])
    assert (told["retry_of"], told["source"], told["priority"]) == (failure.request_id, "RETRY", 4)
    assert (made.body["quantity"], made.body["price"]) == ("0.25", "64123.1")
    assert made.client_order_id != failure.request.client_order_id
    failure.refresh_from_db()
    assert failure.retried_at is not None
    shown = api.get(f"/api/v1/failed-orders/{failure.pk}/").json()
    assert shown["retry"] == made.pk


def test_a_second_retry_is_refused_and_the_same_key_is_the_same_retry(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    path = f"failed-orders/{refused(use).pk}/retry/"

    first = post(api, path, key="again")
    repeated = post(api, path, key="again")
    second = post(api, path, key="and again")

    assert (first.status_code, repeated.status_code) == (202, 200)
    assert repeated.json()["id"] == first.json()["id"]
    assert (second.status_code, second.json()["code"]) == (409, "not_retried")
    assert OrderRequest.objects.count() == 2


@pytest.mark.parametrize("key", ["a\x00b", "k" * 101])
def test_what_is_no_key_is_refused_and_tries_nothing_again(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]], key: str
) -> None:
    answer = post(api, f"failed-orders/{refused(use).pk}/retry/", {"idempotency_key": key})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_order")
    assert (OrderRequest.objects.count(), handed_on) == (1, [])


def test_what_was_refused_again_may_be_tried_again(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    made = post(api, f"failed-orders/{refused(use).pk}/retry/", key="a").json()
    again = factories.FailedOrderFactory.create(request_id=made["id"], account=use.account)

    assert post(api, f"failed-orders/{again.pk}/retry/", key="b").status_code == 202


@pytest.mark.parametrize(
    ("terms", "code"),
    [({"request__action": "CANCEL"}, "not_retried"), ({"dismissed_at": "now"}, "not_retried")],
)
def test_what_cannot_be_tried_again_says_why(
    api: APIClient, use: StrategyAccount, terms: dict[str, Any], code: str
) -> None:
    if "dismissed_at" in terms:
        terms = {"dismissed_at": timezone.now()}
    failure = refused(use, **terms)

    answer = post(api, f"failed-orders/{failure.pk}/retry/", key="a")

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert OrderRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        ({}, None, "no_idempotency_key"),
        ({"quantity": "0"}, "a", "invalid_order"),
        ({"percent": "5"}, "a", "invalid_order"),
        ({"quantum": "5"}, "a", "invalid_order"),
        ([], "a", "invalid"),
    ],
)
def test_changes_that_make_no_sense_commit_nothing(
    api: APIClient, use: StrategyAccount, body: Any, key: str | None, code: str
) -> None:
    failure = refused(use)

    answer = post(api, f"failed-orders/{failure.pk}/retry/", body, key=key)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    failure.refresh_from_db()
    assert (failure.retried_at, OrderRequest.objects.count()) == (None, 1)


def test_a_key_of_another_request_marks_nothing(api: APIClient, use: StrategyAccount) -> None:
    failure = refused(use, request__idempotency_key="taken")

    answer = post(api, f"failed-orders/{failure.pk}/retry/", key="taken")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    failure.refresh_from_db()
    assert failure.retried_at is None


def test_a_refusal_is_dismissed_once(api: APIClient, use: StrategyAccount) -> None:
    path = f"failed-orders/{refused(use).pk}/dismiss/"

    first, again = post(api, path), post(api, path)

    assert first.status_code == 200
    assert first.json()["dismissed_at"]
    assert (again.status_code, again.json()["code"]) == (409, "not_open")


@pytest.mark.parametrize("doing", ["", "retry/", "dismiss/"])
def test_refusals_of_others_are_not_found(
    stranger: APIClient, use: StrategyAccount, doing: str
) -> None:
    failure = refused(use)
    url = f"failed-orders/{failure.pk}/{doing}"

    answer = post(stranger, url, key="a") if doing else stranger.get(f"/api/v1/{url}")

    assert answer.status_code == 404
    failure.refresh_from_db()
    assert (failure.retried_at, failure.dismissed_at) == (None, None)


@pytest.mark.parametrize("doing", ["retry/", "dismiss/"])
def test_nobody_deals_with_refusals_without_a_login(use: StrategyAccount, doing: str) -> None:
    assert post(APIClient(), f"failed-orders/{refused(use).pk}/{doing}").status_code == 401
