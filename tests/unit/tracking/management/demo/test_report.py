"""The verdict of a run, and the one JSON object it is told by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from tracking.management.demo.measures import Latency, Percentiles, Proof
from tracking.management.demo.report import MUST_BE_ZERO, Report, Verdict

QUICK = Percentiles(p50=12.5, p99=80.0)
GOOD = Report(
    orders=100,
    executions=200,
    partial_then_cancelled=5,
    by_hand=3,
    frames_lost=9,
    found_by_rest=1,
    stream_interruptions=1,
    missing=0,
    extra=0,
    open_order_mismatches=0,
    position_mismatches=0,
    unverified=0,
    inferred=0,
    quarantined=0,
    sse_events=900,
    order_events=900,
    sse_gaps=0,
    requests=150,
    requests_accepted=149,
    requests_lost=0,
    requests_unresolved=0,
    requests_needing_review=0,
    requests_not_as_told=0,
    orders_sent=100,
    orders_sent_twice=0,
    orders_unasked=0,
    books=Proof(violations=0, rows_checked=5000),
    latency_ms=Latency(commit=QUICK, sse=QUICK),
)


def changed(name: str, value: int) -> Report:
    figures: dict[str, Any] = {name: value}
    return replace(GOOD, **figures)


def test_equal_books_after_enough_trading_are_a_success() -> None:
    assert GOOD.verdict(60) is Verdict.EQUAL


@pytest.mark.parametrize("name", MUST_BE_ZERO)
def test_whatever_must_be_zero_fails_the_run(name: str) -> None:
    assert changed(name, 1).verdict(60) is Verdict.DIFFERENT


def test_books_that_do_not_prove_right_fail_the_run() -> None:
    broken = replace(GOOD, books=Proof(violations=1, rows_checked=5000))

    assert broken.verdict(60) is Verdict.DIFFERENT
    assert any(line.endswith("books  1 violations in 5000 rows") for line in broken.lines())


def test_an_event_the_listener_never_got_fails_the_run() -> None:
    assert replace(GOOD, sse_events=899).verdict(60) is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orders", 99),
        ("executions", 199),
        ("partial_then_cancelled", 4),
        ("by_hand", 2),
        ("found_by_rest", 0),
        ("stream_interruptions", 0),
    ],
)
def test_too_little_trading_proves_nothing(name: str, value: int) -> None:
    report = changed(name, value)

    assert report.verdict(60) is Verdict.TOO_LITTLE_HAPPENED
    assert report.too_little(60) == [name]


def test_half_a_minute_needs_half_of_it() -> None:
    half = replace(GOOD, orders=50, executions=100, partial_then_cancelled=3, by_hand=2)

    assert half.verdict(30) is Verdict.EQUAL
    assert replace(half, orders=49).verdict(30) is Verdict.TOO_LITTLE_HAPPENED


def test_wrong_books_weigh_more_than_little_trading() -> None:
    assert replace(GOOD, orders=1, missing=1).verdict(60) is Verdict.DIFFERENT


def test_the_json_object_has_the_names_that_were_promised() -> None:
    told = orjson.loads(GOOD.to_json())

    assert list(told) == [
        *("orders", "executions", "partial_then_cancelled", "by_hand", "frames_lost"),
        *("found_by_rest", "stream_interruptions", "missing", "extra"),
        *("open_order_mismatches", "position_mismatches", "unverified", "inferred"),
        *("quarantined", "sse_events", "order_events", "sse_gaps"),
        *("requests", "requests_accepted", "requests_lost", "requests_unresolved"),
        *("requests_needing_review", "requests_not_as_told"),
        *("orders_sent", "orders_sent_twice", "orders_unasked", "books", "latency_ms"),
    ]
    assert told["books"] == {"violations": 0, "rows_checked": 5000}
    assert told["latency_ms"]["commit"] == {"p50": 12.5, "p99": 80.0}
    assert set(told["latency_ms"]) == {"commit", "sse"}


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    found = Percentiles.of(number / 1000 for number in range(1, 102))

    assert (found.p50, found.p99) == (51.0, 100.0)
    assert Percentiles.of([]) == Percentiles(p50=None, p99=None)
