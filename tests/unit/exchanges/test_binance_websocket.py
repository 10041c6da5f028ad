from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchanges.binance_frames import IGNORED
from exchanges.binance_websocket import BinanceWebSocket
from exchanges.messages import (
    CredentialExpired,
    ExecutionKind,
    ExecutionReport,
    HoldingReport,
    HoldingsChanged,
    IdSpace,
    IgnoredMessage,
    MarketType,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
    TradeHint,
)
from exchanges.registry import concerns_orders, parse
from tests.unit.exchanges.samples import FRAMES, changed, sample

MOMENT = datetime(2026, 5, 21, 12, 52, 9, 401000, tzinfo=UTC)


def read(raw: bytes | str) -> object:
    (message,) = parse("BINANCE", "FUTURES", raw)
    return message


def read_order(name: str) -> OrderReport:
    message = read(sample(name))
    assert isinstance(message, OrderReport)
    return message


def test_a_new_order_is_read_whole() -> None:
    report = read_order("ORDER_TRADE_UPDATE__new")

    assert report == OrderReport(
        market_type=MarketType.FUTURES,
        symbol_id="SOLUSDT",
        exchange_order_id="215456450616",
        client_order_id="bot-e0536484551311f1b0c42676a180379c",
        status=OrderStatus.NEW,
        exchange_status="NEW",
        side=Side.BUY,
        position_side=PositionSide.SHORT,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("21.26"),
        filled_quantity=Decimal(0),
        price=Decimal("85.67"),
        reduce_only=True,
        exchange_updated_at=MOMENT,
        event_at=MOMENT.replace(microsecond=402000),
    )


def test_a_fill_comes_with_its_execution() -> None:
    report = read_order("ORDER_TRADE_UPDATE__partially_filled")

    assert report.status is OrderStatus.PARTIALLY_FILLED
    assert report.filled_quantity == Decimal("0.100")
    assert report.average_price == Decimal("60000.10")
    assert report.filled_quote is None
    assert report.execution == ExecutionReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id="8886774",
        exchange_trade_id="698759",
        side=Side.BUY,
        execution_price=Decimal("60000.10"),
        execution_quantity=Decimal("0.100"),
        executed_at=MOMENT,
        source=Source.WS,
        is_maker=True,
        commission=Decimal("2.40000400"),
        commission_asset="USDT",
        realized_pnl=Decimal(0),
    )


def test_wrapped_and_bare_frames_say_the_same() -> None:
    assert read(sample("ORDER_TRADE_UPDATE__filled_wrapped")) == read(
        sample("ORDER_TRADE_UPDATE__partially_filled")
    )


def test_a_commission_that_was_not_told_is_not_zero() -> None:
    execution = read_order("ORDER_TRADE_UPDATE__fill_without_commission").execution

    assert execution is not None
    assert execution.commission is None
    assert execution.commission_asset is None


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("cancelled_after_fill", OrderStatus.CANCELLED, ""),
        ("expired_ioc", OrderStatus.EXPIRED, "rest of an IOC order cancelled"),
        ("expired_in_match", OrderStatus.EXPIRED, "self-trade prevention"),
        ("amendment", OrderStatus.PARTIALLY_FILLED, ""),
        ("unknown_status", None, ""),
        ("liquidation_new", OrderStatus.NEW, ""),
    ],
)
def test_an_update_without_a_fill_keeps_the_progress(
    name: str, status: OrderStatus | None, reason: str
) -> None:
    report = read_order(f"ORDER_TRADE_UPDATE__{name}")

    assert (report.status, report.reason, report.execution) == (status, reason, None)
    assert report.filled_quantity > 0 or status is OrderStatus.NEW


def test_an_unknown_status_is_kept_in_the_exchange_s_words() -> None:
    assert read_order("ORDER_TRADE_UPDATE__unknown_status").exchange_status == "HALF_OPEN"


@pytest.mark.parametrize("name", ["fill_without_price", "trade_without_id"])
def test_half_a_fill_is_left_out_but_the_progress_stands(name: str) -> None:
    report = read_order(f"ORDER_TRADE_UPDATE__{name}")

    assert report.execution is None
    assert report.filled_quantity == Decimal(1)


def test_the_first_trade_of_a_symbol_is_a_fill() -> None:
    report = read(changed("ORDER_TRADE_UPDATE__partially_filled", t=1))

    assert isinstance(report, OrderReport)
    assert report.execution is not None
    assert report.execution.exchange_trade_id == "1"


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("liquidation_fill", ExecutionKind.LIQUIDATION, OrderStatus.FILLED),
        ("adl_fill", ExecutionKind.ADL, OrderStatus.PARTIALLY_FILLED),
        ("settlement_fill", ExecutionKind.SETTLEMENT, OrderStatus.FILLED),
        ("delivery_fill", ExecutionKind.DELIVERY, OrderStatus.FILLED),
        ("filled", ExecutionKind.TRADE, OrderStatus.FILLED),
    ],
)
def test_the_exchange_s_own_orders_say_why_they_filled(
    name: str, kind: ExecutionKind, status: OrderStatus
) -> None:
    report = read_order(f"ORDER_TRADE_UPDATE__{name}")

    assert report.execution is not None
    assert (report.execution.kind, report.status) == (kind, status)


