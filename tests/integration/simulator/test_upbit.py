"""The simulated Upbit over plain HTTP: limits, and what ccxt and pyupbit do not look at."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests

from exchanges.simulator.thread import SimulatorThread
from exchanges.simulator.upbit.config import UpbitConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

SECRET = "s" * 40
TOO_MANY, TEAPOT = 429, 418


@pytest.fixture(scope="module")
def upbit() -> Iterator[SimulatorThread]:
    with SimulatorThread(
        config=UpbitConfig(price_interval=0), houses=[("UPBIT", "SPOT")]
    ) as running:
        running.account("ann", SECRET)
        yield running


@pytest.fixture(autouse=True)
def at_ease(upbit: SimulatorThread) -> Iterator[ControlClient]:
    """Let no test meet the limits that another has used up."""
    house = upbit.house("UPBIT", "SPOT")
    house.configure(enforce_limits=False)
    yield house
    house.faults(ban=0)


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def token(payload: str) -> str:
    claims = {"access_key": "ann", "nonce": str(uuid.uuid4())}
    if payload:
        claims["query_hash"] = hashlib.sha512(payload.encode()).hexdigest()
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS512"}, claims))
    return f"{signed}.{encoded(hmac.digest(SECRET.encode(), signed.encode(), 'sha512'))}"


def ask(upbit: SimulatorThread, method: str, path: str, **params: Any) -> requests.Response:
    query = urlencode(params, doseq=True).replace("%5B%5D", "[]")
    with requests.Session() as http:
        http.trust_env = False
        headers = {"Authorization": f"Bearer {token(query)}"}
        if method == "POST":
            return http.post(f"{upbit.url}/v1/{path}", json=params, headers=headers, timeout=5)
        return http.request(method, f"{upbit.url}/v1/{path}?{query}", headers=headers, timeout=5)


def place(upbit: SimulatorThread, **changes: str) -> requests.Response:
    terms = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit"}
    terms |= {"price": "140000000", "volume": "0.001"}
    return ask(upbit, "POST", "orders", **{k: v for k, v in (terms | changes).items() if v})


def refused(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["name"]


def test_every_answer_tells_what_is_left_of_its_second(upbit: SimulatorThread) -> None:
    left = ask(upbit, "GET", "accounts").headers["Remaining-Req"]

    group, minute, second = (part.split("=") for part in left.split("; "))
    assert (group, minute, second[0]) == (["group", "default"], ["min", "1800"], "sec")
    assert 0 <= int(second[1]) < 30


def test_whoever_goes_on_asking_is_blocked(upbit: SimulatorThread, at_ease: ControlClient) -> None:
    at_ease.configure(enforce_limits=True, orders_per_second=1, ban_after=2)

    statuses = [place(upbit).status_code for _ in range(12)]

    assert TOO_MANY in statuses
    assert statuses[-1] == TEAPOT
    blocked = ask(upbit, "GET", "accounts")
    assert blocked.status_code == TEAPOT
    assert "seconds" in blocked.json()["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "status", "name"),
    [
        ({"market": "KRW-NONE"}, 404, "market_does_not_exist"),
        ({"side": "hold"}, 400, "validation_error"),
        ({"price": "140000500"}, 400, "invalid_price_bid"),
        ({"volume": "0.00001"}, 400, "under_min_total_bid"),
        ({"volume": "100"}, 400, "insufficient_funds_bid"),
        ({"side": "ask", "volume": "100"}, 400, "insufficient_funds_ask"),
        ({"volume": ""}, 400, "validation_error"),
        ({"volume": "0.000000001"}, 400, "validation_error"),
        ({"ord_type": "market"}, 400, "validation_error"),
        ({"ord_type": "best"}, 400, "validation_error"),
        ({"ord_type": "price", "time_in_force": "ioc"}, 400, "validation_error"),
        ({"time_in_force": "day"}, 400, "validation_error"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    upbit: SimulatorThread, changes: dict[str, str], status: int, name: str
) -> None:
    assert refused(place(upbit, **changes)) == (status, name)


def test_an_order_at_the_best_price_leaves_nothing(upbit: SimulatorThread) -> None:
    for side, size in (("bid", {"price": "100000", "volume": ""}), ("ask", {"price": ""})):
        placed = place(upbit, ord_type="best", side=side, time_in_force="ioc", **size).json()
        order = ask(upbit, "GET", "order", uuid=placed["uuid"]).json()
        assert order["state"] in {"done", "cancel"}
        assert (order["ord_type"], order["time_in_force"]) == ("best", "ioc")
        assert order["trades"]


def test_ended_orders_are_listed_by_the_time_they_were_made(upbit: SimulatorThread) -> None:
    placed = place(upbit).json()
    ask(upbit, "DELETE", "order", uuid=placed["uuid"])
    day = 86_400_000
    made = 1_000 * int(time.time())

    def listed(**params: Any) -> list[str]:
        return [row["uuid"] for row in ask(upbit, "GET", "orders/closed", **params).json()]

    assert placed["uuid"] in listed()
    assert placed["uuid"] in listed(start_time=made - day)
    assert placed["uuid"] not in listed(end_time=made - day)
    assert placed["uuid"] not in listed(**{"states[]": ["done"]})
    too_long = ask(upbit, "GET", "orders/closed", start_time=made - 8 * day, end_time=made)
    assert refused(too_long) == (400, "validation_error")


def test_an_order_is_named_by_either_id_and_the_uuid_wins(upbit: SimulatorThread) -> None:
    first = place(upbit, identifier="first").json()
    second = place(upbit, identifier="second").json()

    both = ask(upbit, "GET", "order", uuid=first["uuid"], identifier="second").json()
    named = ask(upbit, "GET", "orders/uuids", **{"identifiers[]": ["first", "second", "no"]})

    assert both["identifier"] == "first"
    assert [row["uuid"] for row in named.json()] in (
        [second["uuid"], first["uuid"]],
        [first["uuid"], second["uuid"]],
    )
    assert refused(place(upbit, identifier="first")) == (400, "duplicate_identifier")
    cancelled = ask(upbit, "DELETE", "orders/open").json()
    assert cancelled["success"]["count"] >= 2


def test_a_path_that_is_none_is_not_found(upbit: SimulatorThread) -> None:
    assert refused(ask(upbit, "GET", "orders/lost")) == (404, "not_found")
