"""ccxt, ccxt.pro and pyupbit on Upbit: an order's life in the won market."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import ccxt
import ccxt.pro
import pytest
import pyupbit
import requests

from tests.conformance.conftest import KEY, SECRET, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from exchanges.simulator.control_client import ControlClient
    from exchanges.simulator.thread import SimulatorThread

PATIENCE = 5.0
SYMBOL, MARKET = "BTC/KRW", "KRW-BTC"
PRICE = "140000000"
PRODUCTION = "https://api.upbit.com"


@pytest.fixture
def house(simulator: SimulatorThread) -> ControlClient:
    return simulator.house("UPBIT", "SPOT")


def booked(house: ControlClient) -> Any:
    return house.ledger(KEY)["accounts"][KEY]


def fill(house: ControlClient, order_id: str, **terms: object) -> None:
    house.act(action="fill", account=KEY, symbol=MARKET, orderId=order_id, **terms)


def redirected(client: Any, simulator: SimulatorThread) -> Any:
    """Let a client of ccxt find the simulator where it would find Upbit."""
    client.urls["api"] |= {
        "public": simulator.url,
        "private": simulator.url,
        "ws": f"{simulator.ws_url}/websocket/v1",
    }
    client.enableRateLimit = False
    return client


def credentials() -> dict[str, Any]:
    return {"apiKey": KEY, "secret": SECRET, "number": str, "timeout": 5000}


@pytest.fixture
def client(simulator: SimulatorThread) -> Iterator[Any]:
    exchange = redirected(ccxt.upbit(credentials()), simulator)
    yield exchange
    exchange.session.close()


def test_ccxt_places_asks_and_cancels(client: Any, house: ControlClient) -> None:
    params = {"clientOrderId": "mine"}
    placed = client.create_order(SYMBOL, "limit", "buy", "0.1", PRICE, params)
    assert [each["id"] for each in client.fetch_open_orders(SYMBOL)] == [placed["id"]]
    fill(house, placed["id"], quantity="0.04")
    asked = client.fetch_order(placed["id"], SYMBOL)
    assert (asked["status"], asked["amount"], asked["filled"]) == ("open", "0.1", "0.04")
    assert asked["clientOrderId"] == "mine"

    client.cancel_order(placed["id"], SYMBOL)
    (ended,) = client.fetch_canceled_orders(SYMBOL)
    assert (ended["status"], ended["filled"]) == ("canceled", "0.04")
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(placed["id"], SYMBOL)
    with pytest.raises(ccxt.ExchangeError):
        client.create_order(SYMBOL, "limit", "buy", "0.1", PRICE, params)
    assert booked(house)["orders"][0]["exchange_order_id"] == placed["id"]


def test_ccxt_sees_a_market_buy_that_ends_as_cancelled_with_its_fills(
    client: Any, house: ControlClient
) -> None:
    placed = client.create_order(SYMBOL, "market", "buy", "0.01", "145000000")

    ended = client.fetch_order(placed["id"], SYMBOL)

    assert ended["status"] == "canceled"
    executions = booked(house)["executions"]
    assert {each["id"] for each in ended["trades"]} == {
        each["exchange_trade_id"] for each in executions
    }
    paid = sum(Decimal(each["commission"]) for each in executions)
    assert Decimal(ended["fee"]["cost"]) == paid
    assert ended["fee"]["currency"] == "KRW"


def test_ccxt_sees_what_is_owned(client: Any) -> None:
    client.create_order(SYMBOL, "limit", "buy", "0.1", PRICE)

    owned = client.fetch_balance()["KRW"]

    assert Decimal(owned["used"]) == Decimal(14007000)
    assert Decimal(owned["total"]) == Decimal(140_000_000)


@pytest.mark.parametrize(
    ("secret", "params", "error"),
    [("wrong", {}, ccxt.AuthenticationError), (SECRET, {"ord_type": "x"}, ccxt.ExchangeError)],
)
def test_ccxt_is_refused_as_it_expects(
    simulator: SimulatorThread, secret: str, params: dict[str, str], error: type[Exception]
) -> None:
    exchange = redirected(ccxt.upbit(credentials() | {"secret": secret}), simulator)
    with contextlib.closing(exchange.session), pytest.raises(error):
        exchange.create_order(SYMBOL, "limit", "buy", "0.1", PRICE, params)


@contextlib.asynccontextmanager
async def streaming(simulator: SimulatorThread) -> AsyncIterator[Any]:
    exchange = redirected(ccxt.pro.upbit(credentials()), simulator)
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


async def follow(watch: Callable[[], Any], told: list[Any], until: Callable[[], bool]) -> None:
    """Collect what a watch tells."""
    while not until():
        # what ccxt.pro tells later changes what it told before
        told += [dict(each) for each in await watch()]


@pytest.mark.asyncio
async def test_ccxt_pro_hears_an_order_live_and_fill(
    simulator: SimulatorThread, house: ControlClient
) -> None:
    orders: list[Any] = []
    trades: list[Any] = []
    async with streaming(simulator) as exchange:
        following = asyncio.gather(
            follow(
                lambda: exchange.watch_orders(SYMBOL),
                orders,
                lambda: any(each["status"] == "closed" for each in orders),
            ),
            follow(lambda: exchange.watch_my_trades(SYMBOL), trades, lambda: len(trades) > 1),
        )
        await eventually(lambda: bool(house.ledger(summary=True)["open_sockets"]))
        await asyncio.sleep(0.2)
        placed = await exchange.create_order(SYMBOL, "limit", "buy", "0.1", PRICE)
        await eventually(lambda: bool(orders))
        await asyncio.to_thread(lambda: fill(house, placed["id"], counterparties=2))
        await asyncio.wait_for(following, PATIENCE)

    assert {each["id"] for each in orders} == {placed["id"]}
    assert orders[0]["status"] == "open"
    assert Decimal(orders[-1]["filled"]) == Decimal("0.1")
    executions = booked(house)["executions"]
    assert [each["id"] for each in trades] == [each["exchange_trade_id"] for each in executions]
    assert [Decimal(each["fee"]["cost"]) for each in trades] == [
        Decimal(each["commission"]) for each in executions
    ]


@pytest.mark.asyncio
async def test_ccxt_pro_hears_what_is_owned(
    simulator: SimulatorThread, house: ControlClient
) -> None:
    async with streaming(simulator) as exchange:
        watching = asyncio.create_task(exchange.watch_balance())
        await eventually(lambda: bool(house.ledger(summary=True)["open_sockets"]))
        await asyncio.sleep(0.2)
        await exchange.create_order(SYMBOL, "limit", "buy", "0.1", PRICE)
        owned = await asyncio.wait_for(watching, PATIENCE)

    assert Decimal(owned["KRW"]["used"]) == Decimal(14007000)


@pytest.fixture
def trader(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> pyupbit.Upbit:
    """Let pyupbit, whose URLs are written into it, find the simulator."""
    send = requests.Session.request

    def sent(self: requests.Session, method: str, url: str, **terms: Any) -> Any:
        return send(self, method, url.replace(PRODUCTION, simulator.url), **terms)

    monkeypatch.setattr(requests.Session, "request", sent)
    return pyupbit.Upbit(KEY, SECRET)


def test_pyupbit_places_asks_and_cancels(trader: pyupbit.Upbit, house: ControlClient) -> None:
    assert pyupbit.get_tickers("KRW") == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    assert pyupbit.get_current_price(MARKET) == 145_000_000
    placed = trader.buy_limit_order(MARKET, int(PRICE), 0.1)
    fill(house, placed["uuid"], quantity="0.04")

    (listed,) = trader.get_order(MARKET)
    asked = trader.get_order(placed["uuid"])
    assert listed["uuid"] == asked["uuid"] == placed["uuid"]
    assert [each["volume"] for each in asked["trades"]] == ["0.04"]
    assert trader.cancel_order(placed["uuid"])["state"] == "wait"
    assert trader.get_order(placed["uuid"])["state"] == "cancel"
    assert trader.get_order(MARKET) == []
    assert booked(house)["orders"][0]["status"] == "CANCELED"


def test_pyupbit_buys_and_sells_at_the_market(trader: pyupbit.Upbit, house: ControlClient) -> None:
    before = trader.get_balance("BTC")
    bought = trader.buy_market_order(MARKET, 1_000_000)
    sold = trader.sell_market_order(MARKET, 0.001)

    assert trader.get_order(bought["uuid"])["state"] == "cancel"
    assert trader.get_order(sold["uuid"])["state"] == "done"
    assert trader.get_balance("BTC") > before
    assert trader.get_chance(MARKET)["market"]["id"] == MARKET
    assert len(booked(house)["orders"]) == 2


def test_pyupbit_is_told_that_it_asked_too_often(
    trader: pyupbit.Upbit, house: ControlClient
) -> None:
    house.configure(orders_per_second=1)

    placed = [trader.buy_limit_order(MARKET, int(PRICE), 0.001) for _ in range(4)]

    assert placed[0]["uuid"]
    assert placed[-1]["error"]["name"] == "too_many_requests"
