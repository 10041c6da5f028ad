"""The naive variant's reader, a process: private streams, and a task for each fill they tell."""

from __future__ import annotations

import signal
import sys
import threading
import uuid
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.messages import StreamGap
    from exchanges.stream_state import StreamState
    from tracking.models import ExchangeAccount

READY = "connected"


class Reader:
    """One account's stream."""

    def __init__(self, account: ExchangeAccount) -> None:
        """Not connected yet."""
        self._account = account
        self.is_connected = threading.Event()

    def on_frame(self, raw: bytes, received_at: datetime) -> None:
        """Publish a task if the frame tells of a fill."""
        from bench.naive import book_fill, fill_in  # noqa: PLC0415 - after django.setup()

        del received_at
        if fill_in(self._account, raw):
            book_fill.delay(account_id=self._account.pk, raw=raw.decode())

    def on_gap(self, gap: StreamGap) -> None:
        """Note that it is connected; the naive variant reconciles nothing."""
        del gap
        self.is_connected.set()

    def on_state(self, state: StreamState) -> None:
        """Tell the output."""
        print(state.status, state.reason, file=sys.stderr)


def main(account_ids: list[int]) -> None:
    """Stream these accounts until SIGTERM."""
    django.setup()
    from exchanges import registry  # noqa: PLC0415
    from tracking.models import ExchangeAccount  # noqa: PLC0415
    from tracking.services import clients  # noqa: PLC0415

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    readers, streams = [], []
    for account in ExchangeAccount.objects.filter(pk__in=account_ids):
        reader = Reader(account)
        url = clients.base_url(account)
        stream = registry.stream_for(
            account.exchange,
            account.market_type,
            session_id=str(uuid.uuid4()),
            credentials=clients.credentials(account),
            client=clients.rest_client(account),
            handler=reader,
            base_url=url.replace("http", "ws", 1) if url else None,
        )
        stream.start()
        readers.append(reader)
        streams.append(stream)
    stopped.wait()
    for stream in streams:
        stream.stop()


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
