"""The private stream against a Bybit: what keeps it alive, and what that is worth."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from exchanges.credentials import Credentials
from exchanges.messages import MarketType
from exchanges.registry import rest_for, stream_for
from exchanges.simulator.thread import SimulatorThread
from exchanges.stream_settings import StreamSettings
from exchanges.stream_state import StreamStatus
from tests.integration.exchanges.test_stream import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.streams import Stream

KEY = "stream" * 6
#: silence is noticed soon, and pings come sooner
SETTINGS = StreamSettings(poll=0.02, ping_interval=0.1, silence_limit=0.5)


@pytest.fixture(scope="module")
def bybit() -> Iterator[SimulatorThread]:
    with SimulatorThread(houses=[("BYBIT", "FUTURES")]) as running:
        running.house("BYBIT", "FUTURES").account(KEY, "secret")
        yield running


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def stream(bybit: SimulatorThread, recorder: Recorder) -> Iterator[Stream]:
    credentials = Credentials(api_key=KEY, api_secret="secret")
    client = rest_for(
        "BYBIT",
        MarketType.FUTURES,
        credentials=credentials,
        redis_url=os.environ["REDIS_URL"],
        base_url=bybit.url,
        egress_ip="bybit-stream",
    )
    made = stream_for(
        "BYBIT",
        MarketType.FUTURES,
        session_id="bybit",
        credentials=credentials,
        client=client,
        handler=recorder,
        base_url=bybit.url.replace("http://", "ws://"),
        settings=SETTINGS,
    )
    made.start()
    recorder.wait(lambda: len(recorder.gaps) == 1)
    yield made
    assert made.stop()


def test_pongs_keep_a_quiet_stream_and_are_no_events(stream: Stream, recorder: Recorder) -> None:
    def is_disturbed() -> bool:
        return bool(recorder.frames) or stream.state.connections > 1

    with pytest.raises(pytest.fail.Exception, match="it did not come"):
        recorder.wait(is_disturbed, 2 * SETTINGS.silence_limit)

    state = stream.state
    assert (state.status, state.last_event_at) == (StreamStatus.CONNECTED, None)
    assert state.last_ping_at is not None
    assert state.connected_at is not None
    assert (state.last_ping_at - state.connected_at).total_seconds() > SETTINGS.silence_limit
