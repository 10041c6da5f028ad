"""ccxt, ccxt.pro and pybit on Bybit: an order's life on linear, inverse and spot."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ccxt
import ccxt.pro
import pytest
from pybit import unified_trading

from tests.conformance.conftest import KEY, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from exchanges.simulator.control_client import ControlClient
    from exchanges.simulator.thread import SimulatorThread

PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One category, and a quantity that suits it."""

    category: str
    market_type: str
    symbol: str
    unified: str
    quantity: str

    def house(self, simulator: SimulatorThread) -> ControlClient:
        return simulator.house("BYBIT", self.market_type)

    def ledger(self, simulator: SimulatorThread) -> Any:
        return self.house(simulator).ledger(KEY)["accounts"][KEY]


CASES = (
    Case(
        category="linear",
        market_type="FUTURES",
        symbol="BTCUSDT",
        unified="BTC/USDT:USDT",
        quantity="0.100",
    ),
    Case(
        category="inverse",
        market_type="COIN_FUTURES",
        symbol="BTCUSD",
        unified="BTC/USD:BTC",
        quantity="6000",
    ),
    Case(
        category="spot",
        market_type="SPOT",
        symbol="BTCUSDT",
        unified="BTC/USDT",
        quantity="0.100000",
    ),
)
PRICE = "59000.00"


@pytest.fixture(params=CASES, ids=lambda case: case.category)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def redirected(client: Any, simulator: SimulatorThread) -> Any:
    """Let a client of ccxt find the simulator where it would find Bybit."""
    client.urls["api"] = {
        name: simulator.url if isinstance(each, str) else private(each, simulator)
        for name, each in client.urls["api"].items()
    }
    return client


def private(urls: Any, simulator: SimulatorThread) -> Any:
    """The same table of socket URLs with ours in it."""
    if isinstance(urls, dict):
        return {name: private(each, simulator) for name, each in urls.items()}
    return f"{simulator.ws_url}/v5/private"


def credentials() -> dict[str, Any]:
    return {"apiKey": KEY, "secret": SECRET, "number": str, "timeout": 5000}


@pytest.fixture
def client(simulator: SimulatorThread) -> Iterator[Any]:
    exchange = redirected(ccxt.bybit(credentials()), simulator)
    exchange.enableRateLimit = False
    yield exchange
    exchange.session.close()


