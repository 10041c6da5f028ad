from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine

from exchanges.binance_calls import FUTURES
from exchanges.binance_incomes import PAGE, PAGES, fetch_activity
from exchanges.calls import Calls, Endpoint, Told
from exchanges.errors import TransientError
from exchanges.governor import Priority
from exchanges.messages import MarketType, MovementKind, MovementReport
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exchanges.questions import Activity

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    """Begin each test at NOW, however long after this module was read it comes."""
    with time_machine.travel(NOW):
        yield


def a_row(kind: str, symbol: str = "", *, at: datetime = NOW - HOUR, **terms: Any) -> Any:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": "-0.37500000",
        "asset": "USDT",
        "info": "",
        "time": milliseconds(at),
        "tranId": 9689322392,
        "tradeId": "",
        **terms,
    }


class Incomes:
    """Binance's income history: what began at a time, so many at once."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows
        self.asked: list[Mapping[str, str]] = []

    def call(self, endpoint: Endpoint, parameters: Mapping[str, str], **_call: Any) -> Told:
        assert endpoint is FUTURES.income
        self.asked.append(parameters)
        start, limit = int(parameters["startTime"]), int(parameters["limit"])
        kind = parameters.get("incomeType")
        found = [
            row for row in self.rows if row["time"] >= start and kind in {None, row["incomeType"]}
        ]
        return Told(body=found[:limit], requested_at=NOW)


def read(
    incomes: Incomes, since: datetime = NOW - timedelta(days=1), *, only_funding: bool = False
) -> Activity:
    return fetch_activity(
        cast("Calls", incomes),
        FUTURES.income,
        since,
        market_type=MarketType.FUTURES,
        only_funding=only_funding,
        timeout=5,
        priority=Priority.SYNC,
    )


def test_only_what_a_trade_leaves_behind_tells_a_traded_symbol() -> None:
    kinds = {"COMMISSION": "AUSDT", "REALIZED_PNL": "BUSDT", "FUNDING_FEE": "CUSDT"}

    activity = read(Incomes(*(a_row(kind, symbol) for kind, symbol in kinds.items())))

    assert activity.traded_symbol_ids == {"AUSDT", "BUSDT"}


def test_funding_is_a_movement_with_a_key_of_its_own() -> None:
    activity = read(Incomes(a_row("FUNDING_FEE", "BTCUSDT")))

    assert activity.movements == (
        MovementReport(
            key="income:FUNDING_FEE:BTCUSDT:9689322392",
            kind=MovementKind.FUNDING,
            market_type=MarketType.FUTURES,
            symbol_id="BTCUSDT",
            asset="USDT",
            amount=Decimal("-0.375"),
            posted_at=NOW - HOUR,
        ),
    )


def test_funding_can_be_asked_for_alone() -> None:
    incomes = Incomes(a_row("FUNDING_FEE", "BTCUSDT"), a_row("COMMISSION", "BTCUSDT"))

    activity = read(incomes, only_funding=True)

    assert len(activity.movements) == 1
    assert not activity.traded_symbol_ids


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("TRANSFER", MovementKind.TRANSFER),
        ("INSURANCE_CLEAR", MovementKind.CORRECTION),
        ("DELIVERED_SETTELMENT", MovementKind.SETTLEMENT),
        ("A_KIND_OF_NEXT_YEAR", MovementKind.CORRECTION),
    ],
)
def test_no_movement_is_left_out(told: str, kind: MovementKind) -> None:
    (movement,) = read(Incomes(a_row(told))).movements

    assert movement.kind is kind


def test_a_long_list_is_read_on_from_its_last_moment() -> None:
    rows = [
        a_row("COMMISSION", f"S{number}", at=NOW - HOUR + timedelta(milliseconds=number // 2))
        for number in range(PAGE + 501)
    ]

    activity = read(Incomes(*rows))

    assert len(activity.traded_symbol_ids) == PAGE + 501
    assert activity.more_from is None


def test_a_movement_told_twice_by_two_pages_is_one() -> None:
    rows = [a_row("FUNDING_FEE", "BTCUSDT", tranId=number) for number in range(PAGE - 1)]
    last = a_row("FUNDING_FEE", "BTCUSDT", at=NOW - HOUR / 2, tranId=PAGE)

    assert len(read(Incomes(*rows, last)).movements) == PAGE


def test_a_list_too_long_says_where_to_go_on() -> None:
    rows = [
        a_row("COMMISSION", "BTCUSDT", at=NOW - HOUR + timedelta(milliseconds=number))
        for number in range(PAGES * PAGE)
    ]
    incomes = Incomes(*rows)

    activity = read(incomes)

    assert len(incomes.asked) == PAGES
    assert activity.more_from is not None
    assert NOW - HOUR < activity.more_from < NOW


def test_nothing_is_asked_of_more_than_a_week_ago() -> None:
    incomes = Incomes()

    read(incomes, NOW - timedelta(days=400))

    assert int(incomes.asked[0]["startTime"]) >= milliseconds(NOW - timedelta(days=7))


def test_an_unreadable_row_is_as_if_nothing_had_come() -> None:
    with pytest.raises(TransientError):
        read(Incomes(a_row("FUNDING_FEE", "BTCUSDT", income="much")))
