"""`manage.py run_streams`: the long-lived worker that keeps the private streams."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from tracking.management.streams.supervisor import StreamSupervisor
from tracking.tasks import process_stream_events, sync_open_orders

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


def _wake(account_id: int) -> None:
    process_stream_events.delay(account_id=account_id)


def _wake_sync(account_id: int) -> None:
    sync_open_orders.delay(account_id=account_id)


class Command(BaseCommand):
    """Take accounts by lease, stream them, write their frames to the inbox."""

    help = "Keep the private streams of as many accounts as this process can lease."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--most` and `--once`."""
        parser.add_argument("--most", type=int, default=500, help="accounts to hold at most")
        parser.add_argument(
            "--once", action="store_true", help="do one step and stop (tests, cron)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        supervisor = StreamSupervisor(
            owner,
            wake=_wake,
            wake_sync=_wake_sync,
            most=options["most"],
        )
        if options["once"]:
            supervisor.start()
            supervisor.step()
            supervisor.stop()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.request_stop())
        supervisor.run()
