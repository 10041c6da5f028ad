"""ccxt and ccxt.pro on Binance USD-M and spot: an order's life by REST and on the stream."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import ccxt
import ccxt.pro
import pytest

from tests.conformance.conftest import KEY, SECRET, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchanges.simulator.thread import SimulatorThread

HOSTS = (
    "https://api.binance.com",
    "https://fapi.binance.com",
    "wss://fstream.binance.com",
    "wss://ws-api.binance.com:443",
)
#: ccxt's class, its name of the market, ours
MARKETS = [
    pytest.param(("binance", "BTC/USDT", "SPOT"), id="spot"),
    pytest.param(("binanceusdm", "BTC/USDT:USDT", "FUTURES"), id="usdm"),
]


def redirected(client: Any, simulator: SimulatorThread) -> Any:
    """Let a client find the simulator where it would find Binance."""
    client.urls["api"] = replaced(client.urls["api"], simulator)
    client.options |= {"fetchMargins": False}
    client.has["fetchCurrencies"] = False
    kind = "spot" if client.id == "binance" else "linear"
    client.options["fetchMarkets"] = {"types": [kind]}
    return client


def replaced(urls: Any, simulator: SimulatorThread) -> Any:
    """The same table of URLs with our host in it."""
    if isinstance(urls, dict):
        return {name: replaced(each, simulator) for name, each in urls.items()}
    for host in HOSTS:
        ours = simulator.ws_url if host.startswith("wss:") else simulator.url
        urls = urls.replace(host, ours)
    return urls


def credentials() -> dict[str, Any]:
    return {"apiKey": KEY, "secret": SECRET, "timeout": 5000}


@pytest.mark.parametrize("market", MARKETS)
def test_an_order_lives_and_dies_over_rest(
    simulator: SimulatorThread, market: tuple[str, str, str]
) -> None:
    name, symbol, kind = market
    client = redirected(getattr(ccxt, name)(credentials()), simulator)

    resting = client.create_order(symbol, "limit", "buy", 0.1, 59_000)
    assert resting["status"] == "open"
    assert [each["id"] for each in client.fetch_open_orders(symbol)] == [resting["id"]]

    simulator.house("BINANCE", kind).act(
        action="fill",
        account=KEY,
        symbol="BTCUSDT",
        orderId=resting["id"],
        quantity="0.04",
    )
    seen = client.fetch_order(resting["id"], symbol)
    assert (seen["status"], seen["filled"], seen["average"]) == ("open", 0.04, 59_000)
    (trade,) = client.fetch_my_trades(symbol)
    assert (trade["order"], trade["amount"], trade["takerOrMaker"]) == (
        resting["id"],
        0.04,
        "maker",
    )

    client.cancel_order(resting["id"], symbol)
    assert client.fetch_order(resting["id"], symbol)["status"] == "canceled"
    with pytest.raises(ccxt.ExchangeError, match="-2011"):
        client.cancel_order(resting["id"], symbol)


@pytest.mark.parametrize("market", MARKETS)
def test_a_market_order_fills_at_once(
    simulator: SimulatorThread, market: tuple[str, str, str]
) -> None:
    name, symbol, _kind = market
    client = redirected(getattr(ccxt, name)(credentials()), simulator)

    order = client.create_order(symbol, "market", "buy", 0.1)
    found = client.fetch_order(order["id"], symbol)

    assert (found["status"], found["filled"]) == ("closed", 0.1)
    assert sum(each["amount"] for each in client.fetch_my_trades(symbol)) == pytest.approx(0.1)
    assert client.fetch_balance()["USDT"]["total"] > 0


def test_spot_balances_move_and_lock(simulator: SimulatorThread) -> None:
    client = redirected(ccxt.binance(credentials()), simulator)
    before = client.fetch_balance()
    client.create_order("BTC/USDT", "limit", "buy", 0.1, 59_000)
    client.create_order("BTC/USDT", "market", "sell", 0.1)
    after = client.fetch_balance()

    assert after["USDT"]["used"] == 5_900
    assert after["BTC"]["total"] == pytest.approx(before["BTC"]["total"] - 0.1)


@contextlib.asynccontextmanager
async def listening(name: str, simulator: SimulatorThread) -> AsyncIterator[Any]:
    client = redirected(getattr(ccxt.pro, name)(credentials()), simulator)
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("market", MARKETS)
async def test_the_stream_tells_an_orders_life(
    simulator: SimulatorThread, market: tuple[str, str, str]
) -> None:
    name, symbol, kind = market
    house = simulator.house("BINANCE", kind)
    async with listening(name, simulator) as client:
        await client.load_markets()
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        trades = asyncio.ensure_future(client.watch_my_trades(symbol))
        await eventually(lambda: house.ledger(summary=True)["open_sockets"] > 0)
        order = await client.create_order(symbol, "limit", "buy", 0.1, 59_000)
        lives = [life(await watching)]
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        terms = {"account": KEY, "symbol": "BTCUSDT", "orderId": order["id"]}
        house.act(action="fill", quantity="0.04", **terms)
        lives.append(life(await watching))
        (trade,) = await trades
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        await client.cancel_order(order["id"], symbol)
        lives.append(life(await watching))

    assert lives == [[("open", 0.0)], [("open", 0.04)], [("canceled", 0.04)]]
    assert (trade["order"], trade["amount"]) == (order["id"], 0.04)


def life(orders: list[Any]) -> list[tuple[str, float]]:
    """What is told of orders, read at once: ccxt changes what it has told."""
    return [(each["status"], each["filled"]) for each in orders]
