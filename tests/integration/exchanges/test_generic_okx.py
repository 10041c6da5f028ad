"""OKX by the generic adapter: ccxt's unified calls over real sockets."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.adapter import Limits, Rate
from exchanges.credentials import Credentials
from exchanges.errors import (
    AuthenticationError,
    OrderNotFound,
    OutcomeUnknown,
    RateLimited,
    TransientError,
)
from exchanges.generic_errors import ccxt as errors
from exchanges.generic_speaker import speaker_of
from exchanges.governor import Priority
from exchanges.messages import MarketType, OrderStatus, OrderType, Side
from exchanges.questions import NewOrder, OrderRef, TradeCursor
from exchanges.registry import adapter, rest_for
from tests.integration.exchanges.generic_okx import KEY, PASSPHRASE, SECRET, Okx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.rest import RestClient

WIDE = Limits(address=Rate(limit=1_000_000, period=60))
KEYS = Credentials(api_key=KEY, api_secret=SECRET, api_password=PASSPHRASE)
names = (f"{number:018}" for number in itertools.count())


def client_of(okx: Okx, market_type: str, keys: Credentials = KEYS) -> RestClient:
    return rest_for(
        "OKX",
        market_type,
        credentials=keys,
        redis_url=os.environ["REDIS_URL"],
        base_url=okx.url,
        limits=WIDE,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Okx]:
    with Okx() as running:
        yield running


@pytest.fixture
def okx(server: Okx) -> Okx:
    server.orders.clear()
    server.fills.clear()
    server.asked.clear()
    server.instead.clear()
    server.ahead_ms, server.page = 0, 100
    return server


@pytest.fixture
def client(okx: Okx) -> RestClient:
    return client_of(okx, "SPOT")


def a_limit_order() -> NewOrder:
    return NewOrder(
        market_type=MarketType.SPOT,
        symbol_id="BTC-USDT",
        client_order_id=next(names),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.5"),
        price=Decimal(50000),
    )


def ref_of(order_id: str | None = None, name: str | None = None) -> OrderRef:
    return OrderRef(
        market_type=MarketType.SPOT,
        symbol_id="BTC-USDT",
        exchange_order_id=order_id,
        client_order_id=name,
    )


def test_markets_of_all_types_are_told_apart(client: RestClient) -> None:
    spot, linear, inverse = (
        client.markets.market_by_id(kind, symbol_id)
        for kind, symbol_id in (
            (MarketType.SPOT, "BTC-USDT"),
            (MarketType.FUTURES, "BTC-USDT-SWAP"),
            (MarketType.COIN_FUTURES, "BTC-USD-SWAP"),
        )
    )
    assert spot.symbol == "BTC/USDT"
    assert linear.symbol == "BTC/USDT:USDT"
    assert inverse.symbol == "BTC/USD:BTC"
    assert (linear.contract_size, inverse.contract_size) == (Decimal("0.01"), Decimal(100))
    assert linear.price_step == Decimal("0.1")
    assert (spot.quantity_step, spot.contract_size) == (Decimal("0.00000001"), None)


def test_an_order_is_placed_found_by_both_ids_and_cancelled(okx: Okx, client: RestClient) -> None:
    new = a_limit_order()
    placed = client.place_order(new)
    assert placed.status is OrderStatus.NEW
    assert (placed.quantity, placed.price) == (Decimal("0.5"), Decimal(50000))
    sent = next(told for method, path, told in okx.asked if method == "POST")
    assert (sent["clOrdId"], sent["sz"], sent["px"]) == (new.client_order_id, "0.5", "50000")
    okx.fill(okx.orders[placed.exchange_order_id], "0.2", "50000")

    by_id = client.fetch_order(ref_of(placed.exchange_order_id))
    by_name = client.fetch_order(ref_of(name=new.client_order_id))
    assert by_id.status is by_name.status is OrderStatus.PARTIALLY_FILLED
    assert by_id.filled_quantity == Decimal("0.2")
    assert by_name.exchange_order_id == placed.exchange_order_id

    cancelled = client.cancel_order(ref_of(placed.exchange_order_id))
    assert cancelled.status is OrderStatus.CANCELLED
    assert cancelled.filled_quantity == Decimal("0.2")
    with pytest.raises(OrderNotFound):
        client.cancel_order(ref_of(placed.exchange_order_id))


def test_what_was_kept_of_answers_is_read_again(okx: Okx, client: RestClient) -> None:
    order = okx.place(sz="1")
    okx.fill(order, "1", "59000")
    snapshot = client.fetch_order(ref_of(order["ordId"]))
    (fill,) = client.fetch_executions("BTC-USDT", TradeCursor(after_trade_id="0"))
    reader = adapter("OKX")
    assert (
        reader.read_order(
            snapshot.raw,
            market_type=MarketType.SPOT,
            id_space=snapshot.id_space,
            requested_at=snapshot.requested_at,
            source=snapshot.source,
        )
        == snapshot
    )
    assert reader.read_execution(fill.raw, market_type=MarketType.SPOT) == fill
    assert (fill.commission, fill.commission_asset) == (Decimal("0.01"), "USDT")
    assert snapshot.status is OrderStatus.FILLED


def test_an_unknown_order_is_not_found(client: RestClient) -> None:
    with pytest.raises(OrderNotFound):
        client.fetch_order(ref_of("1"))
    with pytest.raises(OrderNotFound):
        client.fetch_order(ref_of(name="nobody"))


def test_an_answer_without_content_is_no_order(okx: Okx, client: RestClient) -> None:
    client.markets.all()
    for body in ("", "null", "{}", '{"code":"0","data":[],"msg":""}'):
        okx.instead["/api/v5/trade/order"] = [(200, body)]
        with pytest.raises(TransientError):
            client.fetch_order(ref_of("1"))


@pytest.mark.parametrize(("status", "body"), [(200, ""), (502, "<html>"), (504, ""), (200, "{}")])
def test_an_order_without_an_answer_is_in_doubt(
    okx: Okx, client: RestClient, status: int, body: str
) -> None:
    client.markets.all()
    for path in ("/api/v5/trade/order", "/api/v5/trade/batch-orders"):
        okx.instead[path] = [(status, body)]
    with pytest.raises(OutcomeUnknown):
        client.place_order(a_limit_order())


def test_no_secret_is_in_an_error(okx: Okx) -> None:
    keys = Credentials(api_key=KEY, api_secret=SECRET, api_password="wrong passphrase")
    with pytest.raises(AuthenticationError) as told:
        client_of(okx, "SPOT", keys).fetch_open_orders()
    text = repr(told.value) + str(told.value) + repr(told.value.__context__)
    assert not any(secret in text for secret in (KEY, SECRET, "wrong passphrase", "http"))
    assert told.value.__context__ is None


def test_a_limit_bans_everyone_on_the_address() -> None:
    with Okx() as own:  # its address is not asked again
        client = client_of(own, "SPOT")
        client.markets.all()
        own.instead["/api/v5/trade/orders-pending"] = [(429, '{"code":"50011","msg":"Too Many"}')]
        with pytest.raises(RateLimited):
            client.fetch_open_orders()
        asked = len(own.asked)
        with pytest.raises(RateLimited):
            client.fetch_open_orders(timeout=0.2)
        assert len(own.asked) == asked
        assert client.governor.banned_for() > 0


def test_a_wrong_clock_is_measured_and_the_order_sent_once_more(okx: Okx) -> None:
    client = client_of(okx, "SPOT", KEYS)
    okx.ahead_ms = 3_600_000
    placed = client.place_order(a_limit_order())
    assert placed.exchange_order_id in okx.orders
    assert len(okx.orders) == 1


def test_a_full_page_of_the_newest_trades_hides_none(okx: Okx, client: RestClient) -> None:
    order = okx.place(sz="100")
    begin = datetime.now(UTC) - timedelta(seconds=1)
    for number in range(230):
        okx.fill(order, "0.1", "59000", silent=True)
        okx.fills[-1] |= {"ts": str(int(okx.now()) + number), "fillTime": str(number)}
    found = client.fetch_executions("BTC-USDT", TradeCursor(since=begin))
    assert [fill.exchange_trade_id for fill in found] == [row["tradeId"] for row in okx.fills]


def test_verification_of_many_asks_lists(okx: Okx, client: RestClient) -> None:
    placed = [okx.place(sz="1") for _ in range(8)]
    for order in placed[:4]:
        okx.fill(order, "1", "59000", silent=True)
    client.markets.all()
    okx.asked.clear()
    refs = [ref_of(order["ordId"]) for order in placed] + [ref_of("404")]
    told = client.verify_orders(refs, cursor=TradeCursor(after_trade_id="0"), want_trades=True)
    assert len(told.snapshots) == len(placed)
    assert [ref.exchange_order_id for ref in told.not_found] == ["404"]
    assert {order["ordId"] for order in placed} <= told.trades_complete_for
    assert sum(fill.execution_quantity for fill in told.executions) == Decimal(4)
    assert len(okx.asked) <= 4  # alive, ended, the one on no list, trades


def test_markets_asked_about_stand_for_all_where_one_must_be_named(
    okx: Okx, client: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = speaker_of("okx").fetch_open_orders

    def picky(ccxt: Any, symbol: str | None, *page: Any) -> Any:
        if symbol is None:
            msg = "okx fetchOpenOrders() requires a symbol argument"
            raise errors.ArgumentsRequired(msg)
        return theirs(ccxt, symbol, *page)

    monkeypatch.setattr(speaker_of("okx"), "fetch_open_orders", picky, raising=False)
    order = okx.place(sz="1")
    assert client.fetch_open_orders() == ()  # nothing was asked about yet
    client.fetch_open_orders("BTC-USDT")
    assert [told.exchange_order_id for told in client.fetch_open_orders()] == [order["ordId"]]


def test_holdings_are_told_in_each_markets_way(okx: Okx, client: RestClient) -> None:
    assert {held.asset: held.quantity for held in client.fetch_holdings()} == {
        "BTC": Decimal("0.25"),
        "USDT": Decimal("1200.5"),
    }
    (position,) = client_of(okx, "FUTURES").fetch_holdings()
    assert (position.symbol_id, position.quantity) == ("BTC-USDT-SWAP", Decimal("-2.5"))
    assert client_of(okx, "COIN_FUTURES").fetch_holdings() == ()


def test_other_questions_are_answered(okx: Okx, client: RestClient) -> None:
    okx.fill(okx.place(sz="1"), "1", "59000")
    now = datetime.now(UTC)
    assert abs(client.fetch_server_time() - now) < timedelta(seconds=5)
    assert client.fetch_activity(now - timedelta(hours=1)).traded_symbol_ids == {"BTC-USDT"}
    price = client.fetch_price_at("BTC-USDT", now, priority=Priority.VERIFY)
    assert price == Decimal("2.5")
    assert not client.is_hedge_mode()
    assert not client_of(okx, "FUTURES").is_hedge_mode()
    assert client.fetch_open_algo_orders() == ()
