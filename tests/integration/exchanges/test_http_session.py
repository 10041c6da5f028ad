from __future__ import annotations

import hmac
import logging
import os
import socket
import struct
import threading
import time
import traceback
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from exchanges.credentials import Credentials
from exchanges.errors import (
    AuthenticationError,
    ExchangeError,
    OutcomeUnknown,
    RateLimited,
    TransientError,
)
from exchanges.http_session import HttpSession
from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder, OrderRef
from exchanges.registry import rest_for
from tests.integration.exchanges.conftest import keyed
from tests.integration.exchanges.raw_server import RawServer, answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.rest import RestClient

KEY, SECRET = "K" * 24 + "canary" + "K" * 34, "S" * 24 + "canary" + "S" * 34
REF = OrderRef(market_type=MarketType.FUTURES, symbol_id="BTCUSDT", exchange_order_id="7")
ORDER = NewOrder(
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    client_order_id="ota1",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.100"),
    price=Decimal("60000.10"),
)
REDIRECT = "Location: http://127.0.0.1:1/elsewhere"


def a_client(url: str) -> RestClient:
    return rest_for(
        "BINANCE",
        "FUTURES",
        credentials=Credentials(api_key=KEY, api_secret=SECRET),
        redis_url=os.environ["REDIS_URL"],
        base_url=url,
    )


def drop(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def cut(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"orderId":')


def stall(connection: socket.socket) -> None:
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    for _ in range(30):
        connection.sendall(b"[")
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(400):
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(drop, id="dropped"),
        pytest.param(cut, id="cut off"),
        pytest.param(stall, id="no answer"),
        pytest.param(drip, id="slow answer"),
        pytest.param(flood, id="answer without end"),
        pytest.param(answers("200 OK"), id="empty"),
        pytest.param(answers("200 OK", b"{}"), id="another shape"),
        pytest.param(answers("307 Temporary Redirect", b"", REDIRECT), id="redirect"),
        pytest.param(answers("502 Bad Gateway", b"<html>"), id="502"),
        pytest.param(answers("200 OK", b"x" * 30, "Content-Encoding: gzip"), id="bad gzip"),
    ],
)
def test_an_order_that_left_without_an_answer_is_unknown(
    script: Callable[[socket.socket], None],
) -> None:
    with RawServer(script) as server:
        client = a_client(server.url)
        with pytest.raises(OutcomeUnknown):
            client.place_order(ORDER, timeout=0.5)
        with pytest.raises(OutcomeUnknown):
            client.cancel_order(REF, timeout=0.5)
        with pytest.raises(TransientError):
            client.fetch_order(REF, timeout=0.5)

    assert len(server.requests) == 3


def test_an_order_that_never_left_is_only_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(TransientError):
        a_client(f"http://127.0.0.1:{port}").place_order(ORDER, timeout=1)


def test_a_call_is_over_in_its_time() -> None:
    with RawServer(drip) as server:
        started = time.monotonic()
        with pytest.raises(TransientError):
            a_client(server.url).fetch_order(REF, timeout=0.3)

        assert time.monotonic() - started < 1


def test_an_order_says_everything_once_and_exactly() -> None:
    refusal = answers("400 Bad Request", b'{"code":-2010,"msg":"no"}')
    with RawServer(refusal) as server, pytest.raises(ExchangeError):
        a_client(server.url).place_order(ORDER)

    (request,) = server.requests
    assert request.startswith(b"POST /fapi/v1/order HTTP/1.1")
    for part in (
        b"quantity=0.100",
        b"price=60000.10",
        b"newClientOrderId=ota1",
        b"newOrderRespType=RESULT",
        b"positionSide=BOTH",
        b"timeInForce=GTC",
        b"recvWindow=5000",
    ):
        assert request.count(part) == 1
    assert b"Origin" not in request


def test_a_ban_stops_every_client_of_the_address_before_it_sends() -> None:
    script = answers("418 I'm a teapot", b"{}", "Retry-After: 60")
    with RawServer(script) as server:
        with pytest.raises(RateLimited) as caught:
            a_client(server.url).fetch_order(REF)
        for _ in range(3):
            with pytest.raises(RateLimited):
                a_client(server.url).place_order(ORDER)

    assert len(server.requests) == 1
    assert caught.value.retry_after == 60


def test_a_refused_timestamp_is_tried_once_more_with_the_exchange_s_clock() -> None:
    skewed = answers("400 Bad Request", b'{"code":-1021,"msg":"Timestamp"}')
    in_an_hour = int((time.time() + 3600) * 1000)
    clock = answers("200 OK", b'{"serverTime":%d}' % in_an_hour)

    def script(connection: socket.socket) -> None:
        (clock if b"/time" in server.requests[-1] else skewed)(connection)

    with RawServer(script) as server, pytest.raises(TransientError):
        a_client(server.url).place_order(ORDER)

    paths = [request.split(b" ")[1].split(b"?")[0] for request in server.requests]
    assert paths == [b"/fapi/v1/order", b"/fapi/v1/time", b"/fapi/v1/order"]
    stamp = server.requests[-1].partition(b"timestamp=")[2][:13]
    assert abs(int(stamp) - in_an_hour) < 5000


