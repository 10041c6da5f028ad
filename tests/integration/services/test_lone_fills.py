"""Bybit tells of fills apart from orders, and of several orders in a frame."""

from __future__ import annotations

import json
import random
import time
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from exchanges import registry
from exchanges.adapter import StreamTerms
from exchanges.connection import Connection, Heard, dial
from exchanges.messages import MarketType
from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory
from tests.integration.services.conftest import fill_budget
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderEvidence,
    StreamEvent,
    StreamQuality,
    Trade,
    TradeExecution,
)
from tracking.services import clients, inbox, lone_fills, order_fill_monitor
from tracking.services.baseline import ensure_baseline
from tracking.services.books.check import check_account
from tracking.services.inbox import Frame
from tracking.services.order_fill_monitor import POISON_AFTER, OrderFillMonitor
from tracking.services.replay import replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

LONG_AGO = lone_fills.PATIENCE + timedelta(seconds=1)


class Bybit:
    """One account at the simulated Bybit: what its stream sends, and its ledger."""

    def __init__(self, house: ControlClient, account: ExchangeAccount) -> None:
        self.house, self.account = house, account
        credential = registry.adapter("BYBIT").credential
        assert credential is not None
        made = credential(
            StreamTerms(
                market_type=MarketType.FUTURES,
                credentials=clients.credentials(account),
                client=clients.rest_client(account),
                base_url=house.url.replace("http://", "ws://"),
            )
        )
        self.connection: Connection = dial(made.door(), 5, 0.2)
        made.greet(self.connection, 5)

    def act(self, action: str, **terms: object) -> Any:
        return self.house.act(action=action, account=self.account.api_key, **terms)

    def place(self, symbol: str = "BTCUSDT", quantity: str = "0.3", price: str = "30000") -> str:
        terms = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        placed = self.act("place", symbol=symbol, quantity=quantity, price=price, **terms)
        return str(placed["exchange_order_id"])

    def fill(self, order_id: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        self.act("fill", symbol=symbol, orderId=order_id, quantity=quantity)

    def frames(self, count: int) -> list[str]:
        """Wait for so many frames of data."""
        found: list[str] = []
        deadline = time.monotonic() + 5
        while len(found) < count:
            assert time.monotonic() < deadline, f"only {len(found)} of {count} frames came"
            heard = self.connection.receive()
            if heard is not None and heard[0] is Heard.DATA:
                found.append(heard[1].decode())
        return found

    def deliver(self, *frames: str, at: datetime | None = None) -> None:
        """Put frames into the inbox as the stream worker does."""
        inbox.receive(
            [
                Frame(
                    account_id=self.account.pk,
                    market_type="FUTURES",
                    session_id=uuid.uuid4(),
                    epoch=1,
                    raw=raw,
                    received_at=at or timezone.now(),
                )
                for raw in frames
            ]
        )

    def drain(self) -> None:
        OrderFillMonitor(self.account.pk).on_order_update()

    def cut_off(self) -> None:
        """Let no question be answered."""
        self.house.faults(rest_status=503)

    def assert_equal_books(self) -> None:
        ledger = self.house.ledger(self.account.api_key)["accounts"][self.account.api_key]
        booked = TradeExecution.objects.filter(account=self.account, voided_at=None)
        assert {(e.exchange_trade_id, e.execution_price, e.execution_quantity) for e in booked} == {
            (f["exchange_trade_id"], Decimal(f["price"]), Decimal(f["quantity"]))
            for f in ledger["executions"]
        }
        assert {o.exchange_order_id for o in OpenOrder.objects.all()} == {
            o["exchange_order_id"] for o in ledger["open_orders"]
        }


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=1, houses=[("BYBIT", "FUTURES")]) as running:
        yield running


@pytest.fixture
def bybit(
    transactional_db: None, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bybit]:
    house = simulator.house("BYBIT", "FUTURES")
    house.configure(price_interval=0, enforce_limits=False, batches_rows=False)
    monkeypatch.setattr(settings, "SIMULATOR_URL", house.url)
    key = uuid.uuid4().hex
    house.account(key, f"secret-{key}")
    account = ExchangeAccountFactory.create(
        exchange="BYBIT", market_type="FUTURES", api_key=key, api_secret=f"secret-{key}"
    )
    ensure_baseline(account)
    account.refresh_from_db()
    clients.rest_client(account).markets.all()
    fill_budget()
    made = Bybit(house, account)
    yield made
    made.connection.close()
    house.faults(reset=True)


