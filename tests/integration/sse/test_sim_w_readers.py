"""SIM-W: readers that do not read slow nobody, and what was rolled back is never told.

SIM-W2, reconnecting with the last event's id, is `test_replay.py`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

import pytest

from exchanges.messages import MarketType, OrderStatus
from tests.factories import ExchangeAccountFactory, journal, numbered_events
from tests.integration.sse.conftest import session_headers
from tests.integration.sse.reader import Reader
from tests.scenarios.told import tell
from tests.unit.tracking.domain.builders import a_fill, a_report
from tracking.models import EventKind, OrderEvent, StrategyPosition, TradeExecution
from tracking.services import event_emitter, payloads
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import WebServer
    from tracking.models import ExchangeAccount

USERS, STREAMS, EVENTS = 40, 5, 4
#: more than the buffers of a socket hold, times EVENTS
LARGE: payloads.Payload = {"text": "x" * 60_000}


def emitted(accounts: list[ExchangeAccount]) -> float:
    """Tell every user something; give the middle time that took, in seconds."""
    took = []
    for account in accounts:
        began = time.perf_counter()
        last = journal(account, [(EventKind.SESSION, LARGE)])
        publish_events({account.user_id: last})
        took.append(time.perf_counter() - began)
    return median(took)


def test_sim_w1_twenty_of_two_hundred_readers_that_never_read_slow_nobody(web: WebServer) -> None:
    accounts = ExchangeAccountFactory.create_batch(USERS)
    alone = min(emitted(accounts) for _ in range(3))
    with ExitStack() as stack:
        readers = []
        for number, account in enumerate(accounts):
            headers = session_headers(account.user)
            if number % 2:
                stuck = Reader(web.port, headers=headers, receive_buffer=4096)
                stack.callback(stuck.close)
            for _ in range(STREAMS - number % 2):
                reader = Reader(web.port, headers=headers)
                stack.callback(reader.close)
                reader.next()
                readers.append(reader)

        crowded = min(emitted(accounts) for _ in range(EVENTS))

        for reader in readers:
            assert [event.seq for event in reader.take(EVENTS)] == list(range(4, 4 + EVENTS))
    assert len(readers) == USERS * STREAMS - USERS // 2
    assert crowded < 3 * alone + 0.01


def test_sim_w3_a_fill_that_was_rolled_back_is_never_told(
    open_stream: Callable[..., Reader],
    account: ExchangeAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = open_stream()
    stream.next()
    said = (
        a_report(OrderStatus.FILLED, "1", quantity=a_fill().execution_quantity),
        a_fill("1", "1", market_type=MarketType.FUTURES),
    )

    def fail(*_args: object, **_named: object) -> None:
        # everything is written by now, and its transaction is not committed
        assert OrderEvent.objects.exists()
        assert TradeExecution.objects.exists()
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(event_emitter, "_report", lambda *_: pytest.fail("told before it was so"))
        broken.setattr("django.db.transaction.set_rollback", fail)
        with pytest.raises(RuntimeError):
            tell(account, *said, symbol="BTC/USDT:USDT")
    assert not OrderEvent.objects.exists()
    assert not TradeExecution.objects.exists()
    journal(account, numbered_events(1))
    first = stream.take(1)[0]

    tell(account, *said, symbol="BTC/USDT:USDT")

    told = stream.take(OrderEvent.objects.count() - 1)
    assert (first.kind, first.seq) == ("session", 1)
    assert [event.seq for event in told] == list(range(2, 2 + len(told)))
    assert [event.kind for event in told].count("execution") == 1
    assert StrategyPosition.objects.get().quantity == 1
