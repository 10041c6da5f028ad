"""A small exchange for the generic adapter's tests: REST and sockets of aiohttp in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Coroutine

    Json = dict[str, Any]

DATA = Path(__file__).parents[2] / "data"


def sample(name: str) -> Any:
    """Read one of the messages an exchange's documentation shows."""
    return json.loads((DATA / name).read_text())


class LocalExchange:
    """Answers what a subclass says; remembers what it was asked; pushes what a test says."""

    def __init__(self) -> None:
        #: (method, path, parameters) of every request
        self.asked: list[tuple[str, str, Json]] = []
        #: path -> what is answered there instead, once
        self.instead: dict[str, list[tuple[int, str]]] = {}
        self.sockets: list[web.WebSocketResponse] = []
        #: told by the client on a socket
        self.told: list[Json] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._lock = threading.RLock()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_error: object) -> None:
        self.run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something on the server's loop and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def push_soon(self, message: Json) -> None:
        """Tell every listener, from any thread, without waiting."""
        text = json.dumps(message)

        async def send() -> None:
            for socket in self.sockets:
                await socket.send_str(text)

        asyncio.run_coroutine_threadsafe(send(), self._loop)

    def drop(self) -> None:
        """End every connection without a word."""

        async def end() -> None:
            for socket in list(self.sockets):
                transport = socket._req.transport if socket._req else None
                if transport is not None:
                    transport.abort()

        self.run(end())

    def answer(self, method: str, path: str, parameters: Json, request: web.Request) -> Json:
        """Answer a request; by the subclass."""
        raise NotImplementedError

    def reply(self, message: Json) -> list[Json]:
        """Answer what was said on a socket; by the subclass."""
        raise NotImplementedError

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._accept)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._listen(request)
        text = await request.text()
        parameters: Json = dict(request.query)
        if text.startswith(("{", "[")):
            body = json.loads(text)
            parameters |= body[0] if isinstance(body, list) else body
        else:
            parameters |= dict(await request.post())
        self.asked.append((request.method, request.path, parameters))
        if queue := self.instead.get(request.path):
            status, said = queue.pop(0)
            return web.Response(status=status, text=said, content_type="application/json")
        with self._lock:
            return web.json_response(self.answer(request.method, request.path, parameters, request))

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._heard(socket, message.data)
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
        return socket

    async def _heard(self, socket: web.WebSocketResponse, text: str) -> None:
        if text == "ping":
            await socket.send_str("pong")
            return
        message = json.loads(text)
        self.told.append(message)
        for said in self.reply(message):
            await socket.send_str(json.dumps(said))
            if said.get("event") == "subscribe" or said.get("method") == "subscribe":
                self.sockets.append(socket)