def topic(frame: str) -> str:
    return str(json.loads(frame)["topic"]).partition(".")[0]


def of_topic(frames: list[str], wanted: str) -> list[str]:
    return [frame for frame in frames if topic(frame) == wanted]


def waiting() -> int:
    rows = StreamEvent.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    return rows.count()


def together(*frames: str) -> str:
    """Put the rows of frames of one topic into one frame."""
    read = [json.loads(frame) for frame in frames]
    rows = [row for frame in read for row in frame["data"]]
    return json.dumps(read[0] | {"data": rows})


def lived(bybit: Bybit) -> list[str]:
    """Let an order fill in two parts; returns its five frames."""
    order_id = bybit.place()
    bybit.fill(order_id, "0.1")
    bybit.fill(order_id, "0.2")
    return bybit.frames(5)


@pytest.mark.parametrize("seed", range(3))
def test_frames_in_any_order_give_the_same_books(bybit: Bybit, seed: int) -> None:
    frames = lived(bybit)
    random.Random(seed).shuffle(frames)

    for frame in frames:
        bybit.deliver(frame)
        bybit.drain()

    bybit.assert_equal_books()
    assert ClosedOrder.objects.get().status == "FILLED"
    assert Trade.objects.get().execution_count == 2
    assert not waiting()
    assert not Anomaly.objects.exists()


def test_fills_of_an_order_we_know_are_booked_without_a_word_of_it(bybit: Bybit) -> None:
    new, *rest = lived(bybit)
    bybit.cut_off()
    bybit.deliver(new, *of_topic(rest, "execution"))

    bybit.drain()

    order = OpenOrder.objects.get()
    assert (order.status, order.filled_quantity) == ("PARTIALLY_FILLED", Decimal("0.3"))
    assert TradeExecution.objects.count() == 2
    assert StreamQuality.objects.get().first_by_stream == 2


def test_a_fill_waits_for_its_order(bybit: Bybit) -> None:
    frames = lived(bybit)
    bybit.cut_off()
    bybit.deliver(*of_topic(frames, "execution"))
    bybit.drain()
    assert not TradeExecution.objects.exists()
    assert waiting() == 2

    bybit.deliver(*of_topic(frames, "order"))
    bybit.drain()

    bybit.assert_equal_books()
    assert not waiting()


def test_a_fill_whose_order_nobody_tells_of_is_booked_as_it_is(bybit: Bybit) -> None:
    frames = lived(bybit)
    bybit.cut_off()
    bybit.deliver(*of_topic(frames, "execution"), at=timezone.now() - LONG_AGO)

    bybit.drain()

    order = OpenOrder.objects.get()
    assert (order.status, order.quantity) == ("PARTIALLY_FILLED", Decimal("0.3"))
    assert order.next_verify_at is not None
    assert TradeExecution.objects.count() == 2
    bybit.deliver(*of_topic(frames, "order"))
    bybit.drain()
    bybit.assert_equal_books()
    assert ClosedOrder.objects.get().status == "FILLED"
    assert not Anomaly.objects.exists()


def test_a_fill_waits_longer_where_it_may_be_of_either_side(bybit: Bybit) -> None:
    frames = lived(bybit)
    bybit.cut_off()
    ExchangeAccount.objects.update(position_mode="HEDGE")
    bybit.deliver(*of_topic(frames, "execution"), at=timezone.now() - timedelta(minutes=5))

    bybit.drain()

    assert not TradeExecution.objects.exists()
    assert waiting() == 2
    assert not [line for line in check_account(bybit.account.pk).lines if line.violation_count]


def test_rest_tells_of_the_order_of_a_fill(bybit: Bybit) -> None:
    frames = lived(bybit)
    bybit.deliver(of_topic(frames, "execution")[0])

    bybit.drain()

    bybit.assert_equal_books()
    assert ClosedOrder.objects.get().status == "FILLED"


