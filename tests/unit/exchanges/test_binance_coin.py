"""COIN-M's frames and answers, read by the same readers: contracts, and sums of coins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from exchanges import binance_answers as answers
from exchanges import binance_connection
from exchanges.binance_calls import COIN_FUTURES
from exchanges.binance_futures_rest import BinanceFuturesRest
from exchanges.binance_websocket import parse
from exchanges.calls import Told
from exchanges.messages import HoldingsChanged, MarketType, OrderReport, OrderStatus
from exchanges.questions import OrderRef

if TYPE_CHECKING:
    from exchanges.calls import Calls, Endpoint
    from exchanges.governor import Governor
    from exchanges.markets import Markets

COIN = MarketType.COIN_FUTURES
FOLDER = Path(__file__).parents[2] / "data" / "binance" / "coin"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def answer(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def test_a_fill_is_of_contracts() -> None:
    (told,) = parse(COIN, json.dumps(answer("ORDER_TRADE_UPDATE__filled")))

    assert isinstance(told, OrderReport)
    assert (told.market_type, told.status) == (COIN, OrderStatus.FILLED)
    assert told.execution is not None
    assert (told.execution.execution_quantity, told.execution.commission_asset) == (
        Decimal(3),
        "BTC",
    )


def test_a_position_is_of_contracts() -> None:
    (told,) = parse(COIN, json.dumps(answer("ACCOUNT_UPDATE__order")))

    assert isinstance(told, HoldingsChanged)
    assert [(held.symbol_id, held.quantity) for held in told.holdings] == [
        ("BTCUSD_PERP", Decimal(-8))
    ]


def test_a_sum_of_coins_is_no_sum_of_quote() -> None:
    order = answers.order(answer("rest_order__filled"), market_type=COIN, requested_at=NOW)

    assert (order.filled_quantity, order.average_price) == (Decimal(8), Decimal(9910))
    assert order.filled_quote is None


def test_a_row_of_trades_is_read() -> None:
    fill = answers.execution(answer("rest_userTrades__one")[0], market_type=COIN)

    assert (fill.execution_price, fill.execution_quantity) == (Decimal(8800), Decimal(1))


def test_a_contract_has_a_size_and_settles_in_its_coin() -> None:
    perpetual, quarter = answers.markets(answer("rest_exchangeInfo__two"), COIN)

    assert (perpetual.symbol, perpetual.contract_size) == ("BTC/USD:BTC", Decimal(100))
    assert (quarter.symbol, quarter.settle) == ("BTC/USD:BTC-261225", "BTC")


class FewOrders:
    """COIN-M's lists: nothing is open, and at most a hundred orders are shown at a time."""

    def __init__(self) -> None:
        self.first = answer("rest_order__filled")

    def call(self, endpoint: Endpoint, parameters: dict[str, str], **_call: Any) -> Told:
        if endpoint is COIN_FUTURES.open_orders:
            return Told(body=[], requested_at=NOW)
        assert endpoint is COIN_FUTURES.orders, "looked up one by one"
        assert int(parameters["limit"]) <= 100
        ids = range(int(parameters["orderId"]), int(parameters["orderId"]) + 100)
        rows = [self.first | {"orderId": number} for number in ids]
        return Told(body=rows, requested_at=NOW)


def test_many_orders_are_asked_for_in_pages_coin_m_allows() -> None:
    client = BinanceFuturesRest(
        api=cast("Calls", FewOrders()),
        governor=cast("Governor", None),
        markets=cast("Markets", None),
        market_type=COIN,
        speech=binance_connection.futures(COIN),
        wallet=cast("Calls", FewOrders()),
        endpoints=COIN_FUTURES,
    )
    symbol_id = answer("rest_order__filled")["symbol"]
    refs = [
        OrderRef(market_type=COIN, symbol_id=symbol_id, exchange_order_id=str(number))
        for number in range(1, 31)
    ]

    told = client.verify_orders(refs)

    assert len(told.snapshots) == 30
    assert told.not_found == ()
