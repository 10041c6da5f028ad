"""Other people's client, unchanged but for the URL: ccxt must not notice the difference."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ccxt
import ccxt.pro
import pytest
import requests.adapters

from tests.integration.simulator.conftest import KEY, SECRET, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.thread import SimulatorThread

SYMBOL = "BTC/USDT:USDT"


class SimAdapter(requests.adapters.HTTPAdapter):
    """Sends what was meant for Binance to the simulator; ccxt still sees its own URL."""

    def __init__(self, base: str) -> None:
        self.base = base
        super().__init__()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        meant = urlsplit(request.url)
        original = request.url
        request.headers["X-Sim-Host"] = meant.netloc
        request.url = self.base + meant.path + (f"?{meant.query}" if meant.query else "")
        response = super().send(request, *args, **kwargs)
        response.url = original
        return response


@pytest.fixture
def client(simulator: SimulatorThread) -> Iterator[Any]:
    simulator.account(KEY, SECRET)
    exchange = ccxt.binanceusdm({"apiKey": KEY, "secret": SECRET, "number": str})
    exchange.enableRateLimit = False
    exchange.session.mount("https://", SimAdapter(simulator.url))
    yield exchange
    exchange.session.close()


def test_markets_have_their_steps(client: Any) -> None:
    markets = client.load_markets()
    assert set(markets) == {SYMBOL, "ETH/USDT:USDT", "SOL/USDT:USDT", "BNB/USDT:USDT"}
    precision = markets[SYMBOL]["precision"]
    assert (precision["amount"], Decimal(precision["price"])) == ("0.001", Decimal("0.1"))
    assert client.price_to_precision(SYMBOL, "60000.17") == "60000.2"


def test_an_order_lives_and_dies(client: Any) -> None:
    order = client.create_order(SYMBOL, "limit", "buy", "0.1", "59000", {"clientOrderId": "mine"})
    assert (order["status"], order["filled"], order["remaining"]) == ("open", "0", "0.1")
    assert client.fetch_order(None, SYMBOL, {"clientOrderId": "mine"})["id"] == order["id"]
    assert [each["id"] for each in client.fetch_open_orders(SYMBOL)] == [order["id"]]

    amended = client.edit_order(order["id"], SYMBOL, "limit", "buy", "0.2", "58000")
    assert (amended["amount"], amended["price"]) == ("0.200", "58000.00")

    assert client.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_order(order["id"], SYMBOL)["status"] == "canceled"


def test_trades_carry_their_fees(client: Any, simulator: SimulatorThread) -> None:
    order = client.create_order(SYMBOL, "market", "buy", "0.2")
    trades = client.fetch_my_trades(SYMBOL, params={"orderId": order["id"]})

    assert order["status"] == "closed"
    booked = simulator.ledger(KEY)["accounts"][KEY]["executions"]
    assert [(t["id"], t["price"], t["fee"]["cost"]) for t in trades] == [
        (fill["exchange_trade_id"], fill["price"], fill["commission"]) for fill in booked
    ]
    assert {(t["side"], t["takerOrMaker"], t["fee"]["currency"]) for t in trades} == {
        ("buy", "taker", "USDT")
    }


def test_positions_balances_and_ledger_are_read(client: Any, simulator: SimulatorThread) -> None:
    client.create_order(SYMBOL, "market", "sell", "0.2")
    (position,) = client.fetch_positions()
    assert (position["side"], Decimal(position["contracts"])) == ("short", Decimal("0.2"))
    total = client.fetch_balance()["USDT"]["total"]
    balance = simulator.ledger(KEY)["accounts"][KEY]["balances"][0]
    assert abs(Decimal(total) - Decimal(balance["wallet_balance"])) < 100
    assert {row["type"] for row in client.fetch_ledger()} == {"commission"}
    assert client.fetch_position_mode(SYMBOL)["hedged"] is False
    assert client.fetch_ticker(SYMBOL)["last"] == "60000.00"


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        (("limit", "buy", "90", "59000"), ccxt.InsufficientFunds),
        (("limit", "buy", "0.1", "61000", {"timeInForce": "PO"}), ccxt.OrderNotFillable),
        (("market", "buy", "0.1", None, {"reduceOnly": True}), ccxt.InvalidOrder),
    ],
)
def test_refusals_are_recognised(client: Any, terms: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.create_order(SYMBOL, *terms)


def test_what_does_not_exist_is_not_found(client: Any) -> None:
    client.load_markets()
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("1", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("1", SYMBOL)
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_open_orders(SYMBOL)


def test_conditional_orders_are_made_and_listed(client: Any) -> None:
    order = client.create_order(SYMBOL, "market", "buy", "0.1", None, {"stopPrice": "62000"})
    (listed,) = client.fetch_open_orders(SYMBOL, params={"trigger": True})
    assert (listed["id"], listed["triggerPrice"]) == (order["id"], "62000.00")
    assert client.fetch_open_orders(SYMBOL) == []
    client.cancel_order(order["id"], SYMBOL, {"trigger": True})


def test_listen_keys_are_handed_out(client: Any) -> None:
    key = client.fapiPrivatePostListenKey()["listenKey"]
    assert client.fapiPrivatePutListenKey()["listenKey"] == key
    assert client.fapiPrivateDeleteListenKey() == {}
    with pytest.raises(ccxt.AuthenticationError):
        client.fapiPrivatePutListenKey()


def test_ccxt_pro_watches_orders(simulator: SimulatorThread) -> None:
    simulator.account(KEY, SECRET)
    assert asyncio.run(watched_statuses(simulator)) == ["open", "closed"]


def has_socket(simulator: SimulatorThread) -> bool:
    return bool(simulator.ledger(summary=True)["open_sockets"])


async def watched_statuses(simulator: SimulatorThread) -> list[str]:
    exchange = ccxt.pro.binanceusdm(
        {"apiKey": KEY, "secret": SECRET, "number": str, "options": {"fetchCurrencies": False}}
    )
    urls = exchange.urls["api"]
    for name, url in urls.items():
        if isinstance(url, str):
            urls[name] = url.replace("https://fapi.binance.com", simulator.url)
    urls["ws"] = dict.fromkeys(urls["ws"], f"{simulator.ws_url}/ws")
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1", "account": KEY}
    try:
        watching = asyncio.ensure_future(exchange.watch_orders())
        await asyncio.to_thread(eventually, lambda: has_socket(simulator))
        made = await asyncio.to_thread(
            simulator.act, action="place", type="LIMIT", price="59000.0", **terms
        )
        seen = [(await asyncio.wait_for(watching, 10))[-1]["status"]]
        watching = asyncio.ensure_future(exchange.watch_orders())
        await asyncio.sleep(0)
        order_id = made["exchange_order_id"]
        await asyncio.to_thread(simulator.act, action="fill", orderId=order_id, **terms)
        return [*seen, (await asyncio.wait_for(watching, 10))[-1]["status"]]
    finally:
        await exchange.close()
