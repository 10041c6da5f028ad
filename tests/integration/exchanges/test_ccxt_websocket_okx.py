"""OKX's private stream through ccxt.pro: an order's life over real sockets."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.adapter import Limits, Rate
from exchanges.credentials import Credentials
from exchanges.errors import MalformedMessage
from exchanges.generic_errors import ccxt as errors
from exchanges.generic_streamer import streamer_of
from exchanges.messages import OrderReport, OrderStatus
from exchanges.registry import parse, rest_for, stream_for
from exchanges.stream_settings import StreamSettings
from exchanges.stream_state import StreamStatus
from tests.integration.exchanges.generic_listener import Listener
from tests.integration.exchanges.generic_okx import KEY, PASSPHRASE, SECRET, Okx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.streams import Stream

KEYS = Credentials(api_key=KEY, api_secret=SECRET, api_password=PASSPHRASE)
QUICK = StreamSettings(poll=0.05, backoff_base=0.02, backoff_cap=0.05, connect_timeout=5)


def open_stream(
    okx: Okx, listener: Listener, market_type: str = "SPOT", keys: Credentials = KEYS
) -> Stream:
    client = rest_for(
        "OKX",
        market_type,
        credentials=keys,
        redis_url=os.environ["REDIS_URL"],
        base_url=okx.url,
        limits=Limits(address=Rate(limit=1_000_000, period=60)),
    )
    stream = stream_for(
        "OKX",
        market_type,
        session_id="0123456789",
        credentials=keys,
        client=client,
        handler=listener,
        base_url=okx.ws_url,
        settings=QUICK,
    )
    stream.start()
    return stream


@pytest.fixture
def okx() -> Iterator[Okx]:
    with Okx() as running:
        yield running


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def stream(okx: Okx, listener: Listener) -> Iterator[Stream]:
    opened = open_stream(okx, listener)
    listener.await_that(lambda: okx.sockets and opened.state.status is StreamStatus.CONNECTED)
    yield opened
    assert opened.stop()


def test_an_orders_life_is_heard(okx: Okx, listener: Listener, stream: Stream) -> None:
    def heard() -> list[OrderReport]:
        return listener.reports("OKX", "SPOT")

    order = okx.place(sz="1", clOrdId="ours1")
    listener.await_that(lambda: len(heard()) >= 1)
    okx.fill(order, "0.4", "58999.9")
    listener.await_that(lambda: listener.fills("OKX", "SPOT"))
    okx.fill(order, "0.1", "58999.8")
    listener.await_that(lambda: len(listener.fills("OKX", "SPOT")) == 2)
    okx.cancel(order)
    listener.await_that(lambda: heard()[-1].status is OrderStatus.CANCELLED)

    assert {report.client_order_id for report in heard()} == {"ours1"}
    fills = listener.fills("OKX", "SPOT")
    assert [(f.execution_quantity, f.execution_price) for f in fills] == [
        (Decimal("0.4"), Decimal("58999.9")),
        (Decimal("0.1"), Decimal("58999.8")),
    ]
    # a cost is a cost: OKX tells it as a negative number
    assert [(f.commission, f.commission_asset) for f in fills] == [(Decimal("0.01"), "USDT")] * 2
    assert max(report.filled_quantity for report in heard()) == Decimal("0.5")
    assert heard()[0].status is OrderStatus.NEW
    assert stream.state.last_event_at is not None


def test_several_fills_at_once_are_all_heard(okx: Okx, listener: Listener, stream: Stream) -> None:
    orders = [okx.place(sz="1") for _ in range(5)]
    for order in orders:
        for _ in range(4):
            okx.fill(order, "0.25", "59000")

    def trade_ids() -> set[str]:
        return {fill.exchange_trade_id for fill in listener.fills("OKX", "SPOT")}

    listener.await_that(lambda: len(trade_ids()) == len(okx.fills))
    assert stream.state.status is StreamStatus.CONNECTED


def test_orders_of_other_market_types_are_not_handed_over(
    okx: Okx, listener: Listener, stream: Stream
) -> None:
    okx.place(instId="BTC-USDT-SWAP", instType="SWAP", sz="2")
    okx.place(sz="1")
    listener.await_that(lambda: listener.frames)
    assert {report.symbol_id for report in listener.reports("OKX", "SPOT")} == {"BTC-USDT"}
    assert stream.state.frames == len(listener.frames)


def test_contracts_stay_contracts(okx: Okx, listener: Listener) -> None:
    opened = open_stream(okx, listener, "FUTURES")
    listener.await_that(lambda: okx.sockets)
    order = okx.place(instId="BTC-USDT-SWAP", instType="SWAP", sz="2", posSide="long")
    okx.fill(order, "2", "60000")
    listener.await_that(lambda: listener.fills("OKX", "FUTURES"))
    last = listener.reports("OKX", "FUTURES")[-1]
    assert (last.symbol_id, last.quantity, last.position_side.value) == (
        "BTC-USDT-SWAP",
        Decimal(2),
        "LONG",
    )
    assert opened.stop()


def test_a_lost_connection_is_made_anew_and_told_as_a_gap(
    okx: Okx, listener: Listener, stream: Stream
) -> None:
    listener.await_that(lambda: listener.gaps)
    okx.drop()
    listener.await_that(lambda: stream.state.connections == 2 and okx.sockets)
    order = okx.place(sz="1")
    listener.await_that(lambda: listener.frames)
    assert listener.reports("OKX", "SPOT")[0].exchange_order_id == order["ordId"]
    assert stream.state.reconnects == 1
    assert len({gap.connected_at for gap in listener.gaps}) == 2


def test_a_reconnect_can_be_asked_for(okx: Okx, listener: Listener, stream: Stream) -> None:
    stream.request_reconnect("stale")
    listener.await_that(lambda: stream.state.connections == 2 and okx.sockets)
    assert "stale" in {state.reason for state in listener.states}


def test_a_frame_ccxt_stumbles_over_is_handed_over_and_does_not_deafen(
    okx: Okx, listener: Listener, stream: Stream
) -> None:
    gaps = len(listener.gaps)
    okx.push_soon({"arg": {"channel": "orders"}, "data": ["nothing an order looks like"]})
    listener.await_that(lambda: listener.frames and len(listener.gaps) > gaps)
    with pytest.raises(MalformedMessage):
        parse("OKX", "SPOT", listener.frames[0])
    okx.place(sz="1")
    listener.await_that(lambda: len(listener.frames) > 1)
    assert stream.state.connections == 1


def test_an_order_of_a_market_nobody_knows_is_a_gap(
    okx: Okx, listener: Listener, stream: Stream
) -> None:
    gaps = len(listener.gaps)
    okx.place(instId="NEW-USDT", sz="1")
    listener.await_that(lambda: len(listener.gaps) > gaps)
    okx.place(sz="1")
    listener.await_that(lambda: listener.frames)
    assert len(listener.reports("OKX", "SPOT")) == 1
    assert stream.state.connections == 1


def test_a_refused_login_is_an_error_that_tells_no_secret(okx: Okx, listener: Listener) -> None:
    keys = Credentials(api_key=KEY, api_secret=SECRET, api_password="wrong passphrase")
    opened = open_stream(okx, listener, keys=keys)
    listener.await_that(lambda: any(s.status is StreamStatus.ERROR for s in listener.states))
    reasons = " ".join(state.reason for state in listener.states)
    assert "AuthenticationError" in reasons
    assert not any(secret in reasons for secret in (KEY, SECRET, "wrong passphrase"))
    assert opened.stop()
    assert listener.frames == []


def test_orders_are_heard_where_fills_cannot_be_watched(
    okx: Okx, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def picky(_: object) -> None:
        msg = "okx watchMyTrades() requires a symbol argument"
        raise errors.ArgumentsRequired(msg)

    monkeypatch.setattr(streamer_of("okx"), "watch_my_trades", picky, raising=False)
    opened = open_stream(okx, listener)
    listener.await_that(lambda: okx.sockets and opened.state.status is StreamStatus.CONNECTED)
    okx.fill(okx.place(sz="1"), "1", "59000")
    listener.await_that(
        lambda: OrderStatus.FILLED in {r.status for r in listener.reports("OKX", "SPOT")}
    )
    assert listener.fills("OKX", "SPOT") == []
    assert opened.stop()
    assert opened.state.connections == 1


def test_silence_ends_a_connection(
    okx: Okx, listener: Listener, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.await_that(lambda: stream.state.last_ping_at)
    # as if OKX's pings, each 18 seconds, were not answered
    monkeypatch.setattr(streamer_of("okx"), "ping_interval", lambda _: 0.1)
    monkeypatch.setattr(stream, "_settings", replace(QUICK, silence_limit=0.2))
    listener.await_that(lambda: "silence" in {state.reason for state in listener.states})
    monkeypatch.undo()
    listener.await_that(lambda: stream.state.connections > 1 and okx.sockets)
    assert stream.state.status is StreamStatus.CONNECTED


def test_stopping_is_quick_and_final(okx: Okx, listener: Listener) -> None:
    opened = open_stream(okx, listener)
    listener.await_that(lambda: okx.sockets)
    assert opened.stop()
    assert opened.state.status is StreamStatus.DISCONNECTED
    okx.place(sz="1")
    assert listener.frames == []


def test_an_unreachable_exchange_is_tried_again_until_stopped(listener: Listener) -> None:
    with Okx() as gone:
        pass
    opened = open_stream(gone, listener)
    listener.await_that(
        lambda: sum(1 for s in listener.states if s.status is StreamStatus.ERROR) > 1
    )
    assert opened.stop()


def test_a_stream_ends_at_once_though_its_peer_does_not_answer(
    okx: Okx, listener: Listener
) -> None:
    opened = open_stream(okx, listener)
    listener.await_that(lambda: okx.sockets and opened.state.status is StreamStatus.CONNECTED)
    deaf, done = threading.Event(), threading.Event()

    async def hear_nothing() -> None:
        deaf.set()
        done.wait(5)

    asyncio.run_coroutine_threadsafe(hear_nothing(), okx._loop)
    assert deaf.wait(5)
    try:
        assert opened.stop(timeout=2)
    finally:
        done.set()


def streamer_at(okx: Okx) -> Any:
    client = rest_for(
        "OKX",
        "SPOT",
        credentials=KEYS,
        redis_url=os.environ["REDIS_URL"],
        base_url=okx.url,
    )
    return streamer_of("okx")(
        client.api,  # type: ignore[attr-defined]  # of the generic adapter
        ws_url=okx.ws_url,
        on_unreadable=print,
        on_stranger=print,
    )


def test_nothing_is_prolonged_after_the_end(okx: Okx) -> None:
    async def live() -> bool:
        streamer = streamer_at(okx)
        streamer.client(f"{okx.ws_url}/ws/v5/private")
        timer = streamer.delay(60_000, streamer.load_markets)
        await streamer.end()
        return bool(timer.cancelled())

    assert asyncio.run(live())


def test_a_refused_key_is_told_to_whoever_waits(okx: Okx) -> None:
    async def live() -> None:
        streamer = streamer_at(okx)

        def refuse(*_: object) -> None:
            raise errors.AuthenticationError

        client = streamer.client(f"{okx.ws_url}/ws/v5/private")
        client.on_message_callback = refuse
        waiting = client.future("authenticated")
        client.handle_text_or_binary_message("{}")
        assert isinstance(waiting.exception(), errors.AuthenticationError)
        await streamer.end()

    asyncio.run(live())
