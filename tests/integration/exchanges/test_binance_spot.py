"""What only Binance spot has: signed subscriptions, announced ends, orders for quote."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from exchanges.binance_connection import PRODUCTION_URLS
from exchanges.binance_session import SignedSubscription
from exchanges.connection import dial
from exchanges.credentials import Credentials
from exchanges.errors import AuthenticationError, OrderRefused, RateLimited, TransientError
from exchanges.governor import Priority
from exchanges.http_session import HttpSession
from exchanges.messages import MarketType, OrderStatus, OrderType, PositionSide, TimeInForce
from exchanges.questions import TradeCursor
from exchanges.simulator.thread import SimulatorThread
from tests.contract.case_binance import SPOT
from tests.contract.stage import Stage
from tests.integration.exchanges.socket_server import SocketServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from exchanges.messages import OrderSnapshot


@pytest.fixture(scope="module")
def spot() -> Iterator[SimulatorThread]:
    with SimulatorThread(houses=[("BINANCE", "SPOT")]) as running:
        running.configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture
def stage(spot: SimulatorThread) -> Iterator[Stage]:
    made = Stage(SPOT, spot.house("BINANCE", "SPOT"))
    yield made
    made.close()


def ed25519() -> tuple[str, str]:
    key = Ed25519PrivateKey.generate()
    return _pem(key), _public(key)


def rsa() -> tuple[str, str]:
    key = generate_private_key(65537, 2048)
    return _pem(key), _public(key)


def _pem(key: Any) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def _public(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


@pytest.mark.parametrize("pair", [ed25519, rsa])
def test_every_kind_of_key_opens_both_doors(stage: Stage, pair: Any) -> None:
    private, public = pair()
    ours = Credentials(api_key=f"pem{stage.key[3:]}", api_secret=private)
    stage.house.account(ours.api_key, public)
    stage.credentials, stage.client = ours, stage.client_of(ours)

    stage.connect()

    stage.wait_for(stage.place(), OrderStatus.NEW)


def test_a_wrong_clock_is_put_right_for_the_stream_too(stage: Stage) -> None:
    stage.house.faults(clock_skew_ms=30_000)

    stage.connect()

    stage.wait_for(stage.place(), OrderStatus.NEW)


def test_an_announced_end_is_met_by_a_second_connection(stage: Stage) -> None:
    stream = stage.connect()

    stage.disturb(server_shutdown=30)
    stage.wait_for_gaps(2)

    assert stream.state.reconnects == 1
    stage.wait_for(stage.place(), OrderStatus.NEW)


def _place(stage: Stage, **terms: str) -> OrderSnapshot:
    """Place an order as a trader's own program would, and read it."""
    name = f"theirs{stage.order().client_order_id}"
    parameters = {"symbol": "BTCUSDT", "side": "BUY", "newClientOrderId": name} | terms
    HttpSession(PRODUCTION_URLS[MarketType.SPOT], stage.house.url, signer="binance").call(
        "privatePostOrder",
        parameters,
        credentials=stage.credentials,
        changes_orders=True,
        timeout=5,
    )
    return stage.client.fetch_order(stage.ref(stage.order(client_order_id=name)))


def test_a_market_order_for_quote_agrees_with_its_fills(stage: Stage) -> None:
    stage.connect()
    order = _place(stage, type="MARKET", quoteOrderQty="1000")
    ref = stage.ref(order)

    heard = stage.wait_for(ref, OrderStatus.FILLED, executed=order.filled_quantity)

    fills = stage.client.verify_orders([ref], want_trades=True).executions
    assert order.status is OrderStatus.FILLED
    assert order.filled_quantity == heard.executed
    # it has none of its own: it was for an amount of quote
    assert {order.quantity, *(report.quantity for report in heard.reports)} == {Decimal(0)}
    assert order.filled_quote == sum(
        fill.execution_price * fill.execution_quantity for fill in fills
    )


def test_a_conditional_order_is_open_like_any_other(stage: Stage) -> None:
    order = _place(
        stage,
        type="STOP_LOSS_LIMIT",
        side="SELL",
        quantity="0.01",
        price="40000",
        stopPrice="41000",
        timeInForce="GTC",
    )

    (alive,) = stage.client.fetch_open_orders("BTCUSDT")

    assert alive.exchange_order_id == order.exchange_order_id
    assert (alive.order_type, alive.stop_price) == (OrderType.STOP, Decimal(41000))
    assert stage.client.cancel_order(stage.ref(alive)).status is OrderStatus.CANCELLED


