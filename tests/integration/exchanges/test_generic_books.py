"""An account at OKX, which no adapter of ours knows: from its stream to the books."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.registry import stream_for
from exchanges.stream_state import StreamStatus
from tests.factories import ExchangeAccountFactory
from tests.integration.exchanges.generic_listener import Listener
from tests.integration.exchanges.generic_okx import KEY, PASSPHRASE, SECRET, Okx
from tracking.models import Anomaly, ClosedOrder, OpenOrder, StreamEvent, Trade, TradeExecution
from tracking.services import clients, inbox
from tracking.services.baseline import ensure_baseline
from tracking.services.inbox import Frame
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.models import ExchangeAccount

TERMS = {
    "SPOT": {"instId": "BTC-USDT", "instType": "SPOT"},
    "FUTURES": {"instId": "BTC-USDT-SWAP", "instType": "SWAP"},
}


@pytest.fixture(params=list(TERMS))
def market_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def okx(monkeypatch: pytest.MonkeyPatch) -> Iterator[Okx]:
    with Okx() as running:
        monkeypatch.setattr(settings, "SIMULATOR_URL", running.url)
        yield running


@pytest.fixture
def account(transactional_db: None, okx: Okx, market_type: str) -> ExchangeAccount:
    made = ExchangeAccountFactory.create(
        exchange="OKX",
        market_type=market_type,
        api_key=KEY,
        api_secret=SECRET,
        api_password=PASSPHRASE,
    )
    ensure_baseline(made)
    made.refresh_from_db()
    return made


def deliver(account: ExchangeAccount, listener: Listener) -> None:
    """Put what was heard into the inbox, as the stream worker does, and have it booked."""
    inbox.receive(
        [
            Frame(
                account_id=account.pk,
                market_type=account.market_type,
                session_id=uuid.uuid4(),
                epoch=1,
                raw=raw.decode(),
                received_at=timezone.now(),
            )
            for raw in listener.frames
        ]
    )
    OrderFillMonitor(account.pk).on_order_update()


def assert_equal_books(okx: Okx) -> None:
    booked = TradeExecution.objects.filter(voided_at=None)
    assert {(e.exchange_trade_id, e.execution_price, e.execution_quantity) for e in booked} == {
        (f["tradeId"], Decimal(f["fillPx"]), Decimal(f["fillSz"])) for f in okx.fills
    }
    assert {e.commission for e in booked} <= {Decimal("0.01")}
    assert {order.exchange_order_id for order in OpenOrder.objects.all()} == {
        name for name, order in okx.orders.items() if order["state"] in ("live", "partially_filled")
    }
    assert not StreamEvent.objects.filter(quarantined_at__isnull=False).exists()
    assert not Anomaly.objects.exists(), list(Anomaly.objects.values("kind", "detail"))


def test_an_orders_life_is_booked(okx: Okx, account: ExchangeAccount, market_type: str) -> None:
    listener = Listener()
    stream = stream_for(
        "OKX",
        market_type,
        session_id="0123456789",
        credentials=clients.credentials(account),
        client=clients.rest_client(account),
        handler=listener,
        base_url=okx.ws_url,
    )
    stream.start()
    listener.await_that(lambda: okx.sockets and stream.state.status is StreamStatus.CONNECTED)
    filled, cancelled, resting = (okx.place(sz="1", **TERMS[market_type]) for _ in range(3))
    okx.fill(filled, "0.4", "58999.9")
    okx.fill(filled, "0.6", "58999.8")
    okx.fill(cancelled, "0.3", "58999.7")
    listener.await_that(lambda: len(listener.fills("OKX", market_type)) == 3)
    okx.cancel(cancelled)
    listener.await_that(
        lambda: "CANCELLED" in {r.status for r in listener.reports("OKX", market_type)}
    )
    assert stream.stop()

    deliver(account, listener)

    assert_equal_books(okx)
    ends = dict(ClosedOrder.objects.values_list("exchange_order_id", "status"))
    assert ends == {filled["ordId"]: "FILLED", cancelled["ordId"]: "CANCELLED"}
    assert Trade.objects.get(exchange_order_id=filled["ordId"]).execution_count == 2
    assert OpenOrder.objects.get().exchange_order_id == resting["ordId"]


def test_what_no_stream_told_is_found_by_the_sync(
    okx: Okx, account: ExchangeAccount, market_type: str
) -> None:
    resting, filled = (okx.place(sz="1", **TERMS[market_type]) for _ in range(2))
    okx.fill(resting, "0.5", "58999.9", silent=True)
    sync_open_orders(account.pk)
    assert {order.exchange_order_id for order in OpenOrder.objects.all()} == {
        resting["ordId"],
        filled["ordId"],
    }
    okx.fill(filled, "1", "58999.9", silent=True)
    account.refresh_from_db()
    type(account).objects.filter(pk=account.pk).update(
        next_sync_at=timezone.now() - timedelta(seconds=1)
    )
    sync_open_orders(account.pk)
    assert_equal_books(okx)