def test_ccxt_places_asks_and_cancels(client: Any, simulator: SimulatorThread, case: Case) -> None:
    params = {"clientOrderId": "mine"}
    placed = client.create_order(case.unified, "limit", "buy", case.quantity, PRICE, params)
    assert placed["clientOrderId"] == "mine"
    assert [each["id"] for each in client.fetch_open_orders(case.unified)] == [placed["id"]]

    client.edit_order(placed["id"], case.unified, "limit", "buy", case.quantity, "58000.00")
    asked = client.fetch_order(placed["id"], case.unified, {"acknowledged": True})
    assert (asked["status"], asked["price"], asked["filled"]) == ("open", "58000.00", "0")

    client.cancel_order(placed["id"], case.unified)
    asked = client.fetch_order(placed["id"], case.unified, {"acknowledged": True})
    assert asked["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(placed["id"], case.unified)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(case.unified, "limit", "buy", case.quantity, PRICE, params)
    assert case.ledger(simulator)["orders"][0]["exchange_order_id"] == placed["id"]


def test_ccxt_sees_the_fills_that_were_booked(
    client: Any, simulator: SimulatorThread, case: Case
) -> None:
    client.create_order(case.unified, "market", "buy", case.quantity, "60000")
    trades = client.fetch_my_trades(case.unified)
    assert {
        (each["id"], each["price"], each["amount"], each["fee"]["cost"], each["fee"]["currency"])
        for each in trades
    } == {
        (
            each["exchange_trade_id"],
            each["price"],
            each["quantity"],
            each["commission"],
            each["commission_asset"],
        )
        for each in case.ledger(simulator)["executions"]
    }
    (ended,) = client.fetch_canceled_and_closed_orders(case.unified)
    assert ended["status"] == "closed"
    assert ended["id"] == case.ledger(simulator)["orders"][0]["exchange_order_id"]


@contextlib.asynccontextmanager
async def streaming(simulator: SimulatorThread) -> AsyncIterator[Any]:
    exchange = redirected(ccxt.pro.bybit(credentials()), simulator)
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


class Following:
    """Collects what a watch tells until there is enough of it."""

    def __init__(self, enough: Callable[[list[Any]], bool]) -> None:
        self.told: list[Any] = []
        self.has_begun = asyncio.Event()
        self._enough = enough

    async def follow(self, watch: Callable[[], Any]) -> None:
        while not self._enough(self.told):
            # what ccxt.pro tells later changes what it told before
            self.told += [dict(each) for each in await watch()]
            self.has_begun.set()


@pytest.mark.asyncio
async def test_ccxt_pro_hears_an_order_live_and_fill(
    simulator: SimulatorThread, case: Case
) -> None:
    orders = Following(lambda told: any(each["status"] == "closed" for each in told))
    trades = Following(lambda told: len(told) > 1)
    async with streaming(simulator) as exchange:
        following = asyncio.gather(
            orders.follow(lambda: exchange.watch_orders(case.unified)),
            trades.follow(lambda: exchange.watch_my_trades(case.unified)),
        )
        await heard(simulator, case)
        placed = await exchange.create_order(case.unified, "limit", "buy", case.quantity, PRICE)
        await asyncio.wait_for(orders.has_begun.wait(), PATIENCE)
        fill = {"symbol": case.symbol, "orderId": placed["id"], "counterparties": 2}
        await asyncio.to_thread(
            lambda: case.house(simulator).act(action="fill", account=KEY, **fill)
        )
        await asyncio.wait_for(following, PATIENCE)

    assert {each["id"] for each in orders.told} == {placed["id"]}
    assert orders.told[0]["status"] == "open"
    assert orders.told[-1]["filled"] == orders.told[-1]["amount"] == case.quantity
    assert [each["id"] for each in trades.told] == [
        each["exchange_trade_id"] for each in case.ledger(simulator)["executions"]
    ]


async def heard(simulator: SimulatorThread, case: Case) -> None:
    """Wait until the socket is subscribed: two topics, both asked for on one socket."""
    deadline = time.monotonic() + PATIENCE
    while not case.house(simulator).ledger(summary=True)["open_sockets"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.4)


@pytest.fixture
def http(simulator: SimulatorThread) -> Iterator[Any]:
    session = unified_trading.HTTP(api_key=KEY, api_secret=SECRET)
    session.endpoint = simulator.url
    yield session
    session.client.close()


class Heard:
    """What pybit's callbacks were given."""

    def __init__(self) -> None:
        self._frames: queue.Queue[Any] = queue.Queue()

    def __call__(self, frame: Any) -> None:
        self._frames.put(frame)

    def rows(self, number: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < number:
            found += self._frames.get(timeout=PATIENCE)["data"]
        return found


@pytest.fixture
def socket(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(unified_trading, "PRIVATE_WSS", f"{simulator.ws_url}/v5/private")
    # it notes what it asked for only after asking, and an answer that came before confuses it
    simulator.house("BYBIT", "SPOT").configure(answer_after=0.02)
    opened = unified_trading.WebSocket(
        testnet=False,
        channel_type="private",
        api_key=KEY,
        api_secret=SECRET,
        private_auth_expire=10,
    )
    yield opened
    opened.exit()


def test_pybit_places_asks_amends_and_cancels(
    http: Any, simulator: SimulatorThread, case: Case
) -> None:
    where = {"category": case.category, "symbol": case.symbol}
    placed = http.place_order(
        **where,
        side="Buy",
        orderType="Limit",
        qty=case.quantity,
        price=PRICE,
        orderLinkId="mine",
    )["result"]
    assert http.amend_order(**where, orderLinkId="mine", price="58000")["result"] == placed
    (row,) = http.get_open_orders(**where, orderLinkId="mine")["result"]["list"]
    assert (row["orderId"], row["orderStatus"]) == (placed["orderId"], "New")

    assert http.cancel_order(**where, orderId=placed["orderId"])["result"] == placed
    (row,) = http.get_order_history(**where)["result"]["list"]
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByUser")
    assert case.ledger(simulator)["orders"][0]["exchange_order_id"] == placed["orderId"]


def test_pybit_hears_an_order_live_and_fill(
    http: Any, socket: Any, simulator: SimulatorThread, case: Case
) -> None:
    orders, fills = Heard(), Heard()
    socket.order_stream(callback=orders)
    socket.execution_stream(callback=fills)
    where = {"category": case.category, "symbol": case.symbol}
    time.sleep(0.4)

    placed = http.place_order(
        **where, side="Buy", orderType="Limit", qty=case.quantity, price=PRICE
    )["result"]
    case.house(simulator).act(
        action="fill",
        account=KEY,
        symbol=case.symbol,
        orderId=placed["orderId"],
        counterparties=2,
    )

    told = orders.rows(3)
    assert [row["orderStatus"] for row in told] == ["New", "PartiallyFilled", "Filled"]
    assert {row["orderId"] for row in told} == {placed["orderId"]}
    page = http.get_executions(**where, limit=1)["result"]
    rest = http.get_executions(**where, limit=1, cursor=page["nextPageCursor"])["result"]
    listed = [row["execId"] for row in rest["list"] + page["list"]]
    heard_ids = [row["execId"] for row in fills.rows(2)]
    booked = [each["exchange_trade_id"] for each in case.ledger(simulator)["executions"]]
    assert sorted(heard_ids) == sorted(listed) == sorted(booked)
