"""How one transaction's reports are counted, before the hour's row adds what it remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchanges.messages import MarketType, OrderReport, OrderStatus, Side
from tracking.domain.evidence import OrderState
from tracking.models import StreamQuality
from tracking.services.order_records import HeardFrame
from tracking.services.stream_quality import BOUNDS, Tally, _Heard, mean_lag_ms, score

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return START + timedelta(seconds=count)


def heard(at: float, *, lag: float = 0.1, held: bool = False, order: str = "1") -> _Heard:
    report = OrderReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id=order,
        status=OrderStatus.NEW,
        exchange_status="NEW",
        side=Side.BUY,
        quantity=Decimal(1),
        filled_quantity=Decimal(0),
        exchange_updated_at=seconds(at),
        event_at=seconds(at),
    )
    before = OrderState(
        status=OrderStatus.NEW,
        side=Side.BUY,
        quantity=Decimal(1),
        exchange_updated_at=seconds(at) if held else seconds(-9),
    )
    return _Heard(HeardFrame(1, seconds(at + lag)), order, report, before, set())


def tally(*reports: _Heard) -> Tally:
    counted, told = Tally(), set[object]()
    for report in reports:
        counted.hear(report, told)
    return counted


def test_reports_in_order_are_neither_repeated_nor_late() -> None:
    counted = tally(heard(1), heard(2), heard(2, order="2"))

    assert (counted.duplicates, counted.reorderings) == (0, 0)
    assert counted.in_order == [seconds(1), seconds(2), seconds(2)]
    assert counted.lags == [100, 100, 100]


def test_an_older_report_is_late_and_is_not_compared_again() -> None:
    counted = tally(heard(2), heard(1))

    assert counted.reorderings == 1
    assert counted.in_order == [seconds(2)]
    assert counted.newest == seconds(2)


def test_the_same_report_twice_is_a_duplicate() -> None:
    assert tally(heard(1), heard(1)).duplicates == 1


def test_what_says_only_what_is_held_is_left_to_the_newest_seen_before() -> None:
    counted = tally(heard(1, held=True))

    assert (counted.duplicates, counted.echoes, counted.lags) == (0, [seconds(1)], [])


def test_what_says_only_what_is_held_and_comes_late_is_a_duplicate() -> None:
    counted = tally(heard(2), heard(1, held=True))

    assert (counted.duplicates, counted.echoes, counted.reorderings) == (1, [], 0)


@pytest.mark.parametrize(
    ("lag", "bucket"), [(-5, 0), (0.01, 0), (0.011, 1), (10, len(BOUNDS) - 1), (11, len(BOUNDS))]
)
def test_a_lag_falls_into_the_bucket_whose_end_it_does_not_pass(lag: float, bucket: int) -> None:
    _, values = tally(heard(1, lag=lag)).statement(1, START)

    buckets: Any = values[-2]
    assert [place for place, count in enumerate(buckets) if count] == [bucket]


@pytest.mark.parametrize(
    ("by_stream", "by_rest", "expected"),
    [(0, 0, None), (0, 3, "0"), (2, 1, "0.6667"), (5, 0, "1")],
)
def test_the_score_is_the_share_the_stream_told_first(
    by_stream: int, by_rest: int, expected: str | None
) -> None:
    row = StreamQuality(first_by_stream=by_stream, first_by_rest=by_rest)

    assert score(row) == (None if expected is None else Decimal(expected))


def test_the_mean_lag_is_of_what_was_measured() -> None:
    assert mean_lag_ms(StreamQuality(lag_count=4, lag_total_ms=130)) == 32
    assert mean_lag_ms(StreamQuality()) is None