def test_post_only_is_told_by_its_time_in_force() -> None:
    assert read_order("ORDER_TRADE_UPDATE__post_only").post_only


def test_a_market_order_has_no_price() -> None:
    assert read_order("ORDER_TRADE_UPDATE__adl_fill").price is None


def test_trade_lite_is_only_a_hint() -> None:
    assert read(sample("TRADE_LITE__taker")) == TradeHint(
        market_type=MarketType.FUTURES, symbol_id="BTCUSDT", exchange_order_id="8886774"
    )


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("new", OrderStatus.NEW),
        ("triggered", OrderStatus.NEW),
        ("finished_filled", OrderStatus.FILLED),
        ("finished_unfilled", OrderStatus.CANCELLED),
        ("rejected", OrderStatus.REJECTED),
    ],
)
def test_a_conditional_order_never_fills_itself(name: str, status: OrderStatus) -> None:
    report = read_order(f"ALGO_UPDATE__{name}")

    assert (report.id_space, report.exchange_order_id) == (IdSpace.ALGO, "1000000033225453")
    assert (report.status, report.execution) == (status, None)
    assert report.filled_quantity == 0
    assert report.stop_price == Decimal("0.13855")


@pytest.mark.parametrize(
    ("name", "status"),
    [("finished_filled", OrderStatus.FILLED), ("finished_unfilled", OrderStatus.CANCELLED)],
)
def test_one_that_closes_a_whole_position_is_filled_by_what_it_closed(
    name: str, status: OrderStatus
) -> None:
    message = read(sample(f"ALGO_UPDATE__{name}").replace(b'"q":"38"', b'"q":"0"'))

    assert isinstance(message, OrderReport)
    assert message.status is status


def test_a_refused_trigger_keeps_its_reason() -> None:
    assert read_order("ALGO_UPDATE__rejected").reason == "Margin is insufficient."


def test_changed_holdings_are_signed() -> None:
    changes = read(sample("ACCOUNT_UPDATE__order"))

    assert isinstance(changes, HoldingsChanged)
    assert changes.reason == "ORDER"
    assert changes.holdings[0] == HoldingReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        quantity=Decimal("-0.1"),
        entry_price=Decimal("60000.1"),
        updated_at=MOMENT,
    )
    assert changes.holdings[1].position_side is PositionSide.LONG
    assert changes.holdings[1].entry_price is None


def test_funding_moves_no_holding() -> None:
    changes = read(sample("ACCOUNT_UPDATE__funding"))

    assert isinstance(changes, HoldingsChanged)
    assert (changes.reason, changes.holdings) == ("FUNDING_FEE", ())


def test_an_expired_listen_key_is_told() -> None:
    assert read(sample("listenKeyExpired__plain")) == CredentialExpired(event="listenKeyExpired")


@pytest.mark.parametrize("event", sorted(IGNORED))
def test_events_about_nothing_we_keep_are_ignored_by_name(event: str) -> None:
    (name,) = [name for name in FRAMES if name.startswith(event)]

    assert read(sample(name)) == IgnoredMessage(event=event)


def test_an_answer_to_our_own_request_is_ignored() -> None:
    assert read(sample("answer__subscribe")) == IgnoredMessage(event="answer")


def test_an_event_added_later_is_ignored_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    socket = BinanceWebSocket(MarketType.FUTURES)

    answers = [socket.on_message(b'{"e":"BRAND_NEW","E":1779367929402}') for _ in range(3)]

    assert answers == [[IgnoredMessage(event="BRAND_NEW")]] * 3
    assert caplog.text.count("BRAND_NEW") == 1


def test_reading_a_fill_is_quick() -> None:
    raw = sample("ORDER_TRADE_UPDATE__partially_filled")
    rounds = []
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(50):
            parse("BINANCE", "FUTURES", raw)
        rounds.append((time.perf_counter() - started) / 50)

    assert min(rounds) < 100e-6


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_a_glance_finds_the_frames_that_tell_of_orders(name: str) -> None:
    raw = sample(name)

    assert concerns_orders("BINANCE", "FUTURES", raw) is isinstance(read(raw), OrderReport)


@pytest.mark.parametrize("raw", ["", "{", "[]", "1", '{"e":7}', '{"data":[]}', '{"e":"X"', "\xff"])
def test_a_glance_keeps_what_nobody_can_read(raw: str) -> None:
    assert concerns_orders("BINANCE", "FUTURES", raw)


def test_a_glance_leaves_out_what_has_another_name() -> None:
    assert not concerns_orders("BINANCE", "FUTURES", '{"e":"BRAND_NEW_EVENT"}')
    assert not concerns_orders("BINANCE", "FUTURES", '{"result":null,"id":1}')
