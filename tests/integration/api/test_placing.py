"""Orders by API: committed once per key, answered before any exchange is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from tests import factories
from tests.integration.api.placing import LIMIT, api, asking, handed_on, post, stranger, use
from tracking.models import OpenOrder, OrderRequest, RequestOutcome

if TYPE_CHECKING:
    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

__all__ = ["api", "handed_on", "stranger", "use"]
ORDER = {"strategy": "trend", **LIMIT}


def test_an_order_is_committed_handed_on_and_answered(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    answer = post(api, "orders/", ORDER | {"priority": 3}, key="first")

    made = OrderRequest.objects.get()
    told = answer.json()
    assert (answer.status_code, told["id"], handed_on) == (202, made.pk, [[made.pk]])
    assert (told["outcome"], told["source"], told["action"]) == ("PENDING", "API", "PLACE")
    assert (told["client_order_id"], told["symbol"]) == (made.client_order_id, "BTC/USDT:USDT")
    assert (made.strategy_account, made.priority, made.idempotency_key) == (use, 3, "first")
    assert not OpenOrder.objects.exists()


def test_a_call_takes_few_statements(
    api: APIClient, handed_on: list[list[int]], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(7):
        post(api, "orders/", ORDER, key="first")


@pytest.mark.parametrize("quantity", ["0.123456789012345678", 0.5, 2, "1e-3"])
def test_amounts_are_texts_or_numbers_and_never_floats(
    api: APIClient, handed_on: list[list[int]], quantity: object
) -> None:
    exact = '{"strategy":"trend","symbol":"BTC/USDT:USDT","side":"BUY","order_type":"MARKET",'
    number = f'"{quantity}"' if isinstance(quantity, str) else f"{quantity}0000000000000000001"
    number = number if "." in number or isinstance(quantity, str) else f"{quantity}"

    answer = api.post(
        "/api/v1/orders/",
        f'{exact}"quantity":{number}}}'.encode(),
        content_type="application/json",
        headers={"Idempotency-Key": "exact"},
    )

    assert answer.status_code == 202
    kept = answer.json()["body"]["quantity"]
    assert (
        kept
        == {
            "0.123456789012345678": "0.123456789012345678",
            0.5: "0.50000000000000000001",
            2: "2",
            "1e-3": "0.001",
        }[quantity]
    )
    assert len(handed_on) == 1


def test_the_same_key_again_is_the_same_request(api: APIClient, handed_on: list[list[int]]) -> None:
    first = post(api, "orders/", ORDER, key="twice")
    again = post(api, "orders/", ORDER | {"idempotency_key": "twice"})

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert OrderRequest.objects.count() == 1


def test_the_same_key_for_another_order_is_refused(
    api: APIClient, handed_on: list[list[int]]
) -> None:
    post(api, "orders/", ORDER, key="twice")
    answer = post(api, "orders/", ORDER | {"quantity": "0.6"}, key="twice")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert len(handed_on) == 1


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        (ORDER, None, "no_idempotency_key"),
        (ORDER, "", "no_idempotency_key"),
        (ORDER | {"idempotency_key": "b"}, "a", "two_idempotency_keys"),
        (ORDER | {"idempotency_key": 7}, None, "invalid"),
        (ORDER | {"idempotency_key": "\x00"}, None, "invalid"),
        (ORDER, "k" * 101, "invalid_order"),
        (ORDER | {"quantity": "-1"}, "a", "invalid_order"),
        (ORDER | {"quantity": "NaN"}, "a", "invalid_order"),
        (ORDER | {"quantity": "1e999999"}, "a", "invalid_order"),
        (ORDER | {"quantity": ["1"]}, "a", "invalid_order"),
        (ORDER | {"percent": "10"}, "a", "invalid_order"),
        (ORDER | {"side": "UP"}, "a", "invalid_order"),
        (ORDER | {"reduce_onyl": True}, "a", "invalid_order"),
        (ORDER | {"symbol": "A\x00B"}, "a", "invalid_order"),
        (ORDER | {"strategy": "tr\x00end"}, "a", "invalid"),
        (ORDER | {"strategy": None}, "a", "invalid"),
        (ORDER | {"priority": 10**6}, "a", "invalid"),
        (LIMIT, "a", "invalid"),
        ([ORDER], "a", "invalid"),
        ("BUY", "a", "invalid"),
    ],
)
def test_what_makes_no_sense_is_one_clear_problem_and_commits_nothing(
    api: APIClient, handed_on: list[list[int]], body: Any, key: str | None, code: str
) -> None:
    answer = post(api, "orders/", body, key=key)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not OrderRequest.objects.exists()
    assert handed_on == []


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b'{"a":' + b"[" * 30_000,
        b'{"quantity": NaN}',
        b'{"side":"BUY","side":"SELL"}',
        b'{"quantity":' + b"1" * 5000 + b"}",
        b" " * 70_000,
    ],
    ids=["cut off", "no text", "deep", "no number", "twice", "long number", "long"],
)
def test_what_is_no_json_is_refused(api: APIClient, raw: bytes) -> None:
    answer = api.post(
        "/api/v1/orders/", raw, content_type="application/json", headers={"Idempotency-Key": "a"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_a_form_is_not_taken_for_an_order(api: APIClient) -> None:
    assert api.post("/api/v1/orders/", ORDER).status_code == 415


@pytest.mark.parametrize("wait", ["11", "-1", "soon", "nan", "inf"])
def test_nothing_is_committed_for_a_wait_of_no_length(api: APIClient, wait: str) -> None:
    answer = post(api, f"orders/?wait={wait}", ORDER, key="a")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["wait"])
    assert not OrderRequest.objects.exists()


def test_a_wait_ends_with_the_outcome(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    made = factories.OrderRequestFactory.create(
        strategy_account=use, idempotency_key="done", outcome=RequestOutcome.REJECTED.value
    )
    factories.FailedOrderFactory.create(request=made)
    order = factories.OpenOrderFactory.create(account=use.account)
    OrderRequest.objects.filter(pk=made.pk).update(action="CANCEL")

    answer = post(api, f"orders/{order.pk + 1}/cancel/?wait=10", key="done")

    assert (answer.status_code, answer.json()["outcome"]) == (200, "REJECTED")
    assert answer.json()["failure"]["what"].startswith("Insufficient funds:")


def test_one_strategy_on_several_accounts_needs_the_name_of_one(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    factories.StrategyAccountFactory.create(
        strategy=use.strategy, account__user=use.account.user, account__name="other"
    )

    unnamed = post(api, "orders/", ORDER, key="a")
    named = post(api, "orders/", ORDER | {"account": "main"}, key="a")

    assert unnamed.status_code == 400
    assert unnamed.json()["errors"]["account"] == [
        "the strategy uses several, expected one of: main, other"
    ]
    assert (named.status_code, OrderRequest.objects.get().strategy_account) == (202, use)


@pytest.mark.parametrize(
    "named", [{"strategy": "theirs"}, {"strategy": "nobodys"}, {"account": "nowhere"}]
)
def test_what_is_another_users_is_not_found(
    api: APIClient, stranger: APIClient, handed_on: list[list[int]], named: dict[str, str]
) -> None:
    answer = post(api, "orders/", ORDER | named, key="a")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_strategy")
    assert not OrderRequest.objects.exists()


@pytest.mark.parametrize("inactive", ["use", "strategy"])
def test_what_is_switched_off_orders_nothing(
    api: APIClient, use: StrategyAccount, inactive: str
) -> None:
    row = use if inactive == "use" else use.strategy
    row.is_active = False
    row.save(update_fields=["is_active"])

    assert post(api, "orders/", ORDER, key="a").status_code == 404


def test_an_order_is_cancelled_once_per_key(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    order = factories.OpenOrderFactory.create(account=use.account, strategy_account=use)

    first = post(api, f"orders/{order.pk}/cancel/", key="stop")
    again = post(api, f"orders/{order.pk}/cancel/", key="stop")
    order.delete()
    late = post(api, f"orders/{order.pk or 1}/cancel/", key="stop")

    assert (first.status_code, again.status_code, late.status_code) == (202, 200, 200)
    assert first.json()["id"] == again.json()["id"] == late.json()["id"]
    assert first.json()["exchange_order_id"] == order.exchange_order_id
    assert handed_on[0] == [first.json()["id"]]


def test_an_order_is_amended(
    api: APIClient, use: StrategyAccount, handed_on: list[list[int]]
) -> None:
    order = factories.OpenOrderFactory.create(account=use.account, strategy_account=use)

    answer = post(api, f"orders/{order.pk}/amend/", {"price": "65000.10"}, key="dearer")

    assert answer.status_code == 202
    told = answer.json()
    assert (told["action"], told["body"]["price"], told["body"]["quantity"]) == (
        "AMEND",
        "65000.1",
        None,
    )


@pytest.mark.parametrize("body", [{}, {"price": "0"}, {"price": "x"}, {"quantity": "-1"}])
def test_a_change_that_makes_no_sense_is_refused(
    api: APIClient, use: StrategyAccount, body: dict[str, str]
) -> None:
    order = factories.OpenOrderFactory.create(account=use.account, strategy_account=use)

    assert post(api, f"orders/{order.pk}/amend/", body).status_code == 400


@pytest.mark.parametrize("doing", ["cancel", "amend"])
def test_orders_of_others_and_of_nobody_are_not_found(
    api: APIClient, stranger: APIClient, use: StrategyAccount, doing: str
) -> None:
    order = factories.OpenOrderFactory.create(account=use.account, strategy_account=use)

    answers = [
        post(client, f"orders/{pk}/{doing}/", {"price": "1"}, key="a")
        for client, pk in [(stranger, order.pk), (api, order.pk + 1), (api, 2**70), (api, "x")]
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert not OrderRequest.objects.exists()


def test_all_orders_are_cancelled_once_confirmed(
    api: APIClient, use: StrategyAccount, stranger: APIClient, handed_on: list[list[int]]
) -> None:
    orders = [
        factories.OpenOrderFactory.create(account=use.account, strategy_account=use)
        for _ in range(2)
    ]
    body = {"strategy": "trend", "account": "main", "side": "BUY", "symbol": "BTC/USDT:USDT"}

    unconfirmed = post(api, "orders/cancel-all/", body)
    mistyped = post(api, "orders/cancel-all/", body | {"confirm": "cancel"})
    done = post(api, "orders/cancel-all/", body | {"confirm": "CANCEL"}, key="all")
    again = post(api, "orders/cancel-all/", body | {"confirm": "CANCEL"}, key="all")
    theirs = post(stranger, "orders/cancel-all/", {"confirm": "CANCEL"})

    assert (unconfirmed.status_code, mistyped.status_code) == (400, 400)
    assert (done.status_code, again.json()) == (202, done.json())
    names = [request["exchange_order_id"] for request in done.json()["requests"]]
    assert names == [order.exchange_order_id for order in orders]
    assert theirs.json() == {"requests": [], "withdrawn": []}


@pytest.mark.parametrize("named", [{"strategy": "theirs"}, {"account": "nowhere"}])
def test_cancelling_all_of_somebody_elses_is_not_found(
    api: APIClient, stranger: APIClient, named: dict[str, str]
) -> None:
    answer = post(api, "orders/cancel-all/", named | {"confirm": "CANCEL"})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["orders/", "orders/batch/", "orders/1/cancel/", "orders/1/amend/", "orders/cancel-all/"],
)
def test_nobody_orders_without_a_login(path: str) -> None:
    assert post(APIClient(), path, ORDER, key="a").status_code == 401


def test_placing_is_throttled_by_user_and_cancelling_is_not(
    api: APIClient,
    use: StrategyAccount,
    stranger: APIClient,
    handed_on: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracking.api.placing.OrderThrottle.rate", "2/min", raising=False)
    order = factories.OpenOrderFactory.create(account=use.account, strategy_account=use)

    answers = [post(api, "orders/", ORDER, key=f"k{place}") for place in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert post(api, f"orders/{order.pk}/cancel/").status_code == 202
    assert post(stranger, "orders/", ORDER, key="a").status_code == 404


def test_a_session_needs_its_csrf_token(use: StrategyAccount) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(use.account.user)

    assert post(client, "orders/", ORDER, key="a").status_code == 403


def test_a_batch_has_a_result_for_each_order(api: APIClient, handed_on: list[list[int]]) -> None:
    taken = post(api, "orders/", ORDER, key="taken").json()
    batch = [
        ORDER,
        ORDER | {"side": "UP"},
        ORDER | {"idempotency_key": "taken"},
        ORDER | {"idempotency_key": "taken", "quantity": "9"},
        ORDER | {"strategy": "nobodys"},
        "BUY",
        ORDER | {"quantity": "0.25"},
    ]

    answer = post(api, "orders/batch/", batch, key="list")
    results = answer.json()["results"]

    assert answer.status_code == 207
    assert [one["status"] for one in results] == [202, 400, 200, 409, 404, 400, 202]
    assert results[2]["request"]["id"] == taken["id"]
    assert [one["problem"] is None for one in results] == [True, False, True, *[False] * 3, True]
    made = [results[place]["request"]["id"] for place in (0, 2, 6)]
    assert handed_on[1:] == [made]


def test_a_batch_again_is_the_same_requests(api: APIClient, handed_on: list[list[int]]) -> None:
    batch = [ORDER, ORDER | {"side": "SELL"}]

    first = post(api, "orders/batch/", batch, key="k" * 100).json()["results"]
    again = post(api, "orders/batch/", batch, key="k" * 100).json()["results"]

    assert [one["request"]["id"] for one in first] == [one["request"]["id"] for one in again]
    assert [one["status"] for one in again] == [200, 200]


def test_one_key_used_for_another_order_takes_no_other_down(
    api: APIClient, handed_on: list[list[int]]
) -> None:
    post(api, "orders/", ORDER, key="taken")
    batch = [ORDER | {"idempotency_key": "taken", "quantity": "9"}, ORDER]

    results = post(api, "orders/batch/", batch, key="list").json()["results"]

    assert [one["status"] for one in results] == [409, 202]


@pytest.mark.parametrize(
    "batch", [[], [ORDER] * 51, ORDER, "BUY"], ids=["none", "too many", "one", "text"]
)
def test_a_batch_is_a_list_of_some_orders(api: APIClient, batch: object) -> None:
    assert post(api, "orders/batch/", batch, key="a").status_code == 400


def test_orders_of_a_batch_need_a_key_too(api: APIClient) -> None:
    (result,) = post(api, "orders/batch/", [ORDER]).json()["results"]

    assert result["problem"]["code"] == "no_idempotency_key"


def test_staff_order_for_nobody_but_themselves(use: StrategyAccount) -> None:
    staff = asking(factories.StaffFactory.create())

    assert post(staff, "orders/", ORDER, key="a").status_code == 404
