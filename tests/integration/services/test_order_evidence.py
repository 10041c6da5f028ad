"""Every change of the books has its evidence: who said what, and what that made of the order."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from exchanges import registry
from exchanges.messages import IdSpace, MarketType, Source
from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tests.integration.services.test_order_manager import limit
from tracking.domain.evidence import Evidence
from tracking.models import OrderEvidence, StreamEvent, TradeExecution
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager


def answers(row: OrderEvidence) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(row.answers)
    return told


def test_a_fill_names_its_frames_and_the_answers_beside_them(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    exchange.deliver(*exchange.frames(2))

    drain(exchange)

    row = OrderEvidence.objects.get()
    assert row.sources == ["REST_ORDER", "WS"]
    assert row.stream_event_ids == list(
        StreamEvent.objects.order_by("pk").values_list("pk", flat=True)
    )
    assert (row.status_before, row.status_after) == ("", "PARTIALLY_FILLED")
    assert (row.filled_before, row.filled_after) == (Decimal(0), Decimal("0.1"))
    assert (row.executions_added, row.executions_updated, row.gap) == (1, 0, Decimal(0))
    assert (row.changed, row.version, row.findings) == (True, 1, [])
    assert row.received_at == StreamEvent.objects.order_by("pk")[0].received_at
    assert row.exchange_order_id == str(order_id)
    (told,) = answers(row)[0]["orders"]
    assert told["source"] == "REST_ORDER"
    assert told["row"]["orderId"] == order_id
    assert told["row"]["executedQty"] == "0.1"


def test_a_repeated_frame_leaves_its_trace_and_a_repeated_answer_none(exchange: Exchange) -> None:
    place_resting(exchange)
    (frame,) = exchange.frames(1)
    exchange.deliver(frame)
    drain(exchange)

    exchange.deliver(frame)
    drain(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    before = OrderEvidence.objects.count()
    sync_open_orders(exchange.account.pk, full=True, force=True)

    assert OrderEvidence.objects.count() == before
    repeated = OrderEvidence.objects.order_by("pk")[1]
    assert (repeated.changed, repeated.sources, repeated.answers) == (False, ["WS"], "")


def test_the_trade_list_that_explained_a_gap_is_kept(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.2")
    new, _lost, last = exchange.frames(3)
    exchange.deliver(new, last)

    drain(exchange)

    found = OrderEvidence.objects.latest("pk")
    assert "REST_TRADES" in found.sources
    (told,) = answers(found)
    assert told["trades_complete"]
    assert {row["id"] for row in told["executions"]} == {
        int(e.exchange_trade_id) for e in TradeExecution.objects.filter(voided_at=None)
    }
    assert sum(OrderEvidence.objects.values_list("executions_added", flat=True)) == 2


def test_an_unverified_fill_and_its_confirmation_are_two_turns(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 1000}})
    drain(exchange)
    exchange.simulator.faults(reset=True)
    make_due()

    verify_due(exchange.account.pk)

    first, second = OrderEvidence.objects.order_by("pk")
    assert (first.sources, first.answers, first.executions_added) == (["WS"], "", 1)
    assert "WS" not in second.sources
    assert (second.stream_event_ids, second.received_at) == ([], None)
    assert (second.executions_added, second.executions_updated) == (0, 1)


def test_our_own_order_begins_with_the_answer_to_it(
    exchange: Exchange, manager: OrderManager
) -> None:
    request = manager.execute(limit(), idempotency_key="1")

    row = OrderEvidence.objects.get()
    assert row.sources == ["SUBMIT"]
    assert row.client_order_id == request.client_order_id
    assert (row.status_before, row.status_after) == ("PENDING", "NEW")
    assert answers(row)[0]["orders"][0]["row"]["clientOrderId"] == request.client_order_id


def test_what_we_concluded_ourselves_is_kept_as_our_word(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop"}})
    manager.execute(limit(), idempotency_key="1")

    row = OrderEvidence.objects.get()
    assert row.sources == ["VERDICT"]
    assert answers(row)[0]["verdict"]["status"] == "UNKNOWN"


def test_a_row_that_nobody_can_keep_whole_stops_no_fill(exchange: Exchange) -> None:
    place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    (order,) = OrderEvidence.objects.all()
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    row = answers(order)[0]["orders"][0]["row"] | {"huge": 10**30, "odd": "\ud800", "deep": deep}
    snapshot = _snapshot(row | {"status": "CANCELED", "updateTime": row["updateTime"] + 1})
    gathered = Gathered(
        market_type="FUTURES",
        symbol="BTC/USDT:USDT",
        id_space="ORDER",
        exchange_order_id=snapshot.exchange_order_id,
        evidence=Evidence(statements=(snapshot,), trades_complete=True),
    )

    emission = emit_trade_event(
        account_id=exchange.account.pk, gathered=[gathered], now=timezone.now()
    )

    assert emission.closed == 1
    kept = answers(OrderEvidence.objects.latest("pk"))[0]["orders"][0]["row"]
    assert kept["huge"] == 10**30
    assert "deep" not in kept


def _snapshot(row: dict[str, Any]) -> Any:
    return registry.adapter("BINANCE").read_order(
        row,
        market_type=MarketType.FUTURES,
        id_space=IdSpace.ORDER,
        requested_at=timezone.now(),
        source=Source.REST_ORDER,
    )