def test_a_frame_of_two_orders_is_booked_for_both(bybit: Bybit) -> None:
    first, second = bybit.place(), bybit.place("ETHUSDT", "1", "1000")
    bybit.fill(first, "0.3")
    bybit.fill(second, "1", "ETHUSDT")
    frames = bybit.frames(6)

    bybit.deliver(together(*of_topic(frames, "execution")), together(*of_topic(frames, "order")))
    bybit.drain()

    bybit.assert_equal_books()
    assert {order.status for order in ClosedOrder.objects.all()} == {"FILLED"}
    named = [row.stream_event_ids for row in OrderEvidence.objects.all()]
    assert all(len(set(ids)) == len(ids) == 2 for ids in named)
    assert StreamQuality.objects.get().frames == 2


def test_an_order_is_told_frame_by_frame_and_replayed_from_them(bybit: Bybit) -> None:
    first, second = bybit.place(), bybit.place("ETHUSDT", "1", "1000")
    bybit.fill(first, "0.1")
    bybit.fill(first, "0.2")
    bybit.fill(second, "1", "ETHUSDT")
    frames = bybit.frames(8)
    bybit.cut_off()
    for wanted in ("execution", "order"):
        bybit.deliver(together(*of_topic(frames, wanted)))
        bybit.drain()
    bybit.house.faults(reset=True)

    out = StringIO()
    call_command("explain", first, json=True, stdout=out)

    (executions, orders) = [
        entry["text"] for entry in json.loads(out.getvalue())["entries"] if entry["kind"] == "frame"
    ]
    assert [part.split(" #")[0] for part in executions.split("; ")] == [
        "fill 0.1 @ 30000",
        "fill 0.2 @ 30000",
    ]
    assert orders == "New 0/0.3; PartiallyFilled 0.1/0.3; Filled 0.3/0.3"
    found = replay(bybit.account.pk, timezone.now() - timedelta(days=1))
    assert not found.differences
    assert not found.skipped


def test_what_is_read_of_a_frame_is_booked_although_not_all_can_be(bybit: Bybit) -> None:
    bybit.place()
    (frame,) = bybit.frames(1)
    strange = json.loads(frame)
    strange["data"][0] |= {"symbol": "NOSUCHUSDT", "orderId": str(uuid.uuid4())}

    bybit.deliver(together(frame, json.dumps(strange)))
    bybit.drain()

    assert OpenOrder.objects.get().symbol == "BTC/USDT:USDT"
    assert Anomaly.objects.get().kind == "UNKNOWN_SYMBOL"
    kept = StreamEvent.objects.get()
    assert kept.quarantined_at is not None
    assert kept.processed_at is None


def test_a_kind_of_execution_nobody_knows_is_set_aside_for_a_person(bybit: Bybit) -> None:
    frames = lived(bybit)
    moved = json.loads(of_topic(frames, "execution")[0])
    moved["data"][0] |= {"execType": "MovePosition", "execId": str(uuid.uuid4())}

    bybit.deliver(*frames, json.dumps(moved))
    bybit.drain()

    bybit.assert_equal_books()
    assert "MovePosition" in str(Anomaly.objects.get().detail)
    assert StreamEvent.objects.filter(quarantined_at__isnull=False).count() == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_an_order_that_cannot_be_booked_keeps_its_frame_from_being_settled(
    bybit: Bybit, *, is_first: bool
) -> None:
    bybit.place()
    (frame,) = bybit.frames(1)
    poison = json.loads(frame)
    # longer than any order's name may be
    poison["data"][0] |= {"orderLinkId": "x" * 150, "orderId": str(uuid.uuid4())}
    rows = (json.dumps(poison), frame)
    bybit.deliver(together(*(rows if is_first else reversed(rows))))

    for attempt in range(1, POISON_AFTER + 1):
        bybit.drain()
        kept = StreamEvent.objects.get()
        assert kept.attempts == attempt
        assert kept.processed_at is None
        # the other order of the frame is booked all the same
        assert OpenOrder.objects.get().client_order_id != poison["data"][0]["orderLinkId"]

    assert kept.quarantined_at is not None
    assert Anomaly.objects.get().kind == "QUARANTINED"


def test_fills_that_wait_keep_nothing_behind_them_waiting(
    bybit: Bybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = lived(bybit)
    bybit.cut_off()
    monkeypatch.setattr(order_fill_monitor, "ROUND_SIZE", 2)
    ExchangeAccount.objects.update(position_mode="HEDGE")
    bybit.deliver(*of_topic(frames, "execution"), *of_topic(frames, "order"))

    bybit.drain()

    bybit.assert_equal_books()
    assert ClosedOrder.objects.get().status == "FILLED"
    assert not waiting()
