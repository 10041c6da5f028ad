"""Accounts on spot, traded by API and by hand, whose books are their exchange's in every asset."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.messages import OrderType, Side
from exchanges.simulator.thread import SimulatorThread
from exchanges.wire import milliseconds
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.conftest import fill_budget
from tracking.models import (
    Anomaly,
    OpenOrder,
    Posting,
    PostingKind,
    StrategyPosition,
    StreamEvent,
    TradeExecution,
)
from tracking.services import inbox
from tracking.services.books.check import AtExchange, check_account
from tracking.services.inbox import Frame
from tracking.services.order_fill_monitor import POISON_AFTER, OrderFillMonitor
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager
from tracking.services.order_tracking import sync_open_orders
from tracking.services.repair_postings import Movement, book_posting
from tracking.services.replay import replay
from tracking.services.sync_holdings import booked_holdings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient
    from tracking.models import ExchangeAccount

HOUSES = [("BINANCE", "SPOT"), ("BYBIT", "SPOT")]


class Place(NamedTuple):
    """An account, its exchange, and who trades there for us."""

    account: ExchangeAccount
    house: ControlClient
    manager: OrderManager

    def act(self, action: str, **terms: object) -> None:
        self.house.act(action=action, account=self.account.api_key, **terms)

    def sync(self) -> None:
        sync_open_orders(self.account.pk, full=True, force=True)

    def balances(self) -> dict[str, Decimal]:
        told = self.house.ledger(self.account.api_key)["accounts"][self.account.api_key]
        rows = told["balances"]
        held = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in rows}
        return {asset: quantity for asset, quantity in held.items() if quantity}

    def booked(self) -> dict[str, Decimal]:
        held = booked_holdings(self.account.pk)
        return {asset: quantity for (_, asset, _), quantity in held.items() if quantity}

    def wrong(self) -> list[str]:
        at_exchange = AtExchange(settled_after=0)
        check = check_account(self.account.pk, with_exchange=True, at_exchange=at_exchange)
        return [str(line) for line in check.lines if line.violation_count]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=5, houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture(params=HOUSES, ids=lambda house: house[0])
def place(
    request: pytest.FixtureRequest,
    transactional_db: None,
    simulator: SimulatorThread,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    exchange, market_type = request.param
    key = uuid.uuid4().hex
    house = simulator.house(exchange, market_type)
    house.account(key, f"secret-{key}", balances={"USDT": "100000", "BTC": "0.5", "ETH": "3"})
    account = ExchangeAccountFactory.create(
        exchange=exchange, market_type=market_type, api_key=key, api_secret=f"secret-{key}"
    )
    fill_budget()
    strategy_account = StrategyAccountFactory.create(account=account)
    found = Place(account, house, OrderManager(strategy_account))
    found.sync()
    fill_budget()
    return found


def test_a_spot_account_traded_by_api_and_by_hand_ends_with_its_exchanges_books(
    place: Place,
) -> None:
    assert place.booked() == place.balances()
    bought = OrderIntent(
        symbol="BTC/USDT", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("0.01")
    )
    place.manager.execute(bought, idempotency_key="1")
    place.act("place", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
    place.act("place", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.2")

    place.sync()

    traded = TradeExecution.objects.values("symbol", "exchange_order_id").distinct()
    assert traded.count() == 3
    assert place.booked() == place.balances()
    mine = StrategyPosition.objects.get(strategy_account__isnull=False)
    assert (mine.symbol, mine.quantity > 0) == ("BTC/USDT", True)
    assert StrategyPosition.objects.get(symbol="BTC").quantity == Decimal("0.5")
    assert not OpenOrder.objects.exists()
    assert not Anomaly.objects.exists()
    assert place.wrong() == []


def test_orders_on_spot_are_replayed_to_the_same_books(place: Place) -> None:
    place.act("place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.2")
    place.act("place", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
    place.sync()

    found = replay(place.account.pk, timezone.now() - timedelta(days=1))

    assert found.compared["position"] == 2
    assert not found.differences
    assert not found.skipped


def test_a_market_buy_for_an_amount_of_quote_is_filled_and_never_too_much(place: Place) -> None:
    place.act("place", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="1000")

    place.sync()

    assert place.booked() == place.balances()
    assert not Anomaly.objects.exists()
    assert place.wrong() == []


def of_movement(place: Place, asset: str, change: str) -> Frame:
    """Make the frame by which Binance tells that an asset came or went."""
    at = milliseconds(timezone.now())
    told = {"e": "balanceUpdate", "E": at, "a": asset, "d": change, "T": at}
    return Frame(
        account_id=place.account.pk,
        market_type="SPOT",
        session_id=uuid.uuid4(),
        epoch=1,
        raw=json.dumps({"subscriptionId": 0, "event": told}),
        received_at=timezone.now(),
    )


@pytest.mark.parametrize("place", HOUSES[:1], ids=["BINANCE"], indirect=True)
def test_a_deposit_the_stream_tells_of_is_booked_once(place: Place) -> None:
    place.act("transfer", asset="BTC", amount="0.25")
    frame = of_movement(place, "BTC", "0.25000000")

    for _ in range(2):
        inbox.receive([frame])
        OrderFillMonitor(place.account.pk).on_order_update()
    place.sync()

    posting = Posting.objects.get(kind="TRANSFER")
    assert (posting.symbol, posting.asset, posting.quantity) == ("BTC", "BTC", Decimal("0.25"))
    assert place.booked() == place.balances()
    assert not Anomaly.objects.exists()
    assert place.wrong() == []


@pytest.mark.parametrize("place", HOUSES[:1], ids=["BINANCE"], indirect=True)
def test_a_movement_that_cannot_be_booked_stops_no_other(place: Place) -> None:
    place.act("transfer", asset="BTC", amount="0.25")
    # longer than the name of an asset may be
    poison, sound = of_movement(place, "X" * 150, "1"), of_movement(place, "BTC", "0.25")
    inbox.receive([poison, sound])

    for _ in range(POISON_AFTER):
        OrderFillMonitor(place.account.pk).on_order_update()
        assert place.booked() == place.balances()

    bad = StreamEvent.objects.get(quarantined_at__isnull=False)
    assert (bad.attempts, bad.processed_at) == (POISON_AFTER, None)
    assert not StreamEvent.objects.filter(processed_at=None).exclude(pk=bad.pk).exists()
    assert Anomaly.objects.get().kind == "QUARANTINED"


@pytest.mark.parametrize("place", HOUSES[:1], ids=["BINANCE"], indirect=True)
def test_a_deposit_nobody_tells_of_is_a_drift_until_staff_books_it(place: Place) -> None:
    place.act("transfer", asset="BTC", amount="0.25")

    place.sync()

    assert Anomaly.objects.get().key == "SPOT:BTC:NET"
    deposit = Movement(kind=PostingKind.TRANSFER, symbol="BTC", quantity=Decimal("0.25"))
    book_posting(place.account, deposit, actor="ann", reason="a deposit")
    place.sync()
    assert not Anomaly.objects.filter(closed_at=None).exists()
    assert place.wrong() == []
