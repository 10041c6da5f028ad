from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import ccxt
import pytest

from exchanges import binance_calls as calls
from exchanges.binance_connection import PRODUCTION_URLS
from exchanges.calls import Endpoint
from exchanges.credentials import Credentials
from exchanges.errors import (
    AuthenticationError,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    TransientError,
    UnknownSymbol,
)
from exchanges.http_session import HttpSession
from exchanges.messages import (
    MarketType,
    MovementKind,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
)
from exchanges.questions import NewOrder, OrderRef, TradeCursor
from exchanges.registry import rest_for
from tests.integration.exchanges.conftest import WIDE, keyed

if TYPE_CHECKING:
    from exchanges.messages import OrderSnapshot
    from exchanges.rest import RestClient
    from exchanges.simulator.thread import SimulatorThread

FUTURES = MarketType.FUTURES
names = itertools.count()


def an_order(**changes: Any) -> NewOrder:
    resting = NewOrder(
        market_type=FUTURES,
        symbol_id="BTCUSDT",
        client_order_id=f"ota{next(names)}",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.020"),
        price=Decimal("30000.10"),
    )
    return replace(resting, **changes)


def a_market_order(**changes: Any) -> NewOrder:
    return an_order(order_type=OrderType.MARKET, price=None, **changes)


def ref_to(order: OrderSnapshot | NewOrder) -> OrderRef:
    return OrderRef(
        market_type=FUTURES,
        symbol_id=order.symbol_id,
        exchange_order_id=getattr(order, "exchange_order_id", None),
        client_order_id=order.client_order_id,
    )


def test_a_placed_order_is_found_by_either_id(client: RestClient) -> None:
    placed = client.place_order(an_order())
    by_number = client.fetch_order(replace(ref_to(placed), client_order_id=None))
    by_name = client.fetch_order(replace(ref_to(placed), exchange_order_id=None))

    assert placed.source is Source.SUBMIT
    assert placed.price == Decimal("30000.10")
    assert (placed.filled_quote, placed.average_price) == (None, None)
    assert by_number.exchange_order_id == by_name.exchange_order_id == placed.exchange_order_id
    assert by_number.status is OrderStatus.NEW
    assert by_number.requested_at > placed.requested_at


def test_a_filled_order_and_its_trades_agree_exactly(
    client: RestClient, simulator: SimulatorThread, credentials: Credentials
) -> None:
    placed = client.place_order(a_market_order())
    order = client.fetch_order(ref_to(placed))
    fills = client.fetch_executions("BTCUSDT", TradeCursor())

    assert order.status is OrderStatus.FILLED
    assert sum(fill.execution_quantity for fill in fills) == order.filled_quantity
    assert (
        sum(fill.execution_quantity * fill.execution_price for fill in fills) == order.filled_quote
    )
    books = simulator.ledger(credentials.api_key)["accounts"][credentials.api_key]
    assert {(fill.exchange_trade_id, fill.commission, fill.is_maker) for fill in fills} == {
        (row["exchange_trade_id"], Decimal(row["commission"]), row["is_maker"])
        for row in books["executions"]
    }


def test_a_cancelled_order_is_cancelled_once(client: RestClient) -> None:
    placed = client.place_order(an_order())

    cancelled = client.cancel_order(ref_to(placed))

    assert cancelled.status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotFound):
        client.cancel_order(ref_to(placed))


def test_an_unknown_order_is_not_found(client: RestClient) -> None:
    with pytest.raises(OrderNotFound):
        client.fetch_order(ref_to(an_order()))


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(an_order(quantity=Decimal("0.001")), id="too small"),
        pytest.param(an_order(quantity=Decimal("0.0201")), id="between steps"),
        pytest.param(an_order(quantity=Decimal(1000)), id="too expensive"),
        pytest.param(an_order(reduce_only=True), id="nothing to reduce"),
        pytest.param(an_order(order_type=OrderType.STOP_MARKET), id="conditional"),
        pytest.param(an_order(position_side=PositionSide.LONG), id="wrong mode"),
    ],
)
def test_a_refused_order_is_told_apart(client: RestClient, order: NewOrder) -> None:
    with pytest.raises(OrderRefused):
        client.place_order(order)


def test_an_unknown_symbol_is_told_apart(client: RestClient) -> None:
    with pytest.raises(UnknownSymbol):
        client.place_order(an_order(symbol_id="NOSUCHUSDT"))


def test_a_wrong_secret_is_an_authentication_error(
    simulator: SimulatorThread, credentials: Credentials
) -> None:
    stranger = rest_for(
        "BINANCE",
        "FUTURES",
        credentials=Credentials(api_key=credentials.api_key, api_secret="x" * 64),
        redis_url=os.environ["REDIS_URL"],
        base_url=simulator.url,
        limits=WIDE,
    )

    with pytest.raises(AuthenticationError):
        stranger.fetch_open_orders("BTCUSDT")


