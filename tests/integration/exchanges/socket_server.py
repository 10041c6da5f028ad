"""A WebSocket server that does what a test says: aiohttp, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Script = Callable[["SocketServer", web.WebSocketResponse], Awaitable[None]]


async def listen(server: SocketServer, socket: web.WebSocketResponse) -> None:
    """Stay open, answer pings, note pongs."""
    async for message in socket:
        if message.type is WSMsgType.PING:
            server.pings += 1
            await socket.pong(message.data)
        elif message.type is WSMsgType.PONG:
            server.ponged.set()


class SocketServer:
    """Runs `script` on each connection; the last one set wins."""

    def __init__(self, script: Script = listen) -> None:
        self.script = script
        self.sockets: list[web.WebSocketResponse] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.pings = 0
        self.ponged = asyncio.Event()
        #: clear while a connection is being accepted, which its client may see earlier than we do
        self._settled = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the server's loop and wait for it."""

        async def settled() -> None:
            await self._settled.wait()
            await work

        asyncio.run_coroutine_threadsafe(settled(), self._loop).result(10)

    def say(self, text: str) -> None:
        """Send a frame on the newest connection."""

        async def send() -> None:
            await self.sockets[-1].send_str(text)

        self.run(send())

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._accept)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._settled.set()

    async def _finish(self) -> None:
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        self._settled.clear()
        self.paths.append(request.path_qs)
        self.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.sockets.append(socket)
        self._settled.set()
        await self.script(self, socket)
        return socket
