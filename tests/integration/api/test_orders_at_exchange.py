"""Orders by API up to a simulated exchange: a worker sends what the caller was answered for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from tests import factories
from tests.integration.api.placing import asking, post
from tests.integration.services.conftest import (
    account,
    exchange,
    simulator,
    strategy_account,
    weight_limit,
)
from tracking import tasks
from tracking.models import OpenOrder
from tracking.services import order_dispatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rest_framework.test import APIClient

    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount

__all__ = ["account", "exchange", "simulator", "strategy_account", "weight_limit"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    """Dispatch what is handed on, as the worker of the queue does, in threads of its own."""

    def dispatch(ids: Sequence[int]) -> None:
        order_dispatch.dispatch_once(ids)
        connection.close()

    with ThreadPoolExecutor(4) as threads:
        monkeypatch.setattr(tasks, "send_requests", lambda ids: threads.submit(dispatch, list(ids)))
        yield threads


@pytest.fixture
def api(
    exchange: Exchange, strategy_account: StrategyAccount, worker: ThreadPoolExecutor
) -> APIClient:
    """Ask as the account's user."""
    del exchange, worker
    return asking(strategy_account.account.user)


@pytest.fixture
def order(strategy_account: StrategyAccount) -> dict[str, Any]:
    """Give a limit order that rests."""
    return {
        "strategy": strategy_account.strategy.slug,
        "symbol": "BTC/USDT:USDT",
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": "0.2",
        "price": "30000.04",
    }


def test_an_order_is_placed_amended_and_cancelled_within_the_wait(
    api: APIClient, exchange: Exchange, order: dict[str, Any]
) -> None:
    placed = post(api, "orders/?wait=10", order, key="one").json()
    (living,) = api.get("/api/v1/orders/").json()["results"]
    path = f"orders/{living['id']}"
    amended = post(api, f"{path}/amend/?wait=10", {"price": "31000"}, key="two").json()
    dearer = OpenOrder.objects.get().price
    cancelled = post(api, f"{path}/cancel/?wait=10", key="three").json()

    outcomes = [one["outcome"] for one in (placed, amended, cancelled)]
    assert outcomes == ["ACCEPTED"] * 3, (placed, amended, cancelled)
    assert (placed["exchange_order_id"], placed["terms"]["price"]) == (
        living["exchange_order_id"],
        "30000",
    )
    assert placed["changes"]
    assert dearer == 31000
    told = api.get(f"/api/v1/order-requests/{placed['id']}/").json()
    assert [one["status"] for one in told["orders"]] == ["CANCELLED"]
    exchange.assert_equal_books()


def test_a_refusal_comes_with_words_and_its_retry_may_be_accepted(
    api: APIClient, exchange: Exchange, order: dict[str, Any]
) -> None:
    refused = post(api, "orders/?wait=10", order | {"quantity": "0.00001"}, key="one").json()
    (failure,) = api.get("/api/v1/failed-orders/").json()["results"]
    retried = post(
        api, f"failed-orders/{failure['id']}/retry/?wait=10", {"quantity": "0.2"}, key="two"
    ).json()

    assert (refused["outcome"], failure["kind"]) == ("FAILED", "BELOW_MINIMUM")
    assert failure["what"].startswith("Below the minimum:")
    assert (retried["outcome"], retried["retry_of"]) == ("ACCEPTED", refused["id"])
    assert len(exchange.ledger()["open_orders"]) == 1


def test_a_batch_and_a_cancel_of_all_reach_the_exchange_once(
    api: APIClient, exchange: Exchange, order: dict[str, Any]
) -> None:
    batch = [order | {"quantity": quantity} for quantity in ("0.1", "0.2", "0.3")]
    placed = post(api, "orders/batch/?wait=10", batch, key="list").json()["results"]
    resting = len(exchange.ledger()["open_orders"])
    stopped = post(api, "orders/cancel-all/?wait=10", {"confirm": "CANCEL"}, key="stop").json()

    assert [one["request"]["outcome"] for one in placed] == ["ACCEPTED"] * 3
    assert resting == 3
    assert [one["outcome"] for one in stopped["requests"]] == ["ACCEPTED"] * 3
    assert exchange.ledger()["open_orders"] == []
    sent = exchange.simulator.submissions(exchange.key)
    assert sorted(sent.values()) == [1, 1, 1]


def test_one_key_used_by_many_at_once_is_one_order(
    api: APIClient, exchange: Exchange, order: dict[str, Any]
) -> None:
    user = exchange.account.user
    together = threading.Barrier(6)

    def place() -> tuple[int, int]:
        client = asking(user)
        together.wait()
        answer = post(client, "orders/?wait=10", order, key="same")
        connection.close()
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(6) as callers:
        answers = [call.result() for call in [callers.submit(place) for _ in range(6)]]

    assert {status for status, _ in answers} <= {200, 202}
    assert len({made for _, made in answers}) == 1
    assert list(exchange.simulator.submissions(exchange.key).values()) == [1]


def test_of_many_retries_at_once_one_is_made(
    api: APIClient, exchange: Exchange, order: dict[str, Any]
) -> None:
    post(api, "orders/?wait=10", order | {"quantity": "0.00001"}, key="one")
    (failure,) = api.get("/api/v1/failed-orders/").json()["results"]
    user, together = exchange.account.user, threading.Barrier(4)

    def retry(place: int) -> int:
        client = asking(user)
        together.wait()
        path = f"failed-orders/{failure['id']}/retry/?wait=10"
        answer = post(client, path, {"quantity": "0.2"}, key=f"retry-{place}")
        connection.close()
        return int(answer.status_code)

    with ThreadPoolExecutor(4) as callers:
        statuses = sorted(callers.map(retry, range(4)))

    assert statuses == [202, 409, 409, 409]
    assert list(exchange.simulator.submissions(exchange.key).values()) == [1]


def test_an_order_nobody_at_the_exchange_knows_settles_nothing(
    api: APIClient, exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    request = factories.OrderRequestFactory.create(
        strategy_account=strategy_account, outcome="NEEDS_REVIEW", client_order_id="lost"
    )
    factories.OpenOrderFactory.create(
        account=exchange.account,
        placed_by_us=True,
        client_order_id="lost",
        exchange_order_id=None,
        status="UNKNOWN",
    )
    body = {"exchange_order_id": "987654321", "reason": "seen on the exchange's page"}

    answer = post(api, f"order-requests/{request.pk}/settle/", body)

    assert (answer.status_code, answer.json()["code"]) == (409, "repair_refused")
    assert "knows no order 987654321" in answer.json()["detail"]
