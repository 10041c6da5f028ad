"""The read API gives what is yours, in the stream's spelling, in a fixed number of queries."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from exchanges.messages import OrderStatus, Side
from tests import factories
from tracking.services import payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ExchangeAccount:
    """Give the account of whoever asks."""
    return factories.ExchangeAccountFactory.create()


@pytest.fixture
def api(account: ExchangeAccount) -> APIClient:
    """Ask as the account's user."""
    client = APIClient()
    client.force_authenticate(account.user)
    return client


def position_of(account: ExchangeAccount, place: int) -> Any:
    return factories.StrategyPositionFactory.create(account=account, symbol=f"COIN{place}/USDT")


def execution_of(account: ExchangeAccount, place: int) -> Any:
    moment = timezone.now() - timedelta(seconds=place)
    return factories.TradeExecutionFactory.create(trade__account=account, executed_at=moment)


def hour_of(account: ExchangeAccount, place: int) -> Any:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=place)
    return factories.StreamQualityFactory.create(account=account, hour=hour)


LISTS = [
    pytest.param(
        "orders",
        lambda account, _: factories.OpenOrderFactory.create(account=account),
        payloads.order_payload,
        id="open orders",
    ),
    pytest.param(
        "orders/?state=closed",
        lambda account, _: factories.ClosedOrderFactory.create(account=account),
        payloads.order_payload,
        id="closed orders",
    ),
    pytest.param(
        "trades",
        lambda account, _: factories.TradeFactory.create(account=account),
        payloads.trade_payload,
        id="trades",
    ),
    pytest.param("executions", execution_of, payloads.execution_payload, id="executions"),
    pytest.param("positions", position_of, payloads.position_payload, id="positions"),
    pytest.param(
        "sessions",
        lambda account, _: factories.OrderTrackingSessionFactory.create(account=account),
        payloads.session_payload,
        id="sessions",
    ),
    pytest.param("stream-quality", hour_of, payloads.quality_payload, id="stream quality"),
    pytest.param(
        "anomalies",
        lambda account, _: factories.AnomalyFactory.create(account=account),
        payloads.anomaly_payload,
        id="anomalies",
    ),
]


def path_of(resource: str, row: Any = None) -> str:
    name, _, query = resource.partition("/")
    return f"/api/v1/{name}/" + (f"{row.pk}/" if row else "") + query


@pytest.mark.parametrize(("resource", "make", "payload"), LISTS)
def test_a_list_is_the_payloads_of_my_rows_in_one_query(
    api: APIClient,
    account: ExchangeAccount,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    resource: str,
    make: Callable[..., Any],
    payload: Callable[..., payloads.Payload],
) -> None:
    rows = [make(account, place) for place in range(3)]
    make(factories.ExchangeAccountFactory.create(), 9)

    with django_assert_num_queries(1):
        answer = api.get(path_of(resource))

    expected = [{"id": payloads.to_json(row.pk)} | payload(row) for row in rows]
    by_id = {row["id"]: row for row in answer.json()["results"]}
    assert by_id == {row["id"]: row for row in expected}


@pytest.mark.parametrize(("resource", "make", "payload"), LISTS)
def test_one_row_is_found_by_its_id_and_only_by_its_user(
    api: APIClient,
    account: ExchangeAccount,
    resource: str,
    make: Callable[..., Any],
    payload: Callable[..., payloads.Payload],
) -> None:
    mine = make(account, 1)
    of_another = make(factories.ExchangeAccountFactory.create(), 1)

    found = api.get(path_of(resource, mine))
    absent = api.get(path_of(resource, of_another))

    assert found.json() == {"id": payloads.to_json(mine.pk)} | payload(mine)
    assert absent.status_code == 404
    assert absent.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("resource", "make", "payload"), LISTS)
def test_pages_follow_each_other_without_repeating_a_row(
    api: APIClient,
    account: ExchangeAccount,
    resource: str,
    make: Callable[..., Any],
    payload: Callable[..., payloads.Payload],
) -> None:
    rows = {payloads.to_json(make(account, place).pk) for place in range(5)}
    seen: list[Any] = []
    path = path_of(resource)
    url: str | None = path + ("&" if "?" in path else "?") + "page_size=2"

    while url:
        page = api.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert len(seen) == 5
    assert set(seen) == rows


def test_accounts_are_listed_without_a_trace_of_their_secrets(
    api: APIClient, account: ExchangeAccount
) -> None:
    answer = api.get("/api/v1/accounts/")

    (row,) = answer.json()["results"]
    assert row["name"] == account.name
    assert account.api_key not in answer.content.decode()
    assert account.api_secret not in answer.content.decode()
    assert "api_secret" not in answer.content.decode()


