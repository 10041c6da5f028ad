"""Notices are plain and exact, and one thing is told once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tracking.models import OrderEvent
from tracking.services.notice_texts import Names, Told, told_of

NOW = datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC)
NAMES = Names(accounts={1: "main"}, strategies={3: "grid"})
TRADE = {
    "market_type": "FUTURES",
    "symbol": "BTC/USDT:USDT",
    "id_space": "ORDER",
    "exchange_order_id": "850",
    "side": "BUY",
    "position_side": "NET",
    "filled_quantity": "0.5",
    "average_price": "64123.1",
    "commissions": {"USDT": "0.01282462"},
    "execution_count": 2,
    "realized_pnl": "-1.25",
    "last_executed_at": NOW.isoformat(),
    "strategy_account": 3,
}
ORDER = {
    "client_order_id": "mine",
    "exchange_order_id": "851",
    "side": "SELL",
    "position_side": "SHORT",
    "order_type": "LIMIT",
    "quantity": "0.5",
    "symbol": "BTC/USDT:USDT",
    "price": "64000",
    "strategy_account": None,
}
REQUEST = {
    "id": 7,
    "action": "PLACE",
    "outcome": "REJECTED",
    "detail": "not enough USDT",
    "client_order_id": "mine",
    "terms": {"side": "BUY", "quantity": "0.5", "order_type": "MARKET"},
    "strategy_account": 3,
}
ANOMALY = {
    "id": 9,
    "kind": "DRIFT",
    "key": "FUTURES:BTC/USDT:USDT",
    "detail": {"text": "ours 0.5, theirs 0.4"},
    "opened_at": NOW.isoformat(),
    "closed_at": None,
}


def event(kind: str, payload: dict[str, Any], **changes: Any) -> OrderEvent:
    row: dict[str, Any] = {
        "kind": kind,
        "account_id": 1,
        "symbol": "BTC/USDT:USDT",
        "exchange_order_id": payload.get("exchange_order_id") or "",
        "payload": payload,
        "created_at": NOW,
    }
    return OrderEvent(**(row | changes))


def told(*events: OrderEvent) -> list[Told]:
    return told_of(events, NAMES)


def test_a_fill_is_told_with_its_sums() -> None:
    (fill,) = told(event("trade", TRADE))

    assert fill.title == "Filled: BUY 0.5 BTC/USDT:USDT at 64123.1"
    assert fill.text == (
        "account main, strategy grid, order 850; filled 0.5 in 2 fills, average price 64123.1; "
        "commission 0.01282462 USDT; realized PnL -1.25; 2026-11-22 12:30:05 UTC"
    )


def test_the_fills_of_one_order_are_one_notice() -> None:
    first = TRADE | {"filled_quantity": "0.2", "execution_count": 1}

    assert [one.title for one in told(event("trade", first), event("trade", TRADE))] == [
        "Filled: BUY 0.5 BTC/USDT:USDT at 64123.1"
    ]


def test_a_fill_that_is_only_confirmed_has_the_same_key() -> None:
    confirmed = TRADE | {"execution_count": 3, "realized_pnl": "0"}

    assert told(event("trade", TRADE))[0].key == told(event("trade", confirmed))[0].key
    more = TRADE | {"filled_quantity": "0.6"}
    assert told(event("trade", TRADE))[0].key != told(event("trade", more))[0].key


def test_an_order_that_is_refused_is_told_once_though_its_request_ends_too() -> None:
    rejected = event("order_rejected", {"reason": "price too far", "order": ORDER})

    (alone,), (one,) = told(rejected), told(rejected, event("order_request", REQUEST))

    assert alone.title == "Refused by the exchange: SELL SHORT LIMIT 0.5 BTC/USDT:USDT at 64000"
    assert "order mine; price too far;" in alone.text
    assert (one.key, one.title) == (
        alone.key,
        "Refused by the exchange: BUY MARKET 0.5 BTC/USDT:USDT",
    )


def test_why_a_request_is_refused_is_told_in_words() -> None:
    names = Names(accounts={}, strategies={}, refusals={7: "INSUFFICIENT_FUNDS"})

    (one,) = told_of([event("order_request", REQUEST | {"detail": "HTTP 400 -2019"})], names)

    assert "request 7; Insufficient funds:" in one.text
    assert "add funds. (HTTP 400 -2019);" in one.text


@pytest.mark.parametrize(
    ("outcome", "kind", "words"),
    [
        ("FAILED", "FAILURE", "Refused: BUY MARKET 0.5 BTC/USDT:USDT"),
        ("NOT_ACCEPTED", "FAILURE", "Not accepted: BUY MARKET 0.5 BTC/USDT:USDT"),
        ("UNKNOWN", "UNKNOWN", "Outcome unknown: BUY MARKET 0.5 BTC/USDT:USDT"),
        ("NEEDS_REVIEW", "UNKNOWN", "Needs review: BUY MARKET 0.5 BTC/USDT:USDT"),
    ],
)
def test_what_became_of_a_request_is_told(outcome: str, kind: str, words: str) -> None:
    (one,) = told(event("order_request", REQUEST | {"outcome": outcome}))

    assert (one.kind, one.title) == (kind, words)
    assert one.text.startswith("account main, strategy grid, request 7; not enough USDT;")


def test_a_cancel_that_fails_is_told_apart_from_its_order() -> None:
    cancel = REQUEST | {"action": "CANCEL", "outcome": "FAILED", "id": 8}

    placed, cancelled = told(event("order_request", REQUEST), event("order_request", cancel))

    assert placed.key != cancelled.key
    assert cancelled.title == "Refused: cancel of an order, BTC/USDT:USDT"


@pytest.mark.parametrize("outcome", ["PENDING", "WAITING", "ACCEPTED"])
def test_what_goes_as_it_should_is_not_told(outcome: str) -> None:
    assert told(event("order_request", REQUEST | {"outcome": outcome})) == []


@pytest.mark.parametrize(
    ("kind", "told_as"),
    [
        ("DRIFT", "DRIFT"),
        ("BOOKS", "DRIFT"),
        ("AUTH_FAILED", "KEY_EXPIRING"),
        ("KEY_PERMISSIONS", "KEY_EXPIRING"),
    ],
)
def test_some_anomalies_are_told_when_they_open(kind: str, told_as: str) -> None:
    (one,) = told(event("anomaly", ANOMALY | {"kind": kind}))

    assert one.kind == told_as
    assert "ours 0.5, theirs 0.4" in one.text


@pytest.mark.parametrize(
    "changes",
    [
        {"closed_at": NOW.isoformat()},
        {"kind": "LATE_FILL"},
        {"kind": "KEY_PERMISSIONS", "key": "warned: the key expires at 2026-12-01 00:00 UTC"},
    ],
)
def test_other_anomalies_are_not(changes: dict[str, Any]) -> None:
    assert told(event("anomaly", ANOMALY | changes)) == []