def test_post_only_is_sent_as_a_type(stage: Stage) -> None:
    placed = stage.client.place_order(stage.order(time_in_force=TimeInForce.GTX))

    assert (placed.post_only, placed.order_type) == (True, OrderType.LIMIT)


@pytest.mark.parametrize("changes", [{"reduce_only": True}, {"position_side": PositionSide.LONG}])
def test_what_means_a_position_is_refused_here(stage: Stage, changes: dict[str, Any]) -> None:
    with pytest.raises(OrderRefused):
        stage.client.place_order(replace(stage.order(), **changes))


def test_trades_are_found_however_long_ago_they_are_wanted_from(stage: Stage) -> None:
    ref = stage.place()
    stage.fill(ref, stage.case.part)
    stage.fill(ref, stage.case.part)
    now = stage.client.fetch_server_time()

    of_a_year = stage.client.fetch_executions(
        "BTCUSDT", TradeCursor(since=now - timedelta(days=365))
    )
    of_the_future = stage.client.fetch_executions(
        "BTCUSDT", TradeCursor(since=now + timedelta(minutes=1))
    )

    assert len(of_a_year) == 2
    assert of_the_future == ()


def greeted_by(stage: Stage, *answers: dict[str, Any], echo: bool = True) -> tuple[bytes, ...]:
    """Greet a server that answers so; `echo` puts our request's id into them."""

    async def script(_server: SocketServer, socket: web.WebSocketResponse) -> None:
        asked = json.loads((await socket.receive()).data)
        for answer in answers:
            await socket.send_str(json.dumps(answer | ({"id": asked["id"]} if echo else {})))
        await asyncio.sleep(5)

    with SocketServer(script) as server:
        credential = SignedSubscription(stage.client, stage.credentials, base_url=server.url)
        connection = dial(credential.door(), 2, 0.05)
        try:
            return credential.greet(connection, 0.5)
        finally:
            connection.close()


def test_what_comes_before_the_answer_is_not_lost(stage: Stage) -> None:
    async def script(_server: SocketServer, socket: web.WebSocketResponse) -> None:
        asked = json.loads((await socket.receive()).data)
        await socket.send_str('{"subscriptionId":0,"event":{"e":"early","E":1}}')
        await socket.send_str("nothing")
        await socket.send_str(json.dumps({"id": asked["id"], "status": 200, "result": {}}))
        await asyncio.sleep(5)

    with SocketServer(script) as server:
        credential = SignedSubscription(stage.client, stage.credentials, base_url=server.url)
        connection = dial(credential.door(), 2, 0.05)
        heard = credential.greet(connection, 2)
        connection.close()

    assert heard == (b'{"subscriptionId":0,"event":{"e":"early","E":1}}', b"nothing")


def test_a_subscription_nobody_answers_is_tried_again(stage: Stage) -> None:
    with pytest.raises(TransientError):
        greeted_by(stage)


def test_an_answer_to_somebody_else_is_none(stage: Stage) -> None:
    with pytest.raises(TransientError):
        greeted_by(stage, {"id": "another", "status": 200, "result": {}}, echo=False)


def test_a_key_that_is_good_no_more_is_refused(stage: Stage) -> None:
    refusal = {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}}

    with pytest.raises(AuthenticationError):
        greeted_by(stage, refusal, echo=False)


def test_too_many_connections_say_when_to_come_back(stage: Stage) -> None:
    data = {"serverTime": 1, "retryAfter": 4_000_000_000_000}
    refusal = {"status": 429, "error": {"code": -1003, "msg": "Too many", "data": data}}

    with pytest.raises(RateLimited) as caught:
        greeted_by(stage, refusal)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


@pytest.mark.parametrize(
    ("frame", "is_over"),
    [
        ('{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1728973001334}}', True),
        ('{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key."}}', True),
        ('{"id":"a","status":200,"result":{}}', False),
        ('{"subscriptionId":0,"event":{"e":"eventStreamTerminated"', False),
        ('{"event":{"e":"serverShutdown","E":1770123456789}}', False),
    ],
)
def test_the_end_of_a_subscription_is_known_when_it_is_heard(
    stage: Stage, frame: str, *, is_over: bool
) -> None:
    credential = SignedSubscription(stage.client, stage.credentials)

    assert credential.has_expired(frame.encode()) is is_over
    assert credential.is_ending(frame.encode()) is ("serverShutdown" in frame)
    assert credential.refresh()


def test_the_price_of_a_minute_is_spot_s_own(stage: Stage) -> None:
    stage.house.price("BNBUSDT", "612.50")
    now = stage.client.fetch_server_time()

    price = stage.client.fetch_price_at("BNBUSDT", now, priority=Priority.SYNC)

    assert price == Decimal("612.50")
