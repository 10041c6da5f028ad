"""
The bytes of the stream, in django-eventstream's encoding.

An `id:` is a promise that everything up to it was delivered, so only journal events and the two
frames that set a position (`stream-open`, `stream-reset`) carry one. `stream-dropped` does not: a
client that reconnects after it gets the dropped events after all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django_eventstream.utils import sse_encode_event

if TYPE_CHECKING:
    from tracking.models import OrderEvent
    from tracking.services.payloads import Payload

#: some proxies and browsers hold back the first 2 kB of a response
PADDING = b":" + b" " * 2048 + b"\n\n"


def _frame(kind: str, payload: Payload, seq: int | None = None) -> bytes:
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    # as text, because the number 0 is taken for "no id"
    return str(sse_encode_event(kind, data, event_id=None if seq is None else str(seq))).encode()


def event(row: OrderEvent) -> bytes:
    """Write a journal row."""
    return _frame(row.kind, row.payload, row.seq)


def opened(seq: int) -> bytes:
    """Write the first frame: the stream goes on after `seq`."""
    return PADDING + b"retry: 1000\n" + _frame("stream-open", {"seq": seq}, seq)


def reset(seq: int) -> bytes:
    """Write that what was asked for is gone: read everything again, the stream is at `seq`."""
    return _frame("stream-reset", {"seq": seq}, seq)


def dropped(first: int, last: int) -> bytes:
    """Write that events `first` to `last` did not fit into the client's queue."""
    return _frame("stream-dropped", {"from": first, "to": last})


def keep_alive(seq: int) -> bytes:
    """Write a sign of life that scripts can see, unlike a comment."""
    return _frame("keep-alive", {"seq": seq})