def test_what_is_alive_is_listed(client: RestClient) -> None:
    bitcoin = client.place_order(an_order())
    ether = client.place_order(an_order(symbol_id="ETHUSDT", price=Decimal("1500.00")))

    of_bitcoin = client.fetch_open_orders("BTCUSDT")
    of_all = client.fetch_open_orders()

    assert [order.exchange_order_id for order in of_bitcoin] == [bitcoin.exchange_order_id]
    assert {order.symbol_id for order in of_all} == {"BTCUSDT", "ETHUSDT"}
    assert ether.symbol_id == "ETHUSDT"


def test_what_is_held_is_signed(client: RestClient) -> None:
    client.place_order(a_market_order(side=Side.SELL))

    (holding,) = (held for held in client.fetch_holdings() if held.quantity)

    assert (holding.symbol_id, holding.quantity) == ("BTCUSDT", Decimal("-0.020"))


def test_symbols_traded_by_hand_are_found(
    client: RestClient, simulator: SimulatorThread, credentials: Credentials
) -> None:
    since = client.fetch_server_time() - timedelta(seconds=1)
    for side in ("BUY", "SELL"):
        simulator.act(
            action="place", account=credentials.api_key, symbol="SOLUSDT", side=side, quantity="1"
        )

    assert client.fetch_activity(since).traded_symbol_ids == {"SOLUSDT"}
    assert [held for held in client.fetch_holdings() if held.quantity] == []


def test_funding_and_transfers_are_told(
    client: RestClient, simulator: SimulatorThread, credentials: Credentials
) -> None:
    since = client.fetch_server_time() - timedelta(seconds=1)
    client.place_order(a_market_order())
    key = credentials.api_key
    simulator.act(action="funding", account=key, symbol="BTCUSDT", amount="-0.125")
    simulator.act(action="transfer", account=key, amount="50")

    funding, transfer = client.fetch_activity(since).movements

    assert (funding.kind, funding.symbol_id, funding.amount) == (
        MovementKind.FUNDING,
        "BTCUSDT",
        Decimal("-0.125"),
    )
    assert (transfer.kind, transfer.symbol_id, transfer.amount) == (
        MovementKind.TRANSFER,
        "",
        Decimal(50),
    )
    assert funding.key != transfer.key


def test_trades_are_read_from_where_one_was(client: RestClient) -> None:
    client.place_order(a_market_order())
    first = client.fetch_executions("BTCUSDT", TradeCursor())
    client.place_order(a_market_order())

    by_id = client.fetch_executions(
        "BTCUSDT", TradeCursor(after_trade_id=first[-1].exchange_trade_id)
    )
    by_time = client.fetch_executions(
        "BTCUSDT", TradeCursor(since=first[0].executed_at - timedelta(days=30))
    )

    assert len({fill.exchange_trade_id for fill in (*first, *by_id)}) == len(by_time)
    assert by_time == (*first, *by_id)


def test_a_few_orders_are_asked_for_singly(client: RestClient) -> None:
    filled, alive = client.place_order(a_market_order()), client.place_order(an_order())
    missing = ref_to(an_order())

    verification = client.verify_orders([ref_to(filled), ref_to(alive), missing], want_trades=True)

    assert [order.status for order in verification.snapshots] == [
        OrderStatus.FILLED,
        OrderStatus.NEW,
    ]
    assert verification.not_found == (missing,)
    assert sum(fill.execution_quantity for fill in verification.executions) == Decimal("0.020")
    assert {filled.exchange_order_id, alive.exchange_order_id} == verification.trades_complete_for
    assert verification.cursor is None


def test_many_orders_cost_three_questions(client: RestClient, simulator: SimulatorThread) -> None:
    start = client.fetch_server_time()
    filled = [client.place_order(a_market_order()) for _ in range(10)]
    alive = [client.place_order(an_order()) for _ in range(5)]
    refs = [ref_to(order) for order in (*filled, *alive)]
    before = _weight(simulator)

    verification = client.verify_orders(
        refs, cursor=TradeCursor(since=start - timedelta(seconds=1)), want_trades=True
    )

    assert _weight(simulator) - before == 1 + 5 + 5
    statuses = [order.status for order in verification.snapshots]
    assert statuses.count(OrderStatus.FILLED) == 10
    assert statuses.count(OrderStatus.NEW) == 5
    assert len(verification.trades_complete_for) == 15
    assert verification.cursor == verification.executions[-1].exchange_trade_id


