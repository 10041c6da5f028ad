"""COIN-M's frames and answers, read by the same readers: contracts, and sums of coins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchanges import binance_answers as answers
from exchanges.binance_websocket import parse
from exchanges.messages import HoldingsChanged, MarketType, OrderReport, OrderStatus

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
