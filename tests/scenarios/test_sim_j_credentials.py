"""SIM-J: listen keys that end, announced or not, twice, and API keys that are taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import AuthenticationError
from tests.integration.streams.test_supervisor import is_connected, session
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    executions,
    hear,
    place,
    quiesce,
    requests,
    sync,
    trade_ids,
    verify,
)
from tests.scenarios.streaming import (
    QUICK,
    assert_caught_up,
    catch_up,
    connected_worker,
    fill_unheard,
    has_reconnected,
    is_disconnected,
    stop_tidily,
)
from tracking.models import ExchangeAccount
from tracking.services.listen_keys import refresh_listen_key
from tracking.services.order_tracking import accounts_to_sync, sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.services.conftest import Exchange
    from tests.integration.streams.test_supervisor import Worker

EXPIRED = '{"e":"listenKeyExpired","E":1779367929402,"listenKey":"whatever"}'
#: as patient after a refusal as in production
PATIENT = replace(QUICK, backoff_cap=60.0)


@pytest.fixture
def worker(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    made = connected_worker(exchange, monkeypatch, PATIENT)
    yield made
    stop_tidily(made)


def test_sim_j1_a_key_that_ends_with_a_word_is_replaced_at_once_and_no_fill_is_lost(
    exchange: Exchange, worker: Worker
) -> None:
    mine = {"account": exchange.key}
    exchange.simulator.faults(**mine, refuse_connect=True, expire_listen_key=True)
    worker.step_until(is_disconnected)
    order_id = fill_unheard(exchange)
    exchange.simulator.faults(**mine, refuse_connect=False)

    catch_up(exchange, worker)

    assert_caught_up(exchange, worker, order_id)


def test_sim_j1_a_key_that_ends_without_a_word_is_found_when_it_is_extended(
    exchange: Exchange, worker: Worker
) -> None:
    exchange.simulator.faults(account=exchange.key, expire_listen_key="silent")
    order_id = fill_unheard(exchange)
    assert session().status == "connected"

    assert not refresh_listen_key(exchange.account.pk)

    catch_up(exchange, worker)
    assert_caught_up(exchange, worker, order_id)
    assert refresh_listen_key(exchange.account.pk)


def test_sim_j2_a_revoked_key_stops_everything_with_an_alarm_and_is_not_tried_again(
    exchange: Exchange, worker: Worker
) -> None:
    simulator, account_id = exchange.simulator, exchange.account.pk
    keys_asked = requests(simulator)["POST listenKey"]
    simulator.faults(account=exchange.key, invalid_key=True, disconnect="abort")
    fill_unheard(exchange)
    worker.step_until(lambda: "-2015" in session().end_reason)
    with pytest.raises(AuthenticationError):
        sync_open_orders(account_id, force=True)

    exchange.account.refresh_from_db()
    assert exchange.account.state == "AUTH_FAILED"
    assert "-2015" in exchange.account.state_reason
    assert anomalies() == ["AUTH_FAILED"]
    worker.supervisor._next_lease = 0
    worker.step_until(lambda: not worker.supervisor.streams)
    assert session().ended_at is not None
    assert requests(simulator)["POST listenKey"] == keys_asked + 1

    asked = requests(simulator)
    for _ in range(5):
        worker.supervisor._next_lease = worker.supervisor._fallback._next_look = 0
        worker.supervisor.step()
        hear(exchange)
        verify(exchange)
        assert accounts_to_sync() == []
        assert sync_open_orders(account_id, force=True).skipped
    assert requests(simulator) == asked

    simulator.faults(account=exchange.key, invalid_key=False)
    ExchangeAccount.objects.update(state="ACTIVE", state_reason="", lease_until=None)
    worker.supervisor._next_lease = 0
    worker.step_until(is_connected)
    sync(exchange)
    quiesce(exchange)
    assert [row[:2] for row in executions()] == [(*trade_ids(exchange), "0.2")]
    assert_settled(exchange)


def test_sim_j3_two_words_that_the_key_has_ended_are_one_reconnect(
    exchange: Exchange, worker: Worker
) -> None:
    before = requests(exchange.simulator)["POST listenKey"]
    for _ in range(2):
        exchange.act("say", event="listenKeyExpired", text=EXPIRED)

    worker.step_until(has_reconnected)
    place(exchange)
    worker.step_until(lambda: session().event_count > 0)

    assert session().reconnect_count == 1
    assert requests(exchange.simulator)["POST listenKey"] == before + 1
    quiesce(exchange)
    hear(exchange)
    assert_settled(exchange)
