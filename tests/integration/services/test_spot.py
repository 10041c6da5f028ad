"""On spot assets are held: our positions add up to the balances, and what does not add up is asked
for where it can have been traded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone

from exchanges.markets import Markets
from exchanges.messages import MarketType, MovementKind, MovementReport, Side
from exchanges.questions import Activity
from tests.factories import ExchangeAccountFactory
from tests.integration.services.spot_ledger import SpotLedger, a_market
from tracking.models import (
    Anomaly,
    ExchangeAccount,
    Posting,
    PostingKind,
    Repair,
    StrategyPosition,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import clients, postings, spot_assets
from tracking.services.books.check import AtExchange, check_account
from tracking.services.order_tracking import SyncResult, sync_open_orders
from tracking.services.rehearsal import rehearse_sync
from tracking.services.repair_postings import Movement, book_posting
from tracking.services.repairs import RepairRefusedError
from tracking.services.sync_holdings import booked_holdings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> SpotLedger:
    ledger = SpotLedger()
    ledger.balances |= {"USDT": Decimal(10_000), "BTC": Decimal("0.5"), "BNB": Decimal(1)}
    monkeypatch.setattr(clients, "rest_client", lambda _account: ledger)
    return ledger


@pytest.fixture
def account(ledger: SpotLedger) -> ExchangeAccount:
    made: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    sync(made)
    made.refresh_from_db()
    return made


def sync(account: ExchangeAccount) -> SyncResult:
    return sync_open_orders(account.pk, force=True)


def assert_same(account: ExchangeAccount, ledger: SpotLedger) -> None:
    booked = {asset: held for (_, asset, _), held in booked_holdings(account.pk).items() if held}
    assert booked == {asset: held for asset, held in ledger.balances.items() if held}


def lines(account: ExchangeAccount) -> list[str]:
    at_exchange = AtExchange(settled_after=0)
    check = check_account(account.pk, with_exchange=True, at_exchange=at_exchange)
    return [line.invariant for line in check.lines if line.violation_count]


def test_what_is_held_at_first_opens_the_books_asset_by_asset(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    rows = Posting.objects.filter(kind=PostingKind.OPENING.value)

    assert {(row.symbol, row.quantity) for row in rows} == {
        ("USDT", 10_000),
        ("BTC", Decimal("0.5")),
        ("BNB", 1),
    }
    position = StrategyPosition.objects.get(symbol="BTC")
    assert (position.strategy_account, position.quantity) == (None, Decimal("0.5"))
    assert_same(account, ledger)


def test_trades_by_hand_are_found_by_the_assets_they_moved(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.trade("BTCUSDT", Side.BUY, "0.1", "60000.01", ("0.0001", "BTC"))
    ledger.trade("BTCUSDT", Side.SELL, "0.55", "60100", ("33.055", "USDT"))

    sync(account)

    assert TradeExecution.objects.count() == 2
    assert set(ledger.asked) == {"BTCUSDT"}
    assert not Anomaly.objects.exists()
    assert_same(account, ledger)


def test_a_fee_of_zero_names_no_asset(account: ExchangeAccount, ledger: SpotLedger) -> None:
    free = ledger.trade("BTCUSDT", Side.BUY, "0.1", "60000.01", ("0", "USDT"))
    ledger.fills[-1] = replace(free, commission_asset=None)

    sync(account)

    assert TradeExecution.objects.get().execution_quantity == Decimal("0.1")
    assert_same(account, ledger)


def test_no_difference_is_a_drift_while_movements_are_left_to_read(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.balances["USDT"] += 5
    ledger.activity = Activity(more_from=ledger.now)
    sync(account)
    assert not Anomaly.objects.exists()

    deposit = MovementReport(
        key="wallet:1",
        kind=MovementKind.TRANSFER,
        market_type=MarketType.SPOT,
        symbol_id="",
        asset="USDT",
        amount=Decimal(5),
        posted_at=ledger.now + timedelta(milliseconds=1),
    )
    ledger.activity = Activity(movements=(deposit,))
    for _ in range(2):
        sync(account)

    assert not Anomaly.objects.exists()
    assert_same(account, ledger)
    assert lines(account) == []


def test_several_markets_are_told_apart(account: ExchangeAccount, ledger: SpotLedger) -> None:
    ledger.trade("ETHBTC", Side.BUY, "2", "0.05", ("0.003", "BNB"))
    ledger.trade("ETHUSDT", Side.SELL, "0.5", "3000.5", ("0.001", "BNB"))

    sync(account)

    assert TradeExecution.objects.count() == 2
    assert "XRPKRW" not in ledger.asked
    assert_same(account, ledger)


def test_what_came_without_a_trade_is_a_drift_until_it_is_booked(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.balances["BTC"] += 2

    sync(account)

    drift = Anomaly.objects.get(kind="DRIFT")
    assert (drift.key, drift.closed_at) == ("SPOT:BTC:NET", None)
    assert not ledger.asked

    deposit = Movement(kind=PostingKind.TRANSFER, symbol="BTC", quantity=Decimal(2))
    repair = book_posting(account, deposit, actor="ann", reason="a deposit, seen at the bank")
    sync(account)

    drift.refresh_from_db()
    assert drift.closed_at is not None
    assert repair.before["position"]["quantity"] == "0.5"
    assert repair.after["position"]["quantity"] == "2.5"
    assert_same(account, ledger)
    assert lines(account) == []


@pytest.mark.parametrize(
    "movement",
    [
        Movement(kind=PostingKind.FUNDING, symbol="BTC", quantity=Decimal(1)),
        Movement(kind=PostingKind.DUST, symbol="BTC", quantity=Decimal(0)),
        Movement(kind=PostingKind.DUST, symbol="BTC/USDT", quantity=Decimal(1)),
    ],
)
def test_what_cannot_have_moved_is_not_booked(account: ExchangeAccount, movement: Movement) -> None:
    with pytest.raises(RepairRefusedError):
        book_posting(account, movement, actor="ann", reason="because")

    assert not Repair.objects.exists()


def test_the_exchanges_own_movements_are_booked_once(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.balances["USDT"] -= 400
    withdrawal = postings.of_asset(
        "USDT",
        Decimal(-400),
        key="withdrawal:1",
        kind=PostingKind.TRANSFER,
        posted_at=timezone.now(),
    )

    assert postings.book(account.pk, [withdrawal], timezone.now()) == 1
    assert postings.book(account.pk, [withdrawal], timezone.now()) == 0

    sync(account)
    assert not Anomaly.objects.exists()
    assert_same(account, ledger)


def test_a_check_finds_the_same_fills_and_the_same_balances(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.trade("BTCUSDT", Side.SELL, "0.2", "60000", ("12", "USDT"))
    sync(account)

    assert lines(account) == []

    ledger.balances["USDT"] += 1
    assert lines(account) == ["OL-3"]


def test_a_rehearsal_says_what_a_sync_would_do(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.trade("ETHUSDT", Side.BUY, "1", "3000", ("0.001", "ETH"))

    plan = rehearse_sync(account.pk)

    assert not TradeExecution.objects.exists()
    told = {line.subject: line for line in plan.lines}
    assert "SPOT:ETH:NET" in told
    assert not [line for line in plan.lines if "DRIFT" in line.subject]


def test_selling_what_was_held_at_first_is_no_sale_of_nothing(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    ledger.trade("BTCUSDT", Side.SELL, "0.2", "60000")

    sync(account)

    assert StrategyPosition.objects.get(symbol="BTC/USDT").quantity == Decimal("-0.2")
    assert not Anomaly.objects.exists()


def test_markets_wait_when_many_assets_moved(
    account: ExchangeAccount, ledger: SpotLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot_assets, "AT_ONCE", 1)
    ledger.trade("ETHBTC", Side.BUY, "2", "0.05", ("0.003", "BNB"))
    ledger.trade("ETHUSDT", Side.SELL, "0.5", "3000.5", ("0.001", "BNB"))

    sync(account)
    assert not Anomaly.objects.filter(key__in=["SPOT:ETH:NET", "SPOT:USDT:NET"]).exists()
    for _ in range(3):
        sync(account)

    assert TradeExecution.objects.count() == 2
    assert not Anomaly.objects.filter(closed_at=None).exists()
    assert_same(account, ledger)


def test_a_market_that_was_asked_long_ago_is_asked_again(
    account: ExchangeAccount, ledger: SpotLedger
) -> None:
    moved = {"BTC": Decimal(1), "USDT": Decimal(-1)}
    now = timezone.now()
    SymbolSubscription.objects.create(
        account=account, market_type="SPOT", symbol="BTC/USDT", verified_at=now
    )

    assert spot_assets.suspects(account.pk, ledger.markets, moved).now == {"BTC/USDT"}
    SymbolSubscription.objects.update(verified_at=now - timedelta(minutes=5))
    assert spot_assets.suspects(account.pk, ledger.markets, moved).now == {"BTC/USDT"}


def test_every_market_is_asked_in_its_turn_however_many_there_are(
    account: ExchangeAccount,
) -> None:
    coins = [f"C{number:03}" for number in range(100)]
    markets = Markets([a_market(coin, "USDT") for coin in coins].copy)
    moved = dict.fromkeys([*coins, "USDT"], Decimal(1))
    asked: set[str] = set()
    now = timezone.now()

    for _ in range(len(coins) // spot_assets.AT_ONCE):
        # a sync's time goes by
        SymbolSubscription.objects.update(verified_at=F("verified_at") - timedelta(seconds=10))
        found = spot_assets.suspects(account.pk, markets, moved).now
        for symbol in found:
            SymbolSubscription.objects.update_or_create(
                account=account, market_type="SPOT", symbol=symbol, defaults={"verified_at": now}
            )
        asked |= found

    assert len(asked) == len(coins)
