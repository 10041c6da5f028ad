"""Bad input gives one clear error and an anomaly, and loses nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.errors import AuthenticationError, TransientError
from exchanges.governor import Priority
from tests.integration.services.conftest import fill_budget
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import Anomaly, ExchangeAccount, OpenOrder, StreamEvent, TradeExecution
from tracking.services import clients, listen_keys
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def test_an_unknown_symbol_is_quarantined_with_its_text(exchange: Exchange) -> None:
    place_resting(exchange)
    frame = json.loads(exchange.frames(1)[0])
    frame["o"]["s"] = "NOSUCHUSDT"
    exchange.deliver(json.dumps(frame))

    drain(exchange)

    assert Anomaly.objects.get().kind == "UNKNOWN_SYMBOL"
    assert "NOSUCHUSDT" in StreamEvent.objects.get(quarantined_at__isnull=False).raw


def test_no_listen_key_is_kept_or_shown_of_a_frame(exchange: Exchange) -> None:
    key = "k" * 64
    place_resting(exchange)
    (frame,) = exchange.frames(1)
    exchange.deliver(f'{{"stream":"{key}","data":{frame}}}', f'{{"listenKey":"{key}","e":')

    drain(exchange)

    assert OpenOrder.objects.exists()
    assert Anomaly.objects.get().kind == "MALFORMED_FRAME"
    told = [*StreamEvent.objects.values_list("raw", "error"), str(Anomaly.objects.get().detail)]
    assert key not in str(told)
    assert (
        StreamEvent.objects.filter(quarantined_at__isnull=True)
        .get()
        .raw.startswith('{"stream":"redacted","data":{"e":"ORDER_TRADE_UPDATE"')
    )


def test_an_empty_answer_leaves_the_fill_unverified_and_booked(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_empty={"*": {"count": 100}})

    drain(exchange)

    assert not TradeExecution.objects.get().verified
    exchange.simulator.faults(reset=True)
    exchange.assert_equal_books()


@pytest.mark.parametrize("fault", ["rest_empty", "rest_garbage"])
def test_a_sync_that_reads_nonsense_changes_nothing(exchange: Exchange, fault: str) -> None:
    place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    exchange.simulator.faults(**{fault: {"openOrders": {"count": 100}}})

    with pytest.raises(TransientError):
        sync_open_orders(exchange.account.pk, full=True, force=True)

    assert OpenOrder.objects.count() == 1


def test_a_refused_key_stops_the_account_and_tells_its_user(exchange: Exchange) -> None:
    exchange.simulator.faults(account=exchange.key, invalid_key=True)

    with pytest.raises(AuthenticationError) as refused:
        sync_open_orders(exchange.account.pk, full=True, force=True)

    account = ExchangeAccount.objects.get()
    assert account.state == "AUTH_FAILED"
    assert account.api_secret not in str(refused.value) + account.state_reason
    assert account.api_key not in str(refused.value) + account.state_reason
    assert Anomaly.objects.get().kind == "AUTH_FAILED"
    assert sync_open_orders(exchange.account.pk, force=True).skipped


def test_a_listen_key_is_extended(exchange: Exchange) -> None:
    assert listen_keys.refresh_listen_key(exchange.account.pk)

    assert ExchangeAccount.objects.get().listen_key_refreshed_at is not None


def test_a_listen_key_that_is_gone_makes_the_stream_reconnect(exchange: Exchange) -> None:
    exchange.simulator.faults(account=exchange.key, expire_listen_key=True)

    assert not listen_keys.refresh_listen_key(exchange.account.pk)

    assert ExchangeAccount.objects.get().reconnect_requested_at is not None


def test_fills_do_not_wait_for_rest_when_the_budget_is_half_spent(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    governor = clients.governor(exchange.account)
    governor.acquire(int(0.6 * 0.2 * settings.BINANCE_WEIGHT_PER_MINUTE), Priority.VERIFY)

    drain(exchange)

    assert not TradeExecution.objects.get().verified
    fill_budget()
