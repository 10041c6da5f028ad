"""Each fill says who saw it first and when REST agreed; what comes later does not rewrite that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import TradeExecution
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def sync(exchange: Exchange) -> None:
    sync_open_orders(exchange.account.pk, full=True, force=True)


def test_a_fill_of_the_stream_stays_one_when_rest_confirms_it(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 1000}})
    drain(exchange)
    first = TradeExecution.objects.get()
    assert (first.source, first.verified, first.verified_at) == ("WS", False, None)
    exchange.simulator.faults(reset=True)

    make_due()
    verify_due(exchange.account.pk)
    sync(exchange)

    seen = TradeExecution.objects.get()
    assert (seen.source, seen.verified) == ("WS", True)
    assert seen.created_at == first.created_at
    assert seen.verified_at is not None
    assert seen.verified_at > seen.created_at


def test_a_fill_that_rest_told_first_stays_its_when_the_frame_comes(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange)
    fill(exchange, order_id, "0.1")
    sync(exchange)
    first = TradeExecution.objects.get()
    assert (first.source, first.verified_at) == ("REST_TRADES", first.created_at)

    exchange.deliver(*exchange.frames(2))
    drain(exchange)

    seen = TradeExecution.objects.get()
    assert (seen.source, seen.verified_at) == ("REST_TRADES", first.verified_at)


def test_a_guess_stays_a_guess_beside_what_it_stood_for(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange)
    fill(exchange, order_id, "0.3")
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    sync(exchange)
    exchange.simulator.faults(reset=True)
    exchange.deliver(*exchange.frames(2))

    drain(exchange)

    rows = TradeExecution.objects.order_by("pk")
    assert [(e.source, e.voided_at is None) for e in rows] == [("INFERRED", False), ("WS", True)]
    exchange.assert_equal_books()
