"""The Bybit client against a Bybit: what a contract that fits all exchanges does not ask."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges import bybit_calls
from exchanges.adapter import Limits, Pool, Rate
from exchanges.bybit_connection import PRODUCTION_URL
from exchanges.calls import Calls
from exchanges.credentials import Credentials
from exchanges.errors import OrderNotFound, TransientError, UnknownSymbol
from exchanges.governor import Priority
from exchanges.http_session import HttpSession, signer_of
from exchanges.messages import MarketType, OrderStatus, OrderType, PositionSide, Side
from exchanges.questions import NewOrder, OrderRef, TradeCursor
from exchanges.registry import rest_for
from exchanges.simulator.thread import SimulatorThread
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.messages import OrderSnapshot
    from exchanges.rest import RestClient
    from exchanges.simulator.control_client import ControlClient

FUTURES, SPOT, COIN = MarketType.FUTURES, MarketType.SPOT, MarketType.COIN_FUTURES
numbers = itertools.count()
#: so wide that tests do not wait for each other's requests
WIDE = Limits(
    address=Rate(limit=100_000, period=5),
    pools=tuple(
        Pool(name=pool.name, rate=Rate(limit=10_000, period=1)) for pool in bybit_calls.LIMITS.pools
    ),
)


class Account:
    """One account at one house."""

    def __init__(
        self, simulator: SimulatorThread, market_type: MarketType, *, hedge: bool = False
    ) -> None:
        self.market_type = market_type
        self.house: ControlClient = simulator.house("BYBIT", market_type)
        self.key = f"{next(numbers):0>32}"
        self.house.account(self.key, f"secret-{self.key}", hedge=hedge)
        credentials = Credentials(api_key=self.key, api_secret=f"secret-{self.key}")
        self.client: RestClient = rest_for(
            "BYBIT",
            market_type,
            credentials=credentials,
            redis_url=os.environ["REDIS_URL"],
            base_url=simulator.url,
            egress_ip="bybit-rest",
            limits=WIDE,
        )
        #: for what our client does not do
        self.calls = Calls(
            session=HttpSession(PRODUCTION_URL, simulator.url, signer="bybit"),
            governor=self.client.governor,
            credentials=credentials,
            reader=bybit_calls.BybitReader(),
        )

    def order(self, symbol_id: str, quantity: str, price: str) -> NewOrder:
        return NewOrder(
            market_type=self.market_type,
            symbol_id=symbol_id,
            client_order_id=f"rest-{next(numbers)}-{self.key[-6:]}",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal(quantity),
            price=Decimal(price),
        )

    def place(
        self, symbol_id: str = "BTCUSDT", quantity: str = "0.01", price: str = "30000"
    ) -> OrderRef:
        return self.ref(self.client.place_order(self.order(symbol_id, quantity, price)))

    def ref(self, placed: OrderSnapshot) -> OrderRef:
        return OrderRef(
            market_type=self.market_type,
            symbol_id=placed.symbol_id,
            exchange_order_id=placed.exchange_order_id,
            client_order_id=placed.client_order_id,
        )

    def fill(self, ref: OrderRef, quantity: str | None = None, counterparties: int = 1) -> None:
        terms: dict[str, object] = {"counterparties": counterparties}
        if quantity is not None:
            terms["quantity"] = quantity
        self.house.act(
            action="fill",
            account=self.key,
            symbol=ref.symbol_id,
            orderId=ref.exchange_order_id,
            **terms,
        )


@pytest.fixture(scope="module")
def bybit() -> Iterator[SimulatorThread]:
    houses = [("BYBIT", market_type.value) for market_type in (FUTURES, SPOT, COIN)]
    with SimulatorThread(houses=houses) as running:
        for house in houses:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture
def linear(bybit: SimulatorThread) -> Iterator[Account]:
    account = Account(bybit, FUTURES)
    yield account
    account.house.faults(reset=True)


def test_open_orders_of_both_coins_are_read_page_by_page(linear: Account) -> None:
    placed = {linear.place().exchange_order_id for _ in range(53)}
    in_usdc = linear.place("BTCPERP").exchange_order_id

    found = linear.client.fetch_open_orders("BTCUSDT")
    everywhere = linear.client.fetch_open_orders()

    assert {order.exchange_order_id for order in found} == placed
    assert {order.exchange_order_id for order in everywhere} == placed | {in_usdc}


def test_conditional_orders_are_open_orders(linear: Account) -> None:
    terms = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "orderType": "Market",
        "qty": "0.01",
        "triggerPrice": "20000",
        "triggerDirection": 2,
    }
    endpoint = bybit_calls.placing(FUTURES)
    linear.calls.call(endpoint, terms, priority=Priority.ORDER, timeout=5)

    (order,) = linear.client.fetch_open_orders("BTCUSDT")

    assert (order.order_type, order.stop_price) == (OrderType.STOP_MARKET, Decimal(20000))
    assert (order.status, order.exchange_status) == (OrderStatus.NEW, "Untriggered")
    assert linear.client.fetch_open_algo_orders() == ()


def test_fills_beyond_a_page_are_read_oldest_first(linear: Account) -> None:
    since = linear.client.fetch_server_time() - timedelta(seconds=1)
    ref = linear.place(quantity="0.25")
    linear.fill(ref, counterparties=125)

    by_time = linear.client.fetch_executions("BTCUSDT", TradeCursor(since=since))
    by_order = linear.client.fetch_executions(
        "BTCUSDT", TradeCursor(), exchange_order_id=ref.exchange_order_id
    )

    assert len(by_time) == len({fill.exchange_trade_id for fill in by_time}) == 125
    assert {fill.exchange_trade_id for fill in by_order} == {f.exchange_trade_id for f in by_time}
    assert list(by_time) == sorted(by_time, key=lambda fill: fill.executed_at)
    place = str(milliseconds(by_time[-1].executed_at))
    again = linear.client.fetch_executions("BTCUSDT", TradeCursor(after_trade_id=place))
    assert by_time[-1] in again


def test_many_orders_are_verified_from_lists(linear: Account) -> None:
    since = linear.client.fetch_server_time() - timedelta(seconds=1)
    refs = [linear.place() for _ in range(12)]
    for ref in refs[:6]:
        linear.fill(ref)

    told = linear.client.verify_orders(refs, cursor=TradeCursor(since=since), want_trades=True)

    statuses = {snapshot.exchange_order_id: snapshot.status for snapshot in told.snapshots}
    assert [statuses[ref.exchange_order_id or ""] for ref in refs] == (
        [OrderStatus.FILLED] * 6 + [OrderStatus.NEW] * 6
    )
    assert len(told.executions) == 6
    assert told.trades_complete_for >= {ref.exchange_order_id for ref in refs}


def test_an_order_no_list_remembers_is_not_found(linear: Account) -> None:
    ref = linear.place()
    linear.client.cancel_order(ref)
    linear.house.configure(unfilled_retention_ms=0, recent_closed=0)
    try:
        with pytest.raises(OrderNotFound):
            linear.client.fetch_order(ref)
    finally:
        linear.house.configure(unfilled_retention_ms=86_400_000, recent_closed=500)


def test_an_empty_answer_is_no_empty_list(linear: Account) -> None:
    ref = linear.place()
    linear.house.faults(rest_empty=True)

    with pytest.raises(TransientError):
        linear.client.fetch_order(ref)


def test_a_market_nobody_has_is_not_without_orders(linear: Account) -> None:
    with pytest.raises(UnknownSymbol):
        linear.client.fetch_open_orders("NOSUCHUSDT")


def test_funding_is_a_movement(linear: Account) -> None:
    since = linear.client.fetch_server_time() - timedelta(seconds=1)
    linear.fill(linear.place())
    linear.house.act(action="funding", account=linear.key, symbol="BTCUSDT", amount="-1.5")

    told = linear.client.fetch_activity(since)
    funding = linear.client.fetch_activity(since, only_funding=True)

    assert told.traded_symbol_ids == {"BTCUSDT"}
    (movement,) = told.movements
    assert (movement.amount, movement.asset) == (Decimal("-1.5"), "USDT")
    assert (funding.traded_symbol_ids, funding.movements) == (frozenset(), told.movements)


def test_positions_kept_apart_are_told_apart(bybit: SimulatorThread) -> None:
    account = Account(bybit, FUTURES, hedge=True)
    assert account.client.is_hedge_mode()
    for side, position in ((Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)):
        order = replace(
            account.order("BTCUSDT", "0.01", "60000"), side=side, position_side=position
        )
        order = replace(order, order_type=OrderType.MARKET, price=None)
        account.client.place_order(order)

    held = {holding.position_side: holding.quantity for holding in account.client.fetch_holdings()}

    assert held == {PositionSide.LONG: Decimal("0.01"), PositionSide.SHORT: Decimal("-0.01")}


def test_one_way_is_the_other_mode(linear: Account) -> None:
    assert not linear.client.is_hedge_mode()


@pytest.mark.parametrize("market_type", [SPOT, COIN])
def test_other_markets_have_one_position(bybit: SimulatorThread, market_type: MarketType) -> None:
    assert not Account(bybit, market_type).client.is_hedge_mode()


def test_inverse_is_held_in_contracts(bybit: SimulatorThread) -> None:
    account = Account(bybit, COIN)
    account.fill(account.place("BTCUSD", "300", "50000"))

    (held,) = account.client.fetch_holdings()

    assert (held.symbol_id, held.quantity) == ("BTCUSD", Decimal(300))
    market = account.client.markets.market_by_id(COIN, "BTCUSD")
    assert (market.symbol, market.contract_size) == ("BTC/USD:BTC", Decimal(1))


def test_a_spot_market_order_buys_what_it_says(bybit: SimulatorThread) -> None:
    account = Account(bybit, SPOT)
    order = replace(account.order("BTCUSDT", "0.01", "1"), order_type=OrderType.MARKET, price=None)
    placed = account.client.place_order(order)

    (fill, *_) = account.client.fetch_executions(
        "BTCUSDT", TradeCursor(), exchange_order_id=placed.exchange_order_id
    )
    ref = OrderRef(
        market_type=SPOT, symbol_id="BTCUSDT", exchange_order_id=placed.exchange_order_id
    )
    told = account.client.fetch_order(ref)

    assert (told.status, told.quantity) == (OrderStatus.FILLED, Decimal("0.01"))
    assert told.filled_quantity == told.quantity
    assert fill.commission_asset == "BTC"


@pytest.mark.parametrize("kind", ["StopOrder", "tpslOrder"])
def test_a_conditional_order_of_spot_is_cancelled_by_its_kind(
    bybit: SimulatorThread, kind: str
) -> None:
    account = Account(bybit, SPOT)
    terms = {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "price": "70000",
        "qty": "0.01",
        "triggerPrice": "80000",
        "orderFilter": kind,
    }
    endpoint = bybit_calls.placing(SPOT)
    told = account.calls.call(endpoint, terms, priority=Priority.ORDER, timeout=5)
    ref = OrderRef(
        market_type=SPOT,
        symbol_id="BTCUSDT",
        exchange_order_id=str(bybit_calls.result(told.body)["orderId"]),
    )

    ended = account.client.cancel_order(ref)

    assert ended.status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotFound):
        account.client.cancel_order(ref)


def test_a_cursor_is_signed_as_it_is_sent() -> None:
    signer = signer_of("bybit")(PRODUCTION_URL, PRODUCTION_URL)
    signer.apiKey, signer.secret = "key", "secret"
    cursor = "page_args%3Dfd4300ae%26symbol%3D6%26"

    signed = signer.sign(  # type: ignore[attr-defined]
        "v5/order/realtime", ["private"], "GET", {"category": "linear", "cursor": cursor}
    )

    query = f"category=linear&cursor={cursor}"
    assert signed["url"] == f"{PRODUCTION_URL}/v5/order/realtime?{query}"
    said = f"{signed['headers']['X-BAPI-TIMESTAMP']}key5000{query}"
    expected = hmac.new(b"secret", said.encode(), hashlib.sha256).hexdigest()
    assert signed["headers"]["X-BAPI-SIGN"] == expected
