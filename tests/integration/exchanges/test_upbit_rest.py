"""The Upbit client against the simulated exchange."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.adapter import Limits, Pool, Rate
from exchanges.credentials import Credentials
from exchanges.errors import (
    AuthenticationError,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.messages import MarketType, OrderStatus, OrderType, Side, Source, TimeInForce
from exchanges.questions import NewOrder, OrderRef, TradeCursor
from exchanges.registry import adapter, rest_for
from exchanges.simulator.thread import SimulatorThread
from exchanges.simulator.upbit.config import UpbitConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.messages import OrderSnapshot
    from exchanges.rest import RestClient

SPOT = MarketType.SPOT
WIDE = Limits(
    address=Rate(limit=100_000, period=1),
    pools=tuple(
        Pool(name=name, rate=Rate(limit=100_000, period=1)) for name in ("order", "default")
    ),
)
numbers = itertools.count()


@pytest.fixture(scope="module")
def upbit() -> Iterator[SimulatorThread]:
    config = UpbitConfig(price_interval=0, enforce_limits=False)
    with SimulatorThread(config=config, houses=[("UPBIT", "SPOT")]) as running:
        yield running


@pytest.fixture
def credentials(upbit: SimulatorThread) -> Credentials:
    number = next(numbers)
    fresh = Credentials(api_key=f"upbit-key-{number}", api_secret=f"{number:0>40}")
    upbit.account(fresh.api_key, fresh.api_secret)
    return fresh


def client_of(upbit: SimulatorThread, credentials: Credentials, limits: Limits) -> RestClient:
    return rest_for(
        "UPBIT",
        "SPOT",
        credentials=credentials,
        redis_url=os.environ["REDIS_URL"],
        base_url=upbit.url,
        limits=limits,
    )


@pytest.fixture
def client(upbit: SimulatorThread, credentials: Credentials) -> Iterator[RestClient]:
    yield client_of(upbit, credentials, WIDE)
    upbit.faults(reset=True)


def an_order(**changes: Any) -> NewOrder:
    resting = NewOrder(
        market_type=SPOT,
        symbol_id="KRW-BTC",
        client_order_id=f"ota{next(numbers)}",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.01"),
        price=Decimal(140_000_000),
    )
    return replace(resting, **changes)


def by_market(side: Side = Side.SELL, **changes: Any) -> NewOrder:
    return an_order(side=side, order_type=OrderType.MARKET, price=None, **changes)


def ref(order: NewOrder | OrderSnapshot) -> OrderRef:
    return OrderRef(
        market_type=SPOT,
        symbol_id=order.symbol_id,
        exchange_order_id=getattr(order, "exchange_order_id", None),
        client_order_id=order.client_order_id,
    )


def test_a_resting_order_is_placed_found_by_either_id_and_cancelled(client: RestClient) -> None:
    order = an_order(price=Decimal(140_000_999))

    placed = client.place_order(order)

    assert (placed.status, placed.source) == (OrderStatus.NEW, Source.SUBMIT)
    # the step of the price is 1,000 won there
    assert placed.price == Decimal(140_000_000)
    by_name = client.fetch_order(ref(order))
    assert by_name.exchange_order_id == placed.exchange_order_id
    assert client.fetch_order(ref(placed)).quantity == Decimal("0.01")
    assert client.cancel_order(ref(order)).exchange_order_id == placed.exchange_order_id
    assert client.fetch_order(ref(placed)).status is OrderStatus.CANCELLED


def test_a_market_buy_spends_funds_and_is_filled_though_it_ends_as_cancelled(
    client: RestClient, upbit: SimulatorThread, credentials: Credentials
) -> None:
    placed = client.place_order(by_market(Side.BUY, quantity=Decimal("0.0011")))

    verified = client.verify_orders([ref(placed)], want_trades=True)

    (snapshot,) = verified.snapshots
    assert (snapshot.exchange_status, snapshot.status) == ("cancel", OrderStatus.FILLED)
    assert snapshot.quantity == 0
    assert sum(fill.execution_quantity for fill in verified.executions) == snapshot.filled_quantity
    assert verified.trades_complete_for == {placed.exchange_order_id}
    (order,) = upbit.ledger(credentials.api_key)["accounts"].popitem()[1]["orders"]
    assert Decimal(order["filled_quote"]) == snapshot.filled_quote


def test_fills_and_their_fees_are_the_ledgers(
    client: RestClient, upbit: SimulatorThread, credentials: Credentials
) -> None:
    for quantity in ("0.3", "0.2"):
        client.place_order(by_market(quantity=Decimal(quantity)))

    fills = client.fetch_executions("KRW-BTC", TradeCursor())

    rows = upbit.ledger(credentials.api_key)["accounts"].popitem()[1]["executions"]
    told = {row["exchange_trade_id"]: row for row in rows}
    assert len(rows) > 2
    assert {fill.exchange_trade_id for fill in fills} == set(told)
    for fill in fills:
        row = told[fill.exchange_trade_id]
        assert fill.execution_price == Decimal(row["price"])
        assert fill.execution_quantity == Decimal(row["quantity"])
        assert fill.commission == Decimal(row["commission"])
        assert fill.commission_asset == row["commission_asset"] == "KRW"
        assert fill.exchange_order_id == row["exchange_order_id"]


def test_a_query_begins_with_the_second_of_its_cursor(client: RestClient) -> None:
    client.place_order(by_market())
    fills = client.fetch_executions("KRW-BTC", TradeCursor())
    place = adapter("UPBIT").place_of(fills[-1])

    again = client.fetch_executions("KRW-BTC", TradeCursor(after_trade_id=str(place + 999)))
    later = client.fetch_executions("KRW-BTC", TradeCursor(after_trade_id=str(place + 1000)))

    assert set(again) == {fill for fill in fills if fill.executed_at == fills[-1].executed_at}
    assert later == ()


def test_the_fills_of_one_order_come_with_it(client: RestClient) -> None:
    placed = client.place_order(by_market())
    client.place_order(by_market())

    fills = client.fetch_executions(
        "KRW-BTC", TradeCursor(), exchange_order_id=placed.exchange_order_id
    )

    assert {fill.exchange_order_id for fill in fills} == {placed.exchange_order_id}


def test_fills_of_an_order_that_is_still_open_are_found(
    client: RestClient, upbit: SimulatorThread, credentials: Credentials
) -> None:
    placed = client.place_order(an_order())
    upbit.act(
        action="fill",
        account=credentials.api_key,
        symbol="KRW-BTC",
        orderId=placed.exchange_order_id,
        quantity="0.004",
    )

    (fill,) = client.fetch_executions("KRW-BTC", TradeCursor())
    (opened,) = client.fetch_open_orders("KRW-BTC")

    assert fill.execution_quantity == Decimal("0.004")
    assert opened.status is OrderStatus.PARTIALLY_FILLED


def test_open_orders_come_in_pages_until_there_are_no_more(client: RestClient) -> None:
    for _ in range(103):
        client.place_order(an_order(quantity=Decimal("0.0001")))

    assert len(client.fetch_open_orders()) == 103
    assert client.fetch_open_orders("KRW-ETH") == ()


def test_many_orders_are_verified_in_one_question(
    client: RestClient, upbit: SimulatorThread
) -> None:
    resting = [client.place_order(an_order()) for _ in range(6)]
    filled = client.place_order(by_market())
    unknown = replace(ref(resting[0]), exchange_order_id="none-of-ours", client_order_id=None)
    named = an_order()
    client.place_order(named)
    before = upbit.ledger(summary=True)["requests_by_endpoint"]

    verified = client.verify_orders(
        [*map(ref, resting), ref(filled), unknown, ref(named)], want_trades=True
    )

    after = upbit.ledger(summary=True)["requests_by_endpoint"]
    asked = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: count for name, count in asked.items() if count} == {
        "GET orders/uuids": 2,
        "GET order": 1,
    }
    assert len(verified.snapshots) == 8
    assert verified.not_found == (unknown,)
    assert filled.exchange_order_id in verified.trades_complete_for
    assert verified.executions
    assert verified.cursor is None


def test_orders_without_a_name_are_not_taken_for_each_other(client: RestClient) -> None:
    unnamed = [client.place_order(an_order(client_order_id="")) for _ in range(4)]
    unknown = replace(ref(unnamed[0]), exchange_order_id="none-of-ours")

    verified = client.verify_orders([*map(ref, unnamed), unknown])

    assert {order.client_order_id for order in verified.snapshots} == {None}
    assert [order.exchange_order_id for order in verified.snapshots] == [
        order.exchange_order_id for order in unnamed
    ]
    assert verified.not_found == (unknown,)


def test_what_is_held_includes_what_orders_lock(client: RestClient) -> None:
    before = {held.asset: held.quantity for held in client.fetch_holdings()}

    client.place_order(an_order())

    after = {held.asset: held.quantity for held in client.fetch_holdings()}
    assert after == before
    assert after["KRW"] == Decimal(140_000_000)


def test_activity_names_the_markets_where_something_was_traded(client: RestClient) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    client.place_order(an_order(symbol_id="KRW-ETH", price=Decimal(4_000_000)))
    client.place_order(by_market(symbol_id="KRW-XRP", quantity=Decimal(10)))

    activity = client.fetch_activity(since)

    assert activity.traded_symbol_ids == {"KRW-XRP"}
    assert activity.movements == ()
    assert activity.more_from is None


def test_the_price_of_a_minute_is_its_close(client: RestClient) -> None:
    assert client.fetch_price_at("KRW-BTC", datetime.now(UTC)) == Decimal(145_000_000)


def test_the_clock_is_read_from_an_answers_date(client: RestClient, upbit: SimulatorThread) -> None:
    assert abs(client.fetch_server_time() - datetime.now(UTC)) < timedelta(milliseconds=500)

    upbit.faults(clock_skew_ms=30_000)

    ahead = client.fetch_server_time() - datetime.now(UTC)
    assert timedelta(seconds=28) < ahead < timedelta(seconds=31)


def test_markets_are_named_both_ways(client: RestClient) -> None:
    assert client.markets.symbol_of(SPOT, "KRW-BTC") == "BTC/KRW"
    assert client.markets.market_of(SPOT, "ETH/BTC").symbol_id == "BTC-ETH"
    with pytest.raises(UnknownSymbol):
        client.markets.symbol_of(SPOT, "KRW-GONE")


@pytest.mark.parametrize(
    ("changes", "force", "status"),
    [
        ({"price": Decimal(140_000_000)}, TimeInForce.IOC, OrderStatus.CANCELLED),
        ({"price": Decimal(140_000_000)}, TimeInForce.FOK, OrderStatus.CANCELLED),
        ({"price": Decimal(150_000_000)}, TimeInForce.GTX, OrderStatus.CANCELLED),
        ({"price": Decimal(140_000_000)}, TimeInForce.GTX, OrderStatus.NEW),
        ({"price": Decimal(150_000_000)}, TimeInForce.FOK, OrderStatus.FILLED),
    ],
)
def test_a_time_in_force_is_sent_and_obeyed(
    client: RestClient, changes: dict[str, Any], force: TimeInForce, status: OrderStatus
) -> None:
    placed = client.place_order(
        an_order(quantity=Decimal("0.0001"), time_in_force=force, **changes)
    )

    snapshot = client.fetch_order(ref(placed))

    assert (snapshot.time_in_force, snapshot.status) == (force, status)


@pytest.mark.parametrize(
    "order",
    [
        an_order(quantity=Decimal("0.00001"), price=Decimal(1000)),
        an_order(quantity=Decimal(500)),
        an_order(side=Side.SELL, quantity=Decimal(500)),
        an_order(reduce_only=True),
        an_order(order_type=OrderType.STOP_MARKET, price=None),
        an_order(time_in_force=TimeInForce.GTD),
    ],
    ids=["too small", "too dear", "too much", "reduce-only", "stop", "until a date"],
)
def test_an_order_upbit_does_not_take_is_refused(client: RestClient, order: NewOrder) -> None:
    with pytest.raises(OrderRefused):
        client.place_order(order)


def test_an_order_nobody_knows_is_not_found(client: RestClient) -> None:
    with pytest.raises(OrderNotFound):
        client.fetch_order(ref(an_order()))
    with pytest.raises(OrderNotFound):
        client.cancel_order(ref(an_order()))


def test_an_order_whose_answer_is_lost_is_found_by_its_name(
    client: RestClient, upbit: SimulatorThread
) -> None:
    upbit.faults(accept_but_lose_answer={"POST orders": {"how": "drop", "count": 1}})
    order = an_order()

    with pytest.raises(OutcomeUnknown):
        client.place_order(order)

    assert client.fetch_order(ref(order)).client_order_id == order.client_order_id


def test_sending_a_name_again_leaves_the_outcome_unknown(client: RestClient) -> None:
    order = an_order()
    client.place_order(order)

    with pytest.raises(OutcomeUnknown):
        client.place_order(order)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_servers_in_trouble_answer_nothing(
    client: RestClient, upbit: SimulatorThread, status: int
) -> None:
    upbit.faults(rest_status={"*": {"status": status, "probability": 1}})

    with pytest.raises(TransientError):
        client.fetch_order(ref(an_order()))
    with pytest.raises(OutcomeUnknown):
        client.place_order(an_order())


def test_a_key_that_is_not_known_is_refused(upbit: SimulatorThread) -> None:
    stranger = Credentials(api_key="nobody", api_secret="none")

    with pytest.raises(AuthenticationError):
        client_of(upbit, stranger, WIDE).fetch_holdings()


def test_a_secret_that_is_wrong_is_refused(
    upbit: SimulatorThread, credentials: Credentials
) -> None:
    wrong = replace(credentials, api_secret="wrong")

    with pytest.raises(AuthenticationError):
        client_of(upbit, wrong, WIDE).fetch_holdings()


def test_what_spot_has_not_is_not_there(client: RestClient) -> None:
    assert client.fetch_open_algo_orders() == ()
    assert client.is_hedge_mode() is False


def test_a_limit_stops_one_account_alone(upbit: SimulatorThread, credentials: Credentials) -> None:
    upbit.faults(
        account=credentials.api_key,
        rest_status={"GET accounts": {"status": 429, "count": 1}},
    )
    limited = client_of(upbit, credentials, WIDE)
    other = Credentials(api_key="upbit-other", api_secret="o" * 40)
    upbit.account(other.api_key, other.api_secret)

    with pytest.raises(RateLimited):
        limited.fetch_holdings()
    with pytest.raises(RateLimited):
        limited.fetch_holdings(timeout=0.1)

    assert client_of(upbit, other, WIDE).fetch_holdings(timeout=5)
