"""ccxt, ccxt.pro and python-binance on Binance COIN-M: contracts, coins, an order's life."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import ccxt
import ccxt.pro
import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.client import Client
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from tests.conformance.conftest import KEY, SECRET

if TYPE_CHECKING:
    from exchanges.simulator.control_client import ControlClient
    from exchanges.simulator.thread import SimulatorThread

D = Decimal
SYMBOL, SYMBOL_ID = "BTC/USD:BTC", "BTCUSD_PERP"
HOSTS = {"https://dapi.binance.com": "url", "wss://dstream.binance.com": "ws_url"}


def ours(client: Any, simulator: SimulatorThread) -> Any:
    """Let a client of ccxt's find the simulator where it would find COIN-M, and nothing else."""
    client.urls["api"] = replaced(client.urls["api"], simulator)
    client.options |= {"fetchMargins": False, "fetchMarkets": {"types": ["inverse"]}}
    client.has["fetchCurrencies"] = False
    return client


def replaced(urls: Any, simulator: SimulatorThread) -> Any:
    if isinstance(urls, dict):
        return {name: replaced(each, simulator) for name, each in urls.items()}
    for host, name in HOSTS.items():
        urls = urls.replace(host, getattr(simulator, name))
    return urls


def credentials() -> dict[str, Any]:
    return {"apiKey": KEY, "secret": SECRET, "timeout": 5000, "number": str}


@pytest.fixture
def house(simulator: SimulatorThread) -> ControlClient:
    return simulator.house("BINANCE", "COIN_FUTURES")


@pytest.fixture
def client(simulator: SimulatorThread) -> Any:
    return ours(ccxt.binancecoinm(credentials()), simulator)


def fill(house: ControlClient, order_id: object, quantity: str) -> None:
    house.act(
        action="fill", account=KEY, symbol=SYMBOL_ID, orderId=str(order_id), quantity=quantity
    )


def until_heard(house: ControlClient) -> None:
    while not house.ledger(summary=True)["open_sockets"]:
        time.sleep(0.02)


def test_markets_are_inverse_and_have_contract_sizes(client: Any) -> None:
    markets = client.load_markets()

    assert set(markets) == {SYMBOL, "ETH/USD:ETH", "BTC/USD:BTC-270625"}
    perpetual = markets[SYMBOL]
    assert (perpetual["inverse"], perpetual["settle"], perpetual["active"]) == (True, "BTC", True)
    assert (D(perpetual["contractSize"]), perpetual["precision"]["amount"]) == (D(100), "1")
    assert markets["BTC/USD:BTC-270625"]["type"] == "future"


def test_an_order_lives_and_dies_over_rest(client: Any, house: ControlClient) -> None:
    resting = client.create_order(SYMBOL, "limit", "buy", 20, 50_000, {"clientOrderId": "mine"})
    assert (resting["status"], resting["amount"]) == ("open", "20")
    assert [each["id"] for each in client.fetch_open_orders(SYMBOL)] == [resting["id"]]

    fill(house, resting["id"], "5")
    seen = client.fetch_order(None, SYMBOL, {"clientOrderId": "mine"})
    assert (seen["status"], seen["filled"], D(seen["average"])) == ("open", "5", D(50_000))
    assert D(seen["cost"]) == D("0.01")
    (trade,) = client.fetch_my_trades(SYMBOL)
    assert (trade["amount"], trade["takerOrMaker"]) == ("5", "maker")
    assert (trade["fee"]["currency"], D(trade["fee"]["cost"])) == ("BTC", D("0.000001"))

    client.cancel_order(resting["id"], SYMBOL)
    assert client.fetch_order(resting["id"], SYMBOL)["status"] == "canceled"
    assert [each["id"] for each in client.fetch_orders(SYMBOL)] == [resting["id"]]
    with pytest.raises(ccxt.ExchangeError, match="-2011"):
        client.cancel_order(resting["id"], SYMBOL)


def test_a_market_order_makes_a_position_in_the_coin(client: Any, house: ControlClient) -> None:
    order = client.create_order(SYMBOL, "market", "sell", 30)

    assert client.fetch_order(order["id"], SYMBOL)["status"] == "closed"
    (position,) = client.fetch_positions([SYMBOL])
    assert (position["side"], D(position["contracts"])) == ("short", D(30))
    booked = house.ledger(KEY)["accounts"][KEY]["balances"][0]
    owned = D(client.fetch_balance()["BTC"]["total"])
    assert abs(owned - D(booked["wallet_balance"])) < D("0.0001")
    assert client.fetch_position_mode(SYMBOL)["hedged"] is False
    assert client.fetch_ticker(SYMBOL)["last"] == "60000.0"