def test_amounts_are_plain_strings(api: APIClient, account: ExchangeAccount) -> None:
    order = factories.OpenOrderFactory.create(
        account=account,
        quantity=Decimal("1.500000000000000000"),
        filled_quantity=Decimal("0.000000000000000001"),
        filled_quote=Decimal("0.000000000000064123"),
        price=Decimal("64123.000000000000000000"),
        status=OrderStatus.PARTIALLY_FILLED.value,
    )

    row = api.get(f"/api/v1/orders/{order.pk}/").json()

    assert (row["quantity"], row["filled_quantity"]) == ("1.5", "0.000000000000000001")
    assert (row["price"], row["average_price"]) == ("64123", "64123")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("side=SELL", 1),
        ("symbol=ETH/USDT:USDT", 1),
        ("symbol=XRP/USDT:USDT", 0),
        ("verified=false", 1),
        ("voided=true", 1),
        ("is_residual=true", 3),
        ("executed_after=2026-01-01T00:00:00Z", 3),
        ("executed_before=2026-01-01T00:00:00Z", 0),
        ("account=999999", 0),
    ],
)
def test_executions_are_narrowed(
    api: APIClient, account: ExchangeAccount, query: str, count: int
) -> None:
    make = factories.TradeExecutionFactory.create
    make(trade__account=account, trade__symbol="ETH/USDT:USDT", verified=False)
    make(trade__account=account, side=Side.SELL.value)
    make(trade__account=account, voided_at=timezone.now())

    assert len(api.get(f"/api/v1/executions/?{query}").json()["results"]) == count


def test_flat_positions_can_be_left_out(api: APIClient, account: ExchangeAccount) -> None:
    factories.StrategyPositionFactory.create(account=account, symbol="A/USDT", quantity=0)
    factories.StrategyPositionFactory.create(account=account, symbol="B/USDT")

    rows = api.get("/api/v1/positions/?is_flat=false").json()["results"]

    assert [row["symbol"] for row in rows] == ["B/USDT"]


def test_rows_can_be_ordered(api: APIClient, account: ExchangeAccount) -> None:
    for place in range(3):
        execution_of(account, place)

    def times(query: str) -> list[str]:
        rows = api.get(f"/api/v1/executions/?{query}").json()["results"]
        return [row["executed_at"] for row in rows]

    assert times("ordering=executed_at") == sorted(times(""))
    assert times("") == sorted(times(""), reverse=True)


@pytest.mark.parametrize(
    "path",
    [
        "orders/?state=ajar",
        "executions/?executed_after=soon",
        "orders/?side=UP",
        "orders/?account=x",
    ],
)
def test_a_filter_that_cannot_be_read_is_a_problem_that_names_it(api: APIClient, path: str) -> None:
    answer = api.get(f"/api/v1/{path}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    name = path.partition("?")[2].partition("=")[0]
    assert list(answer.json()["errors"]) == [name]


@pytest.mark.parametrize("path", ["orders/abc/", "sessions/abc/", "nothing/"])
def test_an_id_of_no_shape_is_not_found(api: APIClient, path: str) -> None:
    assert api.get(f"/api/v1/{path}").status_code == 404


def test_a_cursor_of_no_shape_is_a_problem(api: APIClient) -> None:
    answer = api.get("/api/v1/orders/?cursor=bz14")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    ["anomalies/?cursor=cD0x", "order-requests/?since=0001-01-01T00:00:00%2B23:59"],
    ids=["a cursor made up", "a time out of time"],
)
def test_a_value_no_column_can_hold_is_a_problem(api: APIClient, path: str) -> None:
    answer = api.get(f"/api/v1/{path}")

    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_nobody_reads_without_a_login() -> None:
    answer = APIClient().get("/api/v1/orders/")

    assert answer.status_code == 401
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Authentication credentials were not provided.",
        "code": "not_authenticated",
    }


def test_facts_cannot_be_written_to(api: APIClient) -> None:
    assert api.post("/api/v1/trades/", {}).status_code == 405


def test_hours_are_narrowed_and_scored(api: APIClient, account: ExchangeAccount) -> None:
    hours = [hour_of(account, place).hour for place in range(4)]
    ends = {"hour_from": hours[2].isoformat(), "hour_to": hours[1].isoformat()}

    found = api.get("/api/v1/stream-quality/", {"account": account.pk} | ends).json()["results"]

    assert [row["hour"] for row in found] == [hours[1].isoformat(), hours[2].isoformat()]
    assert {(row["score"], row["lag_mean_ms"]) for row in found} == {("0.6667", 30)}


def test_a_fill_says_where_it_was_first_seen_and_when_it_was_verified(
    api: APIClient, account: ExchangeAccount
) -> None:
    row = execution_of(account, 1)

    (found,) = api.get("/api/v1/executions/").json()["results"]

    assert (found["source"], found["verified"], found["verified_at"]) == ("WS", True, None)
    assert found["created_at"] == row.created_at.isoformat()