def test_orders_told_to_have_ended_are_settled_by_their_trades(
    client: RestClient, simulator: SimulatorThread
) -> None:
    start = client.fetch_server_time()
    filled = [client.place_order(a_market_order()) for _ in range(10)]
    before = _weight(simulator)

    verification = client.verify_orders(
        [ref_to(order) for order in filled],
        cursor=TradeCursor(since=start - timedelta(seconds=1)),
        want_trades=True,
        told_terminal=frozenset(order.exchange_order_id for order in filled),
    )

    assert _weight(simulator) - before == 5
    assert verification.snapshots == ()
    assert sum(fill.execution_quantity for fill in verification.executions) == Decimal("0.200")


def test_an_answer_that_was_lost_is_found_by_asking(
    client: RestClient, simulator: SimulatorThread, credentials: Credentials
) -> None:
    simulator.faults(account=credentials.api_key, accept_but_lose_answer={"POST order": "drop"})
    order = an_order()

    with pytest.raises(OutcomeUnknown):
        client.place_order(order)

    found = client.fetch_order(ref_to(order))
    assert found.client_order_id == order.client_order_id


@pytest.mark.parametrize(
    "fault",
    [
        {"rest_empty": {"GET order": True}},
        {"rest_garbage": {"GET order": True}},
        {"rest_status": {"GET order": 502}},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_an_answer_that_is_none_is_transient(
    client: RestClient,
    simulator: SimulatorThread,
    credentials: Credentials,
    fault: dict[str, object],
) -> None:
    placed = client.place_order(an_order())
    simulator.faults(account=credentials.api_key, **fault)

    with pytest.raises(TransientError):
        client.fetch_order(ref_to(placed))


def test_a_clock_that_is_off_is_measured_and_the_order_sent(
    client: RestClient, simulator: SimulatorThread
) -> None:
    simulator.faults(clock_skew_ms=-30_000)

    placed = client.place_order(an_order())

    simulator.faults(clock_skew_ms=0)
    client.fetch_server_time()
    assert placed.status is OrderStatus.NEW


def test_the_mode_of_the_account_is_told(client: RestClient) -> None:
    assert client.is_hedge_mode() is False


def test_our_markets_are_those_ccxt_sees(client: RestClient, simulator: SimulatorThread) -> None:
    raw = simulator.ask("GET", "/fapi/v1/exchangeInfo")
    parser = ccxt.binanceusdm()
    theirs = {row["symbol"]: parser.parse_market(row) for row in raw["symbols"]}

    for market in client.markets.all():
        their = theirs[market.symbol_id]
        assert market.symbol == their["symbol"]
        assert market.quantity_step == Decimal(str(their["precision"]["amount"]))
        assert market.price_step == Decimal(str(their["precision"]["price"]))
    assert len(client.markets.all()) == len(theirs)


@pytest.mark.parametrize(
    ("endpoint", "parameters"),
    [
        (calls.FUTURES.open_orders, {"symbol": "BTCUSDT"}),
        (calls.FUTURES.all_open_orders, {}),
        (calls.FUTURES.open_algo_orders, {"symbol": "BTCUSDT"}),
        (calls.FUTURES.all_open_algo_orders, {}),
        (calls.FUTURES.orders, {"symbol": "BTCUSDT"}),
        (calls.FUTURES.trades, {"symbol": "BTCUSDT"}),
        (calls.FUTURES.holdings, {}),
        (calls.FUTURES.income, {}),
        (calls.FUTURES.position_mode, {}),
        (calls.FUTURES.create_listen_key, {}),
        (calls.FUTURES.extend_listen_key, {}),
        (calls.FUTURES.server_time, {}),
        (calls.FUTURES.markets, {}),
    ],
    ids=lambda value: value.name if isinstance(value, Endpoint) else "",
)
def test_a_question_weighs_what_we_think(
    simulator: SimulatorThread,
    credentials: Credentials,
    client: RestClient,
    endpoint: Endpoint,
    parameters: dict[str, str],
) -> None:
    keyed(client).create_listen_key()
    session = HttpSession(PRODUCTION_URLS[FUTURES], simulator.url)
    before = _weight(simulator)

    answer = session.call(
        endpoint.name, parameters, credentials=credentials, changes_orders=False, timeout=5
    )

    assert answer.status == 200
    assert _weight(simulator) - before == endpoint.weight


def test_a_key_of_the_private_stream_stays_the_same(client: RestClient) -> None:
    key = keyed(client).create_listen_key()

    assert key == keyed(client).create_listen_key() == keyed(client).extend_listen_key()


def _weight(simulator: SimulatorThread) -> int:
    by_minute: dict[str, int] = simulator.ledger(summary=True)["weight_by_minute"]
    return sum(by_minute.values())
