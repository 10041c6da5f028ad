"""The sync makes the books right although no frame ever arrived."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges import binance_answers
from exchanges.binance_futures_rest import BinanceFuturesRest
from exchanges.credentials import Credentials
from exchanges.errors import AuthenticationError, TransientError, UnknownSymbol
from exchanges.http_session import HttpSession
from tests.factories import AnomalyFactory
from tests.integration.services.conftest import PAST, make_due
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderEvent,
    StrategyPosition,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import anomalies, clients, sync_questions
from tracking.services.order_tracking import SyncResult, request_full_sync, sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from exchanges.messages import OrderSnapshot
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.services.conftest import Exchange


def sync(exchange: Exchange, *, full: bool = False) -> SyncResult:
    return sync_open_orders(exchange.account.pk, full=full, force=True)


def test_an_order_unknown_to_us_is_inserted(exchange: Exchange) -> None:
    place_resting(exchange)

    result = sync(exchange, full=True)

    assert result.inserted == 1
    exchange.assert_equal_books()


def test_an_order_gone_at_the_exchange_is_closed_with_its_fills(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    fill(exchange, order_id, "0.3", counterparties=3)

    result = sync(exchange)

    assert result.closed == 1
    assert ClosedOrder.objects.get().status == "FILLED"
    exchange.assert_equal_books()


def test_a_partly_filled_and_cancelled_order_keeps_its_fill(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    fill(exchange, order_id, "0.1")
    exchange.act("cancel", symbol="BTCUSDT", orderId=order_id)

    sync(exchange)

    assert ClosedOrder.objects.get().status == "CANCELLED"
    assert ClosedOrder.objects.get().filled_quantity == Decimal("0.1")
    exchange.assert_equal_books()


def test_a_different_filled_quantity_is_updated(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    fill(exchange, order_id, "0.1")

    sync(exchange)

    assert OpenOrder.objects.get().status == "PARTIALLY_FILLED"
    exchange.assert_equal_books()


def test_a_market_order_by_hand_is_found_by_the_holding_it_moved(exchange: Exchange) -> None:
    sync(exchange, full=True)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")

    sync(exchange)

    exchange.assert_equal_books()
    assert StrategyPosition.objects.get().strategy_account is None


def test_a_round_trip_by_hand_back_to_flat_is_found(exchange: Exchange) -> None:
    sync(exchange, full=True)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.act("place", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - timedelta(minutes=1))

    sync(exchange)

    exchange.assert_equal_books()
    assert ClosedOrder.objects.count() == 2


def test_the_next_beat_finds_the_sync_due(exchange: Exchange) -> None:
    before = timezone.now()

    sync(exchange)

    due = ExchangeAccount.objects.get().next_sync_at
    assert due is not None
    assert due < before + timedelta(seconds=settings.SYNC_INTERVAL)


def test_a_sync_that_is_not_due_is_skipped(exchange: Exchange) -> None:
    sync(exchange)

    assert sync_open_orders(exchange.account.pk).skipped


def test_unverified_fills_are_verified_later(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3", counterparties=3)
    exchange.deliver(*exchange.frames(4))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 1000}})
    drain(exchange)
    exchange.simulator.faults(reset=True)
    later = timezone.now() + timedelta(seconds=5)
    monkeypatch.setattr("tracking.services.verification_queue.timezone.now", lambda: later)

    assert verify_due(exchange.account.pk) == 3

    exchange.assert_equal_books()
    trade = ClosedOrder.objects.get()
    assert trade.status == "FILLED"
    position = StrategyPosition.objects.get()
    assert position.execution_count == 3


def test_rest_that_lags_is_covered_by_one_inferred_fill_until_it_tells(
    exchange: Exchange,
) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    fill(exchange, order_id, "0.3", counterparties=3)
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})

    sync(exchange)

    live = TradeExecution.objects.filter(voided_at__isnull=True)
    assert [(e.source, e.execution_quantity) for e in live] == [("INFERRED", Decimal("0.3"))]
    exchange.simulator.faults(reset=True)
    TradeExecution.objects.update(next_verify_at=timezone.now() - timedelta(seconds=1))
    SymbolSubscription.objects.update(verified_at=None)

    verify_due(exchange.account.pk)

    exchange.assert_equal_books()
    assert StrategyPosition.objects.get().quantity == Decimal("0.3")


def test_a_gap_during_a_full_sync_asks_for_another(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = sync_questions.open_orders

    def read_and_miss(*args: object, **named: object) -> object:
        answer = read(*args, **named)  # type: ignore[arg-type]
        request_full_sync(exchange.account.pk)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(sync_questions, "open_orders", read_and_miss)
        sync_open_orders(exchange.account.pk, force=True)

    assert ExchangeAccount.objects.get().next_full_sync_at is None
    assert sync_open_orders(exchange.account.pk, force=True).full


def test_a_holding_in_an_unknown_market_does_not_stop_the_sync(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(exchange, full=True)
    order_id = place_resting(exchange)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    fill(exchange, order_id, "0.3")
    markets = clients.rest_client(exchange.account).markets
    symbol_of = type(markets).symbol_of

    def without_eth(self: object, market_type: object, symbol_id: str) -> str:
        if symbol_id == "ETHUSDT":
            raise UnknownSymbol
        return symbol_of(self, market_type, symbol_id)  # type: ignore[arg-type]

    monkeypatch.setattr(type(markets), "symbol_of", without_eth)

    sync(exchange)

    assert TradeExecution.objects.get().symbol == "BTC/USDT:USDT"
    assert Anomaly.objects.filter(kind="UNKNOWN_SYMBOL").exists()


def test_a_round_trip_is_found_although_its_trades_were_refused_at_first(
    exchange: Exchange,
) -> None:
    sync(exchange, full=True)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.act("place", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - PAST)
    exchange.simulator.faults(rest_status={"GET userTrades": {"status": 503}})
    with pytest.raises(TransientError):
        sync(exchange)
    exchange.simulator.faults(reset=True)

    sync(exchange)

    exchange.assert_equal_books()


def test_a_round_trip_is_found_although_our_clock_is_wrong(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = timezone.now() + timedelta(minutes=3)
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.sync_questions.timezone.now", lambda: ahead)
        sync(exchange, full=True)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.act("place", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
    later = ahead + timedelta(minutes=1)
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.sync_questions.timezone.now", lambda: later)
        sync(exchange)

    exchange.assert_equal_books()


def test_a_guess_whose_trades_lie_before_the_cursor_is_resolved_by_order(
    exchange: Exchange,
) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    fill(exchange, order_id, "0.3", counterparties=3)
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    sync(exchange)
    exchange.simulator.faults(reset=True)
    SymbolSubscription.objects.update(trade_cursor="999999999999")

    for _ in range(3):
        make_due()
        verify_due(exchange.account.pk)

    exchange.assert_equal_books()


def test_a_new_account_with_a_wrong_key_is_stopped_and_told(
    account: ExchangeAccount, simulator: SimulatorThread
) -> None:
    simulator.faults(account=account.api_key, invalid_key=True)

    with pytest.raises(AuthenticationError):
        sync_open_orders(account.pk, force=True)

    account.refresh_from_db()
    assert account.state == "AUTH_FAILED"
    assert Anomaly.objects.get().kind == "AUTH_FAILED"
    assert sync_open_orders(account.pk, force=True).skipped


def test_a_drift_closes_by_itself_once_books_and_exchange_agree(exchange: Exchange) -> None:
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    sync(exchange, full=True)
    StrategyPosition.objects.update(quantity=5)
    sync(exchange)
    assert Anomaly.objects.get().closed_at is None
    StrategyPosition.objects.update(quantity=1)

    sync(exchange)

    drift = Anomaly.objects.get()
    assert drift.closed_at is not None
    assert drift.closed_reason == "books and exchange agree again"
    assert OrderEvent.objects.filter(kind="anomaly").count() == 2


def test_an_anomaly_about_an_unconfirmed_fill_closes_once_it_is_confirmed(
    exchange: Exchange,
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    sync(exchange, full=True)
    known = TradeExecution.objects.get()
    key = f"{known.market_type}:{known.symbol}:{known.exchange_trade_id}"
    AnomalyFactory.create(account=exchange.account, kind="UNVERIFIED", key=key)
    TradeExecution.objects.update(verified=False)
    anomalies.close_settled(exchange.account.pk, apart=())
    assert Anomaly.objects.get().closed_at is None

    TradeExecution.objects.update(verified=True)
    sync(exchange)

    assert Anomaly.objects.get().closed_at is not None


def test_sums_that_differ_are_one_anomaly_however_often_they_are_seen(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    told = binance_answers.order

    def another_sum(*terms: Any, **more: Any) -> OrderSnapshot:
        return replace(told(*terms, **more), filled_quote=Decimal(7))

    monkeypatch.setattr(binance_answers, "order", another_sum)
    for _ in range(3):
        sync(exchange, full=True)

    anomaly = Anomaly.objects.get()
    assert (anomaly.kind, anomaly.closed_at) == ("SUMS_DIFFER", None)
    assert anomaly.seen_count >= 3


def place_stop(exchange: Exchange) -> str:
    """Place a conditional order by hand; give its id."""
    terms = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "STOP_MARKET",
        "quantity": "0.02",
        "triggerPrice": "90000",
    }
    answer = _signed(exchange, "fapiPrivatePostAlgoOrder", terms)
    return str(json.loads(answer)["algoId"])


def _signed(exchange: Exchange, call: str, terms: dict[str, str]) -> bytes:
    session = HttpSession("https://fapi.binance.com", exchange.simulator.url)
    credentials = Credentials(
        api_key=exchange.account.api_key, api_secret=exchange.account.api_secret
    )
    return session.call(call, terms, credentials=credentials, changes_orders=True, timeout=5).body


def test_a_conditional_order_placed_by_hand_is_found_and_followed(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = place_stop(exchange)

    found = sync(exchange, full=True)
    with monkeypatch.context() as patched:
        # it is on the list: nobody asks for it by its id
        patched.delattr(BinanceFuturesRest, "fetch_order")
        sync(exchange)

    order = OpenOrder.objects.get()
    assert (found.inserted, order.id_space, order.exchange_order_id) == (1, "ALGO", stop)
    _signed(exchange, "fapiPrivateDeleteAlgoOrder", {"symbol": "BTCUSDT", "algoId": stop})
    sync(exchange)
    assert ClosedOrder.objects.get().status == "CANCELLED"
