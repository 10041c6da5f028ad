from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import exchanges.stream
from exchanges.errors import AuthenticationError, ListenKeyGone, TransientError
from exchanges.stream import PrivateStream
from exchanges.stream_credential import Door
from exchanges.stream_settings import StreamSettings
from exchanges.stream_state import StreamState, StreamStatus
from tests.integration.exchanges.socket_server import SocketServer, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from aiohttp import web

    from exchanges.connection import Connection
    from exchanges.messages import StreamGap

QUICK = StreamSettings(
    poll=0.05, ping_interval=0.1, silence_limit=0.5, backoff_base=0.01, backoff_cap=0.05
)
EXPIRED = b'{"e":"listenKeyExpired"'


class Recorder:
    """A handler that keeps everything, and lets a test wait for it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.gaps: list[StreamGap] = []
        self.states: list[StreamState] = []
        self._news: queue.Queue[None] = queue.Queue()

    def on_frame(self, raw: bytes, received_at: datetime) -> None:
        assert received_at.tzinfo is not None
        self.frames.append(raw)
        self._news.put(None)

    def on_gap(self, gap: StreamGap) -> None:
        self.gaps.append(gap)
        self._news.put(None)

    def on_state(self, state: StreamState) -> None:
        self.states.append(state)
        self._news.put(None)

    def wait(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            try:
                self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail("it did not come")


class Address:
    """A credential that is only an address; a test says how it fails."""

    def __init__(self, url: str) -> None:
        self.address = url
        self.refresh_after: float | None = None
        self.obtained = 0
        self.refreshed = 0
        self.trouble: list[Exception] = []
        self.still_ours: bool | Exception = True

    def door(self) -> Door:
        self.obtained += 1
        if self.trouble:
            raise self.trouble.pop(0)
        return Door(url=f"{self.address}/private/ws?key={self.obtained}")

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        del connection, timeout
        return ()

    def heartbeat(self) -> str | None:
        return None

    def refresh(self) -> bool:
        self.refreshed += 1
        if isinstance(self.still_ours, Exception):
            raise self.still_ours
        return self.still_ours

    def has_expired(self, raw: bytes) -> bool:
        return raw.startswith(EXPIRED)

    def is_ending(self, raw: bytes) -> bool:
        del raw
        return False


class Scene:
    """A server, a stream to it and a recorder."""

    def __init__(self, server: SocketServer) -> None:
        self.server = server
        self.credential = Address(server.url)
        self.recorder = Recorder()
        self._streams: list[PrivateStream] = []

    def stream(self, settings: StreamSettings = QUICK, **injected: Any) -> PrivateStream:
        made = PrivateStream(
            session_id="session-1",
            credential=self.credential,
            handler=self.recorder,
            settings=settings,
            **injected,
        )
        self._streams.append(made)
        return made

    def connected(self, settings: StreamSettings = QUICK) -> PrivateStream:
        stream = self.stream(settings)
        stream.start()
        self.recorder.wait(lambda: len(self.recorder.gaps) == 1)
        return stream

    def close(self) -> None:
        for stream in self._streams:
            assert stream.stop()


@pytest.fixture
def scene() -> Iterator[Scene]:
    with SocketServer() as server:
        made = Scene(server)
        yield made
        made.close()


def is_now(scene: Scene, status: StreamStatus) -> bool:
    return statuses(scene)[-1:] == [status]


def statuses(scene: Scene) -> list[StreamStatus]:
    return [state.status for state in scene.recorder.states]


def test_a_connection_is_told_as_a_gap_and_frames_as_they_came(scene: Scene) -> None:
    stream = scene.connected()

    scene.server.say('{"e":"한글"}')
    scene.recorder.wait(lambda: len(scene.recorder.frames) == 1)

    assert scene.recorder.frames == ['{"e":"한글"}'.encode()]
    assert statuses(scene) == [StreamStatus.CONNECTING, StreamStatus.CONNECTED]
    assert scene.recorder.gaps[0].session_id == "session-1"
    assert (stream.state.frames, stream.state.reconnects) == (1, 0)
    assert stream.state.last_event_at is not None


def test_the_handshake_carries_no_origin(scene: Scene) -> None:
    scene.connected()

    assert "Origin" not in scene.server.headers[0]


def test_proxies_of_the_environment_are_not_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    scene.connected()

    assert len(scene.server.paths) == 1


def test_a_closed_connection_is_made_again_with_a_new_credential(scene: Scene) -> None:
    stream = scene.connected()

    scene.server.run(_close(scene.server))
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

    assert scene.server.paths == ["/private/ws?key=1", "/private/ws?key=2"]
    assert statuses(scene)[2] is StreamStatus.DISCONNECTED
    assert scene.recorder.states[2].reason == "closed by the exchange with code 1001"
    assert stream.state.reconnects == 1


def test_an_aborted_connection_is_made_again(scene: Scene) -> None:
    scene.connected()

    scene.server.run(_abort(scene.server))

    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)


def test_a_half_open_connection_is_found_by_its_silence() -> None:
    async def play_dead(_server: SocketServer, _socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(30)

    with SocketServer(play_dead) as server:
        scene = Scene(server)
        started = time.monotonic()
        scene.connected()
        scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

        assert 0.5 <= time.monotonic() - started < 2
        assert scene.recorder.states[2].reason == "silence"
        scene.close()


def test_a_quiet_account_is_no_silence_while_pongs_come(scene: Scene) -> None:
    stream = scene.connected()
    first_ping = stream.state.last_ping_at

    deadline = time.monotonic() + 5
    while scene.server.pings < 8 and time.monotonic() < deadline:
        time.sleep(0.05)

    state = stream.state
    assert scene.server.pings >= 8
    assert state.reconnects == 0
    assert state.last_event_at is None
    assert state.last_ping_at is not None
    assert first_ping is not None
    assert state.last_ping_at > first_ping


def test_a_pong_is_not_delayed_by_thousands_of_frames(scene: Scene) -> None:
    scene.connected(StreamSettings(poll=0.05))
    frames, rounds = 1000, 5

    async def flood() -> list[float]:
        made = asyncio.get_running_loop().time
        waits = []
        for _ in range(rounds):
            for _ in range(frames):
                await scene.server.sockets[0].send_str("x" * 600)
            scene.server.ponged.clear()
            before = made()
            await scene.server.sockets[0].ping(b"p")
            await scene.server.ponged.wait()
            waits.append(made() - before)
        return waits

    waits: list[float] = []

    async def measure() -> None:
        waits.extend(await flood())

    scene.server.run(measure())
    scene.recorder.wait(lambda: len(scene.recorder.frames) == frames * rounds)

    assert max(waits) < 1


def test_an_expired_credential_is_replaced_at_once(scene: Scene) -> None:
    patient = StreamSettings(poll=0.05, backoff_base=30, backoff_cap=60)
    scene.connected(patient)

    scene.server.say(EXPIRED.decode() + "}")
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2, seconds=2)

    assert scene.credential.obtained == 2
    assert len(scene.recorder.frames) == 1


def test_a_credential_that_expires_again_and_again_is_no_reason_to_hurry(scene: Scene) -> None:
    patient = StreamSettings(poll=0.05, backoff_base=30, backoff_cap=60)
    scene.connected(patient)
    scene.server.say(EXPIRED.decode() + "}")
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

    scene.server.say(EXPIRED.decode() + "}")
    scene.recorder.wait(lambda: is_now(scene, StreamStatus.DISCONNECTED))

    assert scene.credential.obtained == 2


def test_who_asks_gets_a_new_connection_with_a_new_credential(scene: Scene) -> None:
    stream = scene.connected()

    stream.request_reconnect("REST found a fill first")
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

    assert scene.recorder.states[2].reason == "REST found a fill first"
    assert scene.credential.obtained == 2


@pytest.mark.parametrize("gone", [ListenKeyGone("gone"), False])
def test_a_credential_that_cannot_be_prolonged_is_replaced(
    scene: Scene, *, gone: Exception | bool
) -> None:
    scene.credential.refresh_after = 0.1
    scene.credential.still_ours = gone
    scene.connected()

    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)


def test_a_credential_that_could_not_be_asked_about_is_kept(scene: Scene) -> None:
    scene.credential.refresh_after = 0.1
    scene.credential.still_ours = TransientError("down")
    stream = scene.connected()

    deadline = time.monotonic() + 5
    while scene.credential.refreshed < 3 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert scene.credential.refreshed >= 3
    assert stream.state.reconnects == 0


def test_an_old_connection_is_left_only_when_the_next_one_stands(scene: Scene) -> None:
    ageing = StreamSettings(poll=0.05, lifetime=0.3, overlap=2)
    scene.connected(ageing)
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

    assert statuses(scene) == [
        StreamStatus.CONNECTING,
        StreamStatus.CONNECTED,
        StreamStatus.CONNECTED,
    ]
    scene.server.say("{}")
    scene.recorder.wait(lambda: len(scene.recorder.frames) == 1)


def test_what_was_said_to_both_connections_while_changing_over_is_heard(scene: Scene) -> None:
    async def greet_twice(server: SocketServer, socket: web.WebSocketResponse) -> None:
        if len(server.sockets) == 2:
            for each in server.sockets:
                await each.send_str('{"said":"once"}')
        await listen(server, socket)

    scene.server.script = greet_twice
    scene.connected(StreamSettings(poll=0.05, lifetime=0.2))

    scene.recorder.wait(lambda: len(scene.recorder.frames) == 2)
    assert set(scene.recorder.frames) == {b'{"said":"once"}'}


def test_a_handler_s_fault_does_not_cost_the_connection(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    stream = scene.connected()
    kept = scene.recorder.on_frame

    def fail_once(raw: bytes, received_at: datetime) -> None:
        kept(raw, received_at)
        scene.recorder.on_frame = kept  # type: ignore[method-assign]
        raise ValueError(raw)

    scene.recorder.on_frame = fail_once  # type: ignore[method-assign]
    for _ in range(2):
        scene.server.say("{}")
    scene.recorder.wait(lambda: len(scene.recorder.frames) == 2)

    assert stream.state.reconnects == 0
    assert "stream.handler_failed" in caplog.text


def test_a_stream_stops_at_once_while_connected(scene: Scene) -> None:
    stream = scene.connected(StreamSettings(poll=10))
    started = time.monotonic()

    assert stream.stop()

    assert time.monotonic() - started < 0.2
    assert statuses(scene)[-1] is StreamStatus.DISCONNECTED
    assert scene.recorder.states[-1].reason == "stopped"


def test_a_stream_stops_at_once_while_it_waits(scene: Scene) -> None:
    scene.credential.trouble = [TransientError("down", retry_after=600)]
    stream = scene.stream()
    stream.start()
    scene.recorder.wait(lambda: is_now(scene, StreamStatus.ERROR))
    started = time.monotonic()

    assert stream.stop()

    assert time.monotonic() - started < 0.2


def test_a_stream_that_is_being_connected_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        scene = Scene(SocketServer())
        scene.credential.address = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        stream = scene.stream(StreamSettings(connect_timeout=0.5))
        stream.start()
        scene.recorder.wait(lambda: bool(scene.recorder.states))

        assert not stream.stop(timeout=0.01)
        assert stream.stop(timeout=5)
        assert scene.recorder.gaps == []
        scene.server._loop.close()


def test_a_refused_key_is_not_tried_again_and_again(scene: Scene) -> None:
    scene.credential.trouble = [AuthenticationError("HTTP 401 -2015")] * 9
    stream = scene.stream(StreamSettings(backoff_base=0.01, backoff_cap=30))
    stream.start()

    scene.recorder.wait(lambda: is_now(scene, StreamStatus.ERROR))

    assert scene.recorder.states[-1].reason == "HTTP 401 -2015"
    assert not threading.Event().wait(0.2)
    assert scene.credential.obtained == 1


def test_after_a_refusal_not_all_streams_come_back_at_the_same_moment(scene: Scene) -> None:
    refused = exchanges.stream._failed(TransientError("refused"), at_least=30.0)
    waits = {scene.stream()._pause(refused, 0.0) for _ in range(5)}

    assert min(waits) > 30
    assert len(waits) > 1


def test_a_refused_handshake_is_told_by_its_status(scene: Scene) -> None:
    scene.credential.address = scene.server.url + "/%2e%2e/\x7f"
    scene.stream().start()

    scene.recorder.wait(lambda: statuses(scene).count(StreamStatus.ERROR) >= 2)

    assert "handshake refused" in scene.recorder.states[1].reason


def test_a_frame_beyond_the_limit_ends_the_connection(scene: Scene) -> None:
    stream = scene.connected()

    with contextlib.suppress(ConnectionError):
        scene.server.say("x" * (2 << 20))
    scene.recorder.wait(lambda: len(scene.recorder.gaps) == 2)

    assert scene.recorder.frames == []
    assert stream.state.reconnects == 1


def test_rest_may_prove_that_nothing_was_missed(scene: Scene) -> None:
    stream = scene.connected()

    stream.prove_alive()

    assert stream.state.proven_at is not None


def test_the_log_has_the_words_people_look_for(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene.connected()

    assert "WebSocket connected" in caplog.text
    assert "key=1" not in caplog.text


async def _close(server: SocketServer) -> None:
    await server.sockets[0].close(code=1001)


async def _abort(server: SocketServer) -> None:
    request = server.sockets[0]._req
    transport = request.transport if request else None
    assert transport is not None
    transport.abort()


class Slow(Address):
    """A credential that hears of something while it greets, and is told when to go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.greets, self.may_go_on = threading.Event(), threading.Event()

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        del connection
        self.greets.set()
        assert self.may_go_on.wait(timeout)
        return (b"a fill",)


def test_after_a_stop_nothing_is_handed_over_that_came_with_the_answers(scene: Scene) -> None:
    scene.credential = slow = Slow(scene.server.url)
    stream = scene.stream()
    stream.start()
    assert slow.greets.wait(5)

    stream.stop(timeout=0)
    slow.may_go_on.set()

    assert stream.stop()
    assert scene.recorder.frames == []