@pytest.mark.parametrize(
    "secret",
    ["", "-----BEGIN PRIVATE KEY-----\ncanary", f"-----BEGIN RSA PRIVATE KEY-----{'canary' * 30}"],
    ids=["none", "no key", "no RSA key"],
)
def test_what_cannot_be_signed_is_not_sent_and_not_repeated(secret: str) -> None:
    with RawServer(drop) as server:
        client = rest_for(
            "BINANCE",
            "FUTURES",
            credentials=Credentials(api_key=KEY, api_secret=secret),
            redis_url=os.environ["REDIS_URL"],
            base_url=server.url,
        )
        with pytest.raises(AuthenticationError) as caught:
            client.place_order(ORDER)

    assert server.requests == []
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_an_order_whose_time_is_over_is_not_sent_once_more() -> None:
    skewed = answers("400 Bad Request", b'{"code":-1021,"msg":"Timestamp"}')
    clock = answers("200 OK", b'{"serverTime":%d}' % int(time.time() * 1000))

    def script(connection: socket.socket) -> None:
        is_clock = b"/time" in server.requests[-1]
        time.sleep(0.3 if is_clock else 0.0)
        (clock if is_clock else skewed)(connection)

    with RawServer(script) as server, pytest.raises(TransientError):
        a_client(server.url).place_order(ORDER, timeout=0.25)

    paths = [request.split(b" ")[1].split(b"?")[0] for request in server.requests]
    assert paths == [b"/fapi/v1/order", b"/fapi/v1/time"]


def test_no_secret_is_in_any_exception_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = answers("400 Bad Request", b'{"code":-1022,"msg":"bad key %s"}' % KEY.encode())
    told = []
    for script in (drop, cut, stall, echo, answers("502 Bad Gateway", KEY.encode())):
        with RawServer(script) as server:
            client = a_client(server.url)
            for call in (keyed(client).create_listen_key, partial(client.place_order, ORDER)):
                with pytest.raises(ExchangeError) as caught:
                    call(timeout=0.3)
                told.append("".join(traceback.format_exception(caught.value)))
                told.append(repr(caught.value.__context__) + repr(caught.value.__cause__))
    told.append(repr(Credentials(api_key=KEY, api_secret=SECRET)))

    everything = "\n".join(told) + caplog.text
    for secret in (KEY, SECRET, "signature="):
        assert secret not in everything


def test_a_thread_keeps_its_connection() -> None:
    reply = b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"serverTime":1700000000000}'

    def script(connection: socket.socket) -> None:
        for _ in range(2):
            connection.sendall(reply)
            server.requests.append(connection.recv(65536))
        connection.sendall(reply)

    with RawServer(script) as server:
        client = a_client(server.url)
        for _ in range(3):
            client.fetch_server_time()
        # only the first request of a connection is read by the server itself
        assert [request[:18] for request in server.requests[1:]] == [b"GET /fapi/v1/time "] * 2


def test_threads_do_not_share_a_connection() -> None:
    body = b'{"serverTime":%d}' % int(time.time() * 1000)
    arrived = threading.Barrier(2, timeout=5)
    answer = answers("200 OK", body)

    def one(server: RawServer) -> None:
        arrived.wait()
        a_client(server.url).fetch_server_time()

    with RawServer(answer) as server:
        threads = [threading.Thread(target=one, args=(server,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.requests) == 2


def test_a_forked_process_takes_no_connection_of_its_parent() -> None:
    body = b'{"serverTime":%d}' % int(time.time() * 1000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def keep_open(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.recv(65536)

    with RawServer(keep_open, concurrent=True) as server:
        client = a_client(server.url)
        client.fetch_server_time()
        child = os.fork()
        if not child:
            client.fetch_server_time()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert len(server.requests) == 2


def test_no_broker_is_credited_with_our_orders() -> None:
    with RawServer(answers("200 OK", b"{}")) as server:
        HttpSession("https://api.bybit.com", server.url, signer="bybit").call(
            "privatePostV5OrderCreate",
            {"category": "linear"},
            credentials=Credentials(api_key=KEY, api_secret=SECRET),
            changes_orders=True,
            timeout=5,
        )

    assert b"X-BAPI-SIGN" in server.requests[0]
    assert b"Referer" not in server.requests[0]


@pytest.mark.parametrize("symbol_id", ["BTCUSDT", "币安人生USDT"])
def test_what_is_signed_is_what_is_sent(symbol_id: str) -> None:
    """Bybit signs the query as it stands in the URL."""
    cursor = "132766%3A2%2C132766%3A2"
    with RawServer(answers("200 OK", b"{}")) as server:
        HttpSession("https://api.bybit.com", server.url, signer="bybit").call(
            "privateGetV5OrderRealtime",
            {"category": "linear", "symbol": symbol_id, "cursor": cursor},
            credentials=Credentials(api_key=KEY, api_secret=SECRET),
            changes_orders=False,
            timeout=5,
        )

    (request,) = server.requests
    head = request.decode().splitlines()
    query = head[0].split(" ")[1].partition("?")[2]
    sent = {name.lower(): told for name, _, told in (line.partition(": ") for line in head[1:])}
    said = f"{sent['x-bapi-timestamp']}{KEY}{sent['x-bapi-recv-window']}{query}"
    assert query.endswith(cursor)
    assert sent["x-bapi-sign"] == hmac.new(SECRET.encode(), said.encode(), "sha256").hexdigest()
