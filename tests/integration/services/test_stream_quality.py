"""Each hour says what the stream was worth: what it told first, twice, late, or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tests.integration.services.test_order_manager import limit
from tracking.models import StreamQuality
from tracking.services.order_tracking import sync_open_orders
from tracking.services.stream_quality import BOUNDS, mean_lag_ms, note_gap, score

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager


def quality() -> StreamQuality:
    return StreamQuality.objects.get()


def deliver(exchange: Exchange, *frames: str) -> None:
    exchange.deliver(*frames)
    drain(exchange)


def test_fills_told_by_the_stream_score_one(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3", counterparties=3)

    deliver(exchange, *exchange.frames(4))

    row = quality()
    assert (row.frames, row.first_by_stream, row.first_by_rest) == (4, 3, 0)
    assert (row.duplicates, row.reorderings, row.gaps) == (0, 0, 0)
    assert score(row) == 1
    assert row.lag_count == sum(row.lag_buckets) == 4
    assert len(row.lag_buckets) == len(BOUNDS) + 1
    assert (mean_lag_ms(row) or 0) <= row.lag_max_ms


def test_a_lost_fill_found_by_asking_lowers_the_score(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.1")
    frames = exchange.frames(4)

    deliver(exchange, frames[0], frames[1], frames[3])

    row = quality()
    assert (row.first_by_stream, row.first_by_rest) == (2, 1)
    assert score(row) == Decimal("0.6667")


def test_a_repeated_fill_is_a_duplicate_and_no_reordering(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.1")
    new, first, second = exchange.frames(3)
    deliver(exchange, new, first, first)
    deliver(exchange, second)

    deliver(exchange, first)

    row = quality()
    assert (row.frames, row.duplicates, row.reorderings) == (5, 2, 0)
    assert row.lag_count == 3


def test_a_repeated_report_without_a_fill_is_a_duplicate(exchange: Exchange) -> None:
    place_resting(exchange)
    (new,) = exchange.frames(1)
    deliver(exchange, new)

    deliver(exchange, new)

    assert quality().duplicates == 1


def test_the_frame_of_what_our_post_was_told_is_no_duplicate(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")

    deliver(exchange, *exchange.frames(1))

    assert (quality().frames, quality().duplicates) == (1, 0)


def test_reports_that_overtook_each_other_are_reorderings(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.1")
    frames = [json.loads(frame) for frame in exchange.frames(3)]
    for place, frame in enumerate(frames):
        frame["E"] += place  # a simulator is quicker than its clock
    new, first, second = (json.dumps(frame) for frame in frames)

    deliver(exchange, second)
    deliver(exchange, first, new)

    assert (quality().duplicates, quality().reorderings) == (0, 2)


def test_the_newest_report_is_remembered_from_hour_to_hour(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    new, first = exchange.frames(2)
    late = json.loads(new)
    late["E"] -= 5
    deliver(exchange, first)
    StreamQuality.objects.update(hour=timezone.now() - timedelta(hours=3))

    deliver(exchange, json.dumps(late))

    before, after = StreamQuality.objects.order_by("hour")
    assert (before.reorderings, after.reorderings) == (0, 1)
    assert after.newest_event_at == before.newest_event_at


def test_fills_from_before_the_baseline_count_for_neither(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    type(exchange.account).objects.update(baseline_at=timezone.now() + timedelta(minutes=1))

    sync_open_orders(exchange.account.pk, full=True, force=True)

    assert not StreamQuality.objects.exists()


@pytest.mark.django_db
def test_gaps_are_counted_beside_the_frames() -> None:
    account = ExchangeAccountFactory.create()

    note_gap(account.pk)
    note_gap(account.pk)

    row = quality()
    assert (row.gaps, row.frames, row.newest_event_at) == (2, 0, None)
    assert row.hour == timezone.now().replace(minute=0, second=0, microsecond=0)
    assert (score(row), mean_lag_ms(row)) == (None, None)