def test_conditional_orders_are_made_listed_and_cancelled(client: Any) -> None:
    order = client.create_order(SYMBOL, "market", "buy", 10, None, {"stopPrice": "62000"})
    (listed,) = client.fetch_open_orders(SYMBOL, params={"trigger": True})

    assert (listed["id"], D(listed["triggerPrice"])) == (order["id"], D(62_000))
    assert client.fetch_open_orders(SYMBOL) == []
    client.cancel_order(order["id"], SYMBOL, {"trigger": True})


@pytest.mark.asyncio
async def test_the_stream_tells_an_orders_life(
    simulator: SimulatorThread, house: ControlClient
) -> None:
    client = ours(ccxt.pro.binancecoinm(credentials()), simulator)
    try:
        await client.load_markets()
        orders, trades = client.watch_orders(SYMBOL), client.watch_my_trades(SYMBOL)
        orders, trades = asyncio.ensure_future(orders), asyncio.ensure_future(trades)
        await asyncio.to_thread(until_heard, house)
        order = await client.create_order(SYMBOL, "limit", "buy", 20, 50_000)
        lives = [life(await orders)]
        orders = asyncio.ensure_future(client.watch_orders(SYMBOL))
        fill(house, order["id"], "5")
        lives.append(life(await orders))
        (trade,) = await trades
        orders = asyncio.ensure_future(client.watch_orders(SYMBOL))
        await client.cancel_order(order["id"], SYMBOL)
        lives.append(life(await orders))
    finally:
        await client.close()

    assert lives == [[("open", "0")], [("open", "5")], [("canceled", "5")]]
    assert (trade["order"], trade["amount"], trade["fee"]["currency"]) == (order["id"], "5", "BTC")


def life(orders: list[Any]) -> list[tuple[str, str]]:
    """What is told of orders, read at once: ccxt changes what it has told."""
    return [(each["status"], each["filled"]) for each in orders]


def test_python_binance_trades(
    simulator: SimulatorThread, house: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "FUTURES_COIN_URL", f"{simulator.url}/dapi")
    client = Client(KEY, SECRET, ping=False)
    order = client.futures_coin_create_order(
        symbol=SYMBOL_ID, side="BUY", type="LIMIT", timeInForce="GTC", quantity=20, price="50000.0"
    )
    fill(house, order["orderId"], "8")

    seen = client.futures_coin_get_order(symbol=SYMBOL_ID, orderId=order["orderId"])
    assert (seen["status"], seen["executedQty"]) == ("PARTIALLY_FILLED", "8")
    assert client.futures_coin_get_open_orders(symbol=SYMBOL_ID)[0]["orderId"] == order["orderId"]
    (position,) = [
        each for each in client.futures_coin_position_information() if each["positionAmt"] != "0"
    ]
    assert (position["symbol"], position["positionAmt"]) == (SYMBOL_ID, "8")
    client.futures_coin_cancel_order(symbol=SYMBOL_ID, orderId=order["orderId"])


@pytest.mark.asyncio
async def test_python_binance_streams(
    simulator: SimulatorThread, house: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "FUTURES_COIN_URL", f"{simulator.url}/dapi")
    monkeypatch.setattr(AsyncClient, "FUTURES_COIN_URL", f"{simulator.url}/dapi")
    monkeypatch.setattr(BinanceSocketManager, "DSTREAM_URL", f"{simulator.ws_url}/")
    # so long it waits for a last message before it closes
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", 0.2)
    client = AsyncClient(KEY, SECRET)
    try:
        async with BinanceSocketManager(client).coin_futures_user_socket() as stream:
            await asyncio.to_thread(until_heard, house)
            made = house.act(
                action="place", account=KEY, symbol=SYMBOL_ID, side="SELL", quantity="7"
            )
            frames = [await stream.recv()]
            while frames[-1]["e"] != "ORDER_TRADE_UPDATE" or frames[-1]["o"]["X"] != "FILLED":
                frames.append(await stream.recv())
    finally:
        await client.close_connection()

    assert frames[-1]["i"]
    assert str(frames[-1]["o"]["i"]) == made["exchange_order_id"]
