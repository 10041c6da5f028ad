from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.listen_key import ListenKey
from exchanges.messages import (
    CredentialExpired,
    HoldingsChanged,
    MarketType,
    OrderReport,
    OrderType,
    Side,
    Source,
    TradeHint,
)
from exchanges.questions import NewOrder, OrderRef
from exchanges.registry import adapter, parse, stream_for
from exchanges.stream import PrivateStream
from exchanges.stream_settings import StreamSettings
from tests.integration.exchanges.conftest import keyed
from tests.integration.exchanges.test_stream import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.credentials import Credentials
    from exchanges.messages import Message
    from exchanges.rest import RestClient
    from exchanges.simulator.thread import SimulatorThread
    from exchanges.streams import Stream

QUICK = StreamSettings(poll=0.05, backoff_base=0.01, backoff_cap=0.05)
MARKET_ORDER = NewOrder(
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    client_order_id="ota1",
    side=Side.BUY,
    order_type=OrderType.MARKET,
    quantity=Decimal("0.020"),
)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def stream(
    client: RestClient,
    credentials: Credentials,
    simulator: SimulatorThread,
    recorder: Recorder,
) -> Iterator[Stream]:
    simulator.configure(strict_events=True)
    made = stream_for(
        "BINANCE",
        "FUTURES",
        session_id="s",
        credentials=credentials,
        client=client,
        handler=recorder,
        base_url=simulator.ws_url,
        settings=QUICK,
    )
    made.start()
    recorder.wait(lambda: len(recorder.gaps) == 1)
    yield made
    assert made.stop()


def heard(recorder: Recorder) -> list[Message]:
    return [
        message for raw in list(recorder.frames) for message in parse("BINANCE", "FUTURES", raw)
    ]


def of_kind(recorder: Recorder, kind: type[Message]) -> list[Message]:
    return [message for message in heard(recorder) if isinstance(message, kind)]


def fills(recorder: Recorder) -> list[OrderReport]:
    return [
        message
        for message in heard(recorder)
        if isinstance(message, OrderReport) and message.execution
    ]


def test_every_event_of_a_trade_is_heard_and_agrees_with_rest(
    stream: Stream, client: RestClient, recorder: Recorder
) -> None:
    placed = client.place_order(MARKET_ORDER)
    recorder.wait(
        lambda: (
            sum(
                report.execution.execution_quantity
                for report in fills(recorder)
                if report.execution
            )
            == Decimal("0.020")
        )
    )

    told = [
        replace(report.execution, source=Source.WS)
        for report in fills(recorder)
        if report.execution
    ]
    asked = client.verify_orders([_ref(placed.exchange_order_id)], want_trades=True).executions
    assert told == [replace(execution, source=Source.WS) for execution in asked]
    assert of_kind(recorder, TradeHint)
    assert of_kind(recorder, HoldingsChanged)
    assert stream.state.frames == len(recorder.frames)


def test_an_announced_expiry_brings_a_new_key_at_once(
    stream: Stream,
    simulator: SimulatorThread,
    credentials: Credentials,
    client: RestClient,
    recorder: Recorder,
) -> None:
    simulator.faults(account=credentials.api_key, expire_listen_key=True)
    recorder.wait(lambda: len(recorder.gaps) == 2, seconds=2)

    client.place_order(MARKET_ORDER)
    recorder.wait(lambda: bool(fills(recorder)))
    assert of_kind(recorder, CredentialExpired)
    assert stream.state.reconnects == 1


def test_a_silent_expiry_is_found_when_the_key_is_extended(
    simulator: SimulatorThread,
    credentials: Credentials,
    client: RestClient,
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    half_hour = adapter("BINANCE").credential_refresh
    key = ListenKey(keyed(client), refresh_after=half_hour, base_url=simulator.ws_url)
    key.refresh_after = 0.2
    stream = PrivateStream(session_id="s", credential=key, handler=recorder, settings=QUICK)
    stream.start()
    recorder.wait(lambda: len(recorder.gaps) == 1)

    simulator.faults(account=credentials.api_key, expire_listen_key="silent")
    recorder.wait(lambda: len(recorder.gaps) == 2)

    assert recorder.states[2].reason == "credential gone"
    assert "listen_key.refresh_failed" in caplog.text
    assert stream.stop()


def test_no_key_is_logged(
    stream: Stream, client: RestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream.request_reconnect("again")
    key = keyed(client).extend_listen_key()
    assert stream.stop()

    assert "WebSocket" in caplog.text
    assert key not in caplog.text


def test_a_client_id_that_reads_like_an_expiry_is_none(client: RestClient) -> None:
    key = ListenKey(keyed(client), refresh_after=None)

    assert not key.has_expired(b'{"e":"TRADE_LITE","s":"X","i":1,"c":"listenKeyExpired"}')
    assert not key.has_expired(b'listenKeyExpired"')
    assert key.has_expired(b'{"e":"listenKeyExpired","E":1736996475556,"listenKey":"x"}')


def _ref(exchange_order_id: str) -> OrderRef:
    return OrderRef(
        market_type=MarketType.FUTURES, symbol_id="BTCUSDT", exchange_order_id=exchange_order_id
    )


def test_each_market_type_has_a_host_and_a_form_of_its_own(client: RestClient) -> None:
    usd = ListenKey(keyed(client), refresh_after=None).door().url
    coin = ListenKey(keyed(client), refresh_after=None, market_type=MarketType.COIN_FUTURES).door()

    key = keyed(client).create_listen_key()
    assert usd.startswith(f"wss://fstream.binance.com/private/ws?listenKey={key}&events=")
    assert coin.url == f"wss://dstream.binance.com/ws/{key}"
    assert key not in repr(coin)


def test_no_key_is_ever_deleted(client: RestClient, stream: Stream) -> None:
    assert stream.stop()

    assert not any(name.startswith("delete") for name in dir(keyed(client)))
