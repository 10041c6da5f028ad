"""Kraken by the generic adapter: ids that are no numbers, and a stream that tells only changes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.adapter import Limits, Rate
from exchanges.credentials import Credentials
from exchanges.errors import OrderNotFound, OrderRefused
from exchanges.messages import MarketType, OrderReport, OrderStatus, OrderType, Side
from exchanges.questions import Amendment, KeyPermissions, NewOrder, OrderRef, TradeCursor
from exchanges.refusals import RefusalKind
from exchanges.registry import adapter, rest_for, stream_for
from exchanges.stream_settings import StreamSettings
from exchanges.stream_state import StreamStatus
from tests.integration.exchanges.generic_kraken import KEY, SECRET, Kraken
from tests.integration.exchanges.generic_listener import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.rest import RestClient
    from exchanges.streams import Stream

KEYS = Credentials(api_key=KEY, api_secret=SECRET)
QUICK = StreamSettings(poll=0.05, backoff_base=0.02, backoff_cap=0.05, connect_timeout=5)
NAME = "0123456789abcdefgh"


@pytest.fixture
def kraken() -> Iterator[Kraken]:
    with Kraken() as running:
        yield running


@pytest.fixture
def client(kraken: Kraken) -> RestClient:
    return rest_for(
        "KRAKEN",
        "SPOT",
        credentials=KEYS,
        redis_url=os.environ["REDIS_URL"],
        base_url=kraken.url,
        limits=Limits(address=Rate(limit=1_000_000, period=60)),
    )


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def stream(kraken: Kraken, client: RestClient, listener: Listener) -> Iterator[Stream]:
    opened = stream_for(
        "KRAKEN",
        "SPOT",
        session_id="0123456789",
        credentials=KEYS,
        client=client,
        handler=listener,
        base_url=kraken.ws_url,
        settings=QUICK,
    )
    opened.start()
    listener.await_that(lambda: kraken.sockets and opened.state.status is StreamStatus.CONNECTED)
    yield opened
    assert opened.stop()


def ref_of(order_id: str | None = None, name: str | None = None) -> OrderRef:
    return OrderRef(
        market_type=MarketType.SPOT,
        symbol_id="XXBTZUSD",
        exchange_order_id=order_id,
        client_order_id=name,
    )


def test_an_order_is_placed_found_by_both_ids_and_cancelled(
    kraken: Kraken, client: RestClient
) -> None:
    new = NewOrder(
        market_type=MarketType.SPOT,
        symbol_id="XXBTZUSD",
        client_order_id=NAME,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("1.25"),
        price=Decimal(27500),
    )
    assert adapter("KRAKEN").client_order_ids.allows(NAME)
    placed = client.place_order(new)
    assert (placed.status, placed.client_order_id) == (OrderStatus.NEW, NAME)
    kraken.fill(placed.exchange_order_id, "0.25", "27499.9")
    # Kraken is not asked by our id, ccxt would send it as another: its lists are searched
    found = client.fetch_order(ref_of(name=NAME))
    assert (found.exchange_order_id, found.filled_quantity) == (
        placed.exchange_order_id,
        Decimal("0.25"),
    )
    assert found.status is OrderStatus.PARTIALLY_FILLED
    cancelled = client.cancel_order(ref_of(placed.exchange_order_id))
    assert (cancelled.status, cancelled.filled_quantity) == (
        OrderStatus.CANCELLED,
        Decimal("0.25"),
    )
    assert client.fetch_order(ref_of(name=NAME)).status is OrderStatus.CANCELLED


def test_an_unknown_order_is_not_found(client: RestClient) -> None:
    for ref in (ref_of("OXXXXX-XXXXX-XXXXXX"), ref_of(name="nobody")):
        with pytest.raises(OrderNotFound):
            client.fetch_order(ref)


def test_fills_of_many_pages_are_read(kraken: Kraken, client: RestClient) -> None:
    order_id = kraken.place(volume="100")
    begin = datetime.now(UTC) - timedelta(seconds=2)
    for number in range(120):
        kraken.fill(order_id, "0.1", "27500.1")
        list(kraken.fills.values())[-1]["time"] += number
    found = client.fetch_executions("XXBTZUSD", TradeCursor(since=begin))
    assert {fill.exchange_trade_id for fill in found} == set(kraken.fills)
    assert [fill.executed_at for fill in found] == sorted(fill.executed_at for fill in found)
    assert (found[0].commission, found[0].commission_asset) == (Decimal("0.15"), "USD")


def test_balances_and_the_clock_are_told(client: RestClient) -> None:
    assert {held.asset: held.quantity for held in client.fetch_holdings()} == {
        "BTC": Decimal("1.2435"),
        "USD": Decimal("25435.21"),
    }
    assert abs(client.fetch_server_time() - datetime.now(UTC)) < timedelta(seconds=3)


def test_nonces_of_several_threads_grow(kraken: Kraken, client: RestClient) -> None:
    client.markets.all()
    for _ in range(3):
        client.fetch_server_time()  # in whole seconds: the clock goes back and forth
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: client.fetch_holdings(), range(8)))


def test_an_orders_life_is_heard(kraken: Kraken, listener: Listener, stream: Stream) -> None:
    def heard() -> list[OrderReport]:
        return listener.reports("KRAKEN", "SPOT")

    first, second = kraken.place(NAME), kraken.place()
    kraken.fill(first, "0.00000001", "27499.9")
    listener.await_that(lambda: listener.fills("KRAKEN", "SPOT"))
    kraken.cancel(first)
    kraken.fill(second, "1.25", "27499.9")
    listener.await_that(
        lambda: {r.status for r in heard()} >= {OrderStatus.CANCELLED, OrderStatus.FILLED}
    )

    last = [report for report in heard() if report.exchange_order_id == first][-1]
    assert (last.status, last.side, last.quantity, last.filled_quantity) == (
        OrderStatus.CANCELLED,
        Side.BUY,
        Decimal("1.25"),
        Decimal("0.00000001"),
    )
    assert {r.client_order_id for r in heard() if r.exchange_order_id == first} == {NAME}
    assert {r.client_order_id for r in heard() if r.exchange_order_id == second} == {None}
    assert {report.symbol_id for report in heard()} == {"XXBTZUSD"}
    fills = listener.fills("KRAKEN", "SPOT")
    assert {fill.exchange_trade_id for fill in fills} == set(kraken.fills)
    assert {fill.commission for fill in fills} == {Decimal("0.15")}
    assert stream.state.status is StreamStatus.CONNECTED


def test_what_was_missed_is_told_by_rest(
    kraken: Kraken, client: RestClient, listener: Listener, stream: Stream
) -> None:
    order_id = kraken.place()
    listener.await_that(lambda: listener.frames)
    kraken.drop()
    kraken.fill(order_id, "1.25", "27499.9")  # nobody listens
    listener.await_that(lambda: stream.state.connections == 2 and kraken.sockets)
    told = client.verify_orders(
        [ref_of(order_id)], cursor=TradeCursor(after_trade_id="0"), want_trades=True
    )
    assert told.snapshots[0].status is OrderStatus.FILLED
    assert told.trades_complete_for == {order_id}
    assert sum(fill.execution_quantity for fill in told.executions) == Decimal("1.25")
    assert len({gap.connected_at for gap in listener.gaps}) == 2


def an_order(**changes: Any) -> NewOrder:
    resting = NewOrder(
        market_type=MarketType.SPOT,
        symbol_id="XXBTZUSD",
        client_order_id=NAME,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("1.25"),
        price=Decimal(27500),
    )
    return replace(resting, **changes)


def sent(kraken: Kraken, name: str) -> dict[str, Any]:
    """Return the parameters of the last request of this name; {} if there was none."""
    found = [told for _, path, told in kraken.asked if path == f"/0/private/{name}"]
    return found[-1] if found else {}


def test_an_order_is_amended_in_place(kraken: Kraken, client: RestClient) -> None:
    ref = ref_of(client.place_order(an_order()).exchange_order_id)

    amended = client.amend_order(
        Amendment(ref=ref, side=Side.BUY, quantity=Decimal(2), price=Decimal(27400))
    )

    assert amended.exchange_order_id == ref.exchange_order_id
    assert (amended.quantity, amended.price) == (Decimal(2), Decimal(27400))
    assert sent(kraken, "AmendOrder")["txid"] == ref.exchange_order_id


def test_what_is_finer_than_the_market_is_not_amended_to(
    kraken: Kraken, client: RestClient
) -> None:
    ref = ref_of(kraken.place())

    with pytest.raises(OrderRefused) as caught:
        client.amend_order(
            Amendment(ref=ref, side=Side.BUY, quantity=Decimal(2), price=Decimal("27400.01"))
        )

    assert caught.value.kind is RefusalKind.WRONG_STEP
    assert not sent(kraken, "AmendOrder")


def test_a_stop_and_a_take_profit_are_sent_as_what_they_are(
    kraken: Kraken, client: RestClient
) -> None:
    stop = an_order(
        order_type=OrderType.STOP_MARKET, side=Side.SELL, price=None, stop_price=Decimal(26000)
    )
    placed = client.place_order(stop)
    told = sent(kraken, "AddOrder")
    assert (told["ordertype"], told["price"]) == ("stop-loss", "26000")
    assert (placed.order_type, placed.stop_price) == (OrderType.STOP_MARKET, Decimal(26000))

    gain = an_order(order_type=OrderType.TAKE_PROFIT, side=Side.SELL, stop_price=Decimal(29000))
    client.place_order(gain)

    told = sent(kraken, "AddOrder")
    assert (told["ordertype"], told["price"], told["price2"]) == (
        "take-profit-limit",
        "29000",
        "27500",
    )


def test_money_is_spent_by_a_market_buy_alone(kraken: Kraken, client: RestClient) -> None:
    by_money = {
        "order_type": OrderType.MARKET,
        "price": None,
        "quantity": Decimal(0),
        "quote_quantity": Decimal(500),
    }

    placed = client.place_order(an_order(**by_money))

    assert placed.quantity == 0
    told = sent(kraken, "AddOrder")
    assert (told["volume"], told["oflags"]) == ("500", "viqc")
    kraken.asked.clear()
    with pytest.raises(OrderRefused) as caught:
        client.place_order(an_order(side=Side.SELL, **by_money))
    assert caught.value.kind is RefusalKind.NOT_OFFERED
    assert not kraken.asked


def test_price_balance_and_permissions_are_told(client: RestClient) -> None:
    assert client.fetch_last_price("XXBTZUSD") == Decimal("27501.0")
    assert client.fetch_available("USD") == Decimal("17185.45")
    assert client.fetch_available("DOGE") == 0
    assert client.fetch_key_permissions() == KeyPermissions()
