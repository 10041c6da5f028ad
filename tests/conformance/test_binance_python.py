"""python-binance on USD-M and spot, by REST and on the user data stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from tests.conformance.conftest import KEY, SECRET

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exchanges.simulator.thread import SimulatorThread

#: how long its reader sleeps before it notices that it is to end
NOTICES_AFTER = 0.2
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client close at once: it would wait ten seconds for nothing."""
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", NOTICES_AFTER)


def constants(simulator: SimulatorThread) -> dict[str, str]:
    """Where the client finds what, by the names of its own constants."""
    return {
        "API_URL": f"{simulator.url}/api",
        "FUTURES_URL": f"{simulator.url}/fapi",
        "WS_API_URL": f"{simulator.ws_url}/ws-api/v3",
    }


def client_of(simulator: SimulatorThread) -> Any:
    redirected = type("Redirected", (Client,), constants(simulator))
    return redirected(KEY, SECRET)


async def async_client_of(simulator: SimulatorThread) -> Any:
    redirected: Any = type("Redirected", (AsyncClient,), constants(simulator))
    return await redirected.create(KEY, SECRET)


def test_a_spot_order_lives_and_dies(simulator: SimulatorThread) -> None:
    client = client_of(simulator)
    placed = client.create_order(**LIMIT, quantity="0.1", price="59000.01")
    assert (placed["status"], placed["fills"]) == ("NEW", [])

    chosen = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert client.get_open_orders(symbol="BTCUSDT") == [client.get_order(**chosen)]
    cancelled = client.cancel_order(**chosen)
    assert cancelled["origClientOrderId"] == placed["clientOrderId"]
    assert client.get_order(**chosen)["status"] == "CANCELED"
    with pytest.raises(BinanceAPIException) as caught:
        client.get_order(symbol="BTCUSDT", orderId=1)
    assert caught.value.code == -2013


def test_spot_fills_are_listed_and_move_balances(simulator: SimulatorThread) -> None:
    client = client_of(simulator)
    before = client.get_asset_balance("ETH")
    order = client.order_market_buy(symbol="ETHUSDT", quoteOrderQty="600")
    trades = client.get_my_trades(symbol="ETHUSDT", orderId=order["orderId"])

    assert [each["qty"] for each in trades] == [each["qty"] for each in order["fills"]]
    assert float(client.get_asset_balance("ETH")["free"]) > float(before["free"])


def test_a_futures_order_lives_and_dies(simulator: SimulatorThread) -> None:
    client = client_of(simulator)
    placed = client.futures_create_order(**LIMIT, quantity="0.1", price="59000.1")
    chosen = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert [each["orderId"] for each in client.futures_get_open_orders()] == [placed["orderId"]]

    client.futures_cancel_order(**chosen)
    assert client.futures_get_order(**chosen)["status"] == "CANCELED"
    client.futures_create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    (position,) = client.futures_position_information()
    assert position["positionAmt"] == "0.100"
    assert client.futures_account_trades(symbol="BTCUSDT")[0]["side"] == "BUY"


@pytest.mark.asyncio
async def test_the_spot_stream_tells_an_orders_life(simulator: SimulatorThread) -> None:
    client = await async_client_of(simulator)
    try:
        async with BinanceSocketManager(client).user_socket() as stream:
            order = await client.create_order(**LIMIT, quantity="0.1", price="59000.01")
            fill(simulator, "SPOT", order["orderId"])
            await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
            told = await reports(stream.recv, "executionReport")
        lives = [(each["x"], each["X"], each["z"]) for each in told]
    finally:
        await client.close_connection()

    assert lives == [
        ("NEW", "NEW", "0.00000000"),
        ("TRADE", "PARTIALLY_FILLED", "0.04000000"),
        ("CANCELED", "CANCELED", "0.04000000"),
    ]
    assert told[-1]["C"] == order["clientOrderId"] != told[-1]["c"]


@pytest.mark.asyncio
async def test_the_futures_stream_tells_an_orders_life(
    simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BinanceSocketManager, "FSTREAM_URL", f"{simulator.ws_url}/")
    client = await async_client_of(simulator)
    try:
        async with BinanceSocketManager(client).futures_user_socket() as stream:
            order = await client.futures_create_order(**LIMIT, quantity="0.1", price="59000.1")
            fill(simulator, "FUTURES", order["orderId"])
            await client.futures_cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
            told = await reports(stream.recv, "ORDER_TRADE_UPDATE")
        lives = [(each["o"]["x"], each["o"]["X"], each["o"]["z"]) for each in told]
    finally:
        await client.close_connection()

    assert lives == [
        ("NEW", "NEW", "0"),
        ("TRADE", "PARTIALLY_FILLED", "0.040"),
        ("CANCELED", "CANCELED", "0.040"),
    ]


@pytest.mark.asyncio
async def test_orders_are_sent_over_the_websocket_api(simulator: SimulatorThread) -> None:
    client = await async_client_of(simulator)
    try:
        placed = await client.ws_create_order(**LIMIT, quantity="0.1", price="59000.01")
        chosen = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await client.ws_get_order(**chosen))["status"] == "NEW"
        assert len(await client.ws_get_open_orders(symbol="BTCUSDT")) == 1
        assert (await client.ws_cancel_order(**chosen))["status"] == "CANCELED"
        with pytest.raises(BinanceAPIException) as caught:
            await client.ws_cancel_order(**chosen)
    finally:
        await client.close_connection()
    assert caught.value.code == -2011


def fill(simulator: SimulatorThread, kind: str, number: int) -> None:
    """Let somebody trade with a part of an order."""
    house = simulator.house("BINANCE", kind)
    house.act(action="fill", account=KEY, symbol="BTCUSDT", orderId=number, quantity="0.040")


async def reports(receive: Callable[[], Awaitable[Any]], event: str) -> list[Any]:
    """Read events up to the order's end."""
    found: list[Any] = []
    while not found or "CANCELED" not in str(found[-1]):
        frame = await asyncio.wait_for(receive(), 5)
        frame = frame.get("event", frame)
        if frame["e"] == event:
            found.append(frame)
    return found
