"""
A proxy between a client and a simulated exchange: what it counts is what was on the wire.

Every submission of an order is counted as it arrives from the client, before anything else happens
to it, and may then be lost in three ways: it never reaches the exchange; it does, and the client is
cut off while the exchange acts; the exchange has answered, and the answer is lost. Which ones are
lost is drawn from a seed. WebSockets are passed on untouched.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HEAD_END: Final = b"\r\n\r\n"
#: what places orders, by the end of its path
SUBMITS: Final = (
    "/order",
    "/algoOrder",
    "/batchOrders",
    "/order/create",
    "/order/create-batch",
    "/v1/orders",
)
NAMED: Final = re.compile(
    r"\b(?:newClientOrderId|clientAlgoId|orderLinkId|identifier)\b[\"'=:\s]+([\w.:/-]+)"
)
CHUNK: Final = 65536
ENDS: Final = (
    OSError,
    asyncio.CancelledError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
)


class Loss(Enum):
    """What may become of a submission."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class Submission(NamedTuple):
    """One order on the wire."""

    client_order_id: str
    #: by `time.time()`
    arrived_at: float


@dataclass(slots=True)
class Plan:
    """Which submissions are lost, and how: the shares of each kind."""

    shares: dict[Loss, float] = field(default_factory=dict)
    chance: Random = field(default_factory=lambda: Random(0))

    def draw(self) -> Loss | None:
        """Decide about one submission."""
        point = self.chance.random()
        for loss, share in self.shares.items():
            point -= share
            if point < 0:
                return loss
        return None


class Message(NamedTuple):
    """One HTTP request or answer."""

    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """Read a header; "" if there is none."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return ""

    @property
    def submitted(self) -> list[str]:
        """Name the orders this request places."""
        method, target, _ = self.head.decode("latin-1").split(" ", 2)
        path, _, query = target.partition("?")
        if method != "POST" or not path.endswith(SUBMITS):
            return []
        return NAMED.findall(unquote_plus(f"{query}&{self.body.decode('utf-8', 'replace')}"))


class WireTap:
    """Runs in a thread of its own between `with` and its end."""

    def __init__(
        self,
        upstream: str,
        *,
        plan: Plan | None = None,
        on_submission: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_submission` is called, in the tap's thread, with each id before it goes on."""
        self._upstream = urlsplit(upstream)
        self.plan = plan or Plan()
        self._on_submission = on_submission
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wiretap", daemon=True)
        self._is_up = threading.Event()
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self.submissions: list[Submission] = []
        self.losses: Counter[Loss] = Counter()
        self.url = ""

    def __enter__(self) -> Self:
        """Listen on a free port of loopback."""
        self._thread.start()
        self._is_up.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection and stop."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    @property
    def ws_url(self) -> str:
        """Where WebSockets connect to."""
        return self.url.replace("http", "ws", 1)

    def counts(self) -> Counter[str]:
        """Count the submissions of each client order id."""
        return Counter(submission.client_order_id for submission in list(self.submissions))

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._is_up.set()
        await self._stopping.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.ensure_future(self._converse(reader, writer))
        self._connections.add(conversation)
        try:
            # an end is an end, our own stop too
            with suppress(*ENDS):
                await conversation
        finally:
            self._connections.discard(conversation)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._upstream.hostname, self._upstream.port
        far_reader, far_writer = await asyncio.open_connection(host, port)
        try:
            while True:
                request = await read(reader)
                if request.header("upgrade"):
                    far_writer.write(request.head + request.body)
                    await relay(reader, writer, far_reader, far_writer)
                    return
                loss = self._note(request)
                if loss is not Loss.BEFORE:
                    far_writer.write(request.head + request.body)
                    await far_writer.drain()
                answer = None if loss in {Loss.BEFORE, Loss.DURING} else await read(far_reader)
                if answer is None or loss is not None:
                    return
                writer.write(answer.head + answer.body)
                await writer.drain()
        finally:
            # what was written is still delivered
            far_writer.close()

    def _note(self, request: Message) -> Loss | None:
        names = request.submitted
        for name in names:
            self.submissions.append(Submission(name, time.time()))
            self._on_submission(name)
        loss = self.plan.draw() if names else None
        if loss is not None:
            self.losses[loss] += 1
        return loss


async def read(reader: asyncio.StreamReader) -> Message:
    """Read one message. Raises IncompleteReadError at the end."""
    head = await reader.readuntil(HEAD_END)
    message = Message(head, b"")
    if message.header("transfer-encoding").lower() == "chunked":
        return Message(head, await _chunks(reader))
    length = int(message.header("content-length") or 0)
    return Message(head, await reader.readexactly(length) if length else b"")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body, as it is."""
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size, 16) + 2)
        body += size + chunk
        if int(size, 16) == 0:
            return body


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Pass bytes on in both directions until either side ends."""
    ways = {
        asyncio.ensure_future(_pump(reader, far_writer)),
        asyncio.ensure_future(_pump(far_reader, writer)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
