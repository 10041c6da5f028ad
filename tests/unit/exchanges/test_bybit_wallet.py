"""The log of a unified account's one wallet: what of it spot is told, and how far it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine

from exchanges.bybit_activity import fetch_activity
from exchanges.bybit_calls import EXECUTIONS, WALLET_LOG
from exchanges.bybit_trades import WINDOW_PAGES
from exchanges.bybit_wallet import LATE, PAGES
from exchanges.calls import Calls, Endpoint, Told
from exchanges.errors import TransientError
from exchanges.governor import Priority
from exchanges.messages import MarketType, MovementKind
from exchanges.wire import milliseconds
from tests.unit.exchanges.bybit_samples import result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exchanges.questions import Activity

NOW = datetime.now(UTC).replace(microsecond=0)
WEEK = 7 * 86_400_000
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PAGE = 50


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    """Begin each test at NOW, however long after this module was read it comes."""
    with time_machine.travel(NOW):
        yield


class Log:
    """Bybit's transaction log with its rules: windows of a week, newest first, short pages."""

    clock_offset_ms = 0

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)
        self.asked: list[Mapping[str, Any]] = []
        self.executions: list[Mapping[str, Any]] = []
        self.garbage = False

    def call(self, endpoint: Endpoint, parameters: Mapping[str, Any], **_call: Any) -> Told:
        if endpoint is EXECUTIONS:
            self.executions.append(dict(parameters))
            return Told(body={"result": {"list": []}}, requested_at=NOW)
        assert endpoint is WALLET_LOG
        self.asked.append(dict(parameters))
        body: object = {"result": "?"} if self.garbage else {"result": self._page(parameters)}
        return Told(body=body, requested_at=NOW)

    def _page(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        start, end = int(parameters["startTime"]), int(parameters["endTime"])
        assert end - start <= WEEK
        assert parameters["accountType"] == "UNIFIED"
        assert int(parameters["limit"]) == PAGE
        found = [row for row in self.rows if start <= int(row["transactionTime"]) <= end]
        found.sort(key=lambda row: -int(row["transactionTime"]))
        begin = int(parameters.get("cursor", "0"))
        cursor = str(begin + PAGE) if begin + PAGE < len(found) else ""
        return {"list": found[begin : begin + PAGE], "nextPageCursor": cursor}


def row(age: timedelta = HOUR, **terms: str) -> dict[str, Any]:
    """Vary the documented trade of a contract."""
    documented: dict[str, Any] = result("rest_transaction_log__three")["list"][2]
    return documented | {"transactionTime": str(milliseconds(NOW - age))} | terms


def activity(log: Log, since: datetime = NOW - 2 * HOUR, *, only_funding: bool = False) -> Activity:
    return fetch_activity(
        cast("Calls", log),
        since,
        market_type=MarketType.SPOT,
        only_funding=only_funding,
        timeout=5,
        priority=Priority.SYNC,
    )


def test_what_contracts_make_of_the_wallet_moves_what_spot_holds() -> None:
    documented = result("rest_transaction_log__three")["list"]
    log = Log(*(each | {"transactionTime": str(milliseconds(NOW - HOUR))} for each in documented))

    told = activity(log).movements

    assert {(one.asset, one.market_type, one.symbol_id) for one in told} == {
        ("USDT", MarketType.SPOT, "XRPUSDT")
    }
    assert sorted((one.amount, one.kind) for one in told) == [
        (Decimal("-0.0190872"), MovementKind.SETTLEMENT),
        (Decimal("-0.003676"), MovementKind.FUNDING),
        (Decimal("-0.0026028"), MovementKind.SETTLEMENT),
    ]
    assert len({one.key for one in told}) == 3


def test_a_session_of_a_usdc_contract_is_more_than_its_funding() -> None:
    log = Log(row(type="SETTLEMENT", funding="-0.5", cashFlow="12.5", change="12"))

    (movement,) = activity(log).movements

    assert (movement.kind, movement.amount) == (MovementKind.SETTLEMENT, Decimal(12))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("TRANSFER_IN", MovementKind.TRANSFER),
        ("TRANSFER_OUT", MovementKind.TRANSFER),
        ("INTEREST", MovementKind.CORRECTION),
        ("BONUS", MovementKind.CORRECTION),
        ("FEE_REFUND", MovementKind.CORRECTION),
        ("CURRENCY_BUY", MovementKind.DUST),
        ("NEVER_HEARD_OF", MovementKind.CORRECTION),
    ],
)
@pytest.mark.parametrize("category", ["", "spot"])
def test_what_is_no_trade_is_told_with_its_kind(
    kind: str, expected: MovementKind, category: str
) -> None:
    log = Log(row(type=kind, category=category, symbol="", change="5", currency="BTC"))

    (movement,) = activity(log).movements

    assert (movement.kind, movement.asset, movement.amount) == (expected, "BTC", Decimal(5))


@pytest.mark.parametrize("kind", ["TRADE", "LIQUIDATION"])
def test_a_trade_of_spot_is_left_to_its_fills(kind: str) -> None:
    log = Log(row(type=kind, category="spot", change="0.1", currency="BTC"))

    assert activity(log).movements == ()


def test_what_moved_to_another_account_of_ones_own_has_no_fill() -> None:
    moved = row(type="TRADE", category="spot", transSubType="movePosition", change="-2")

    (movement,) = activity(Log(moved)).movements

    assert (movement.kind, movement.amount) == (MovementKind.TRANSFER, Decimal(-2))


@pytest.mark.parametrize("kind", ["BORROW", "REPAY", "FLOATING_TO_FIXED_BORROW"])
def test_a_loan_moves_nothing_that_is_held(kind: str) -> None:
    assert activity(Log(row(type=kind, category="", change="1000"))).movements == ()


def test_a_row_that_changed_nothing_moves_nothing() -> None:
    assert activity(Log(row(type="DELIVERY", change="0"))).movements == ()


def test_assets_that_share_an_id_are_told_apart_and_a_row_listed_twice_is_told_once() -> None:
    sold, bought = (row(category="", type="CURRENCY_SELL", currency=c) for c in ("BTC", "ETH"))

    told = activity(Log(sold, bought, dict(sold))).movements

    assert sorted(one.asset for one in told) == ["BTC", "ETH"]
    assert len({one.key for one in told}) == 2


def test_the_log_is_read_to_its_end_page_by_page() -> None:
    log = Log(*(row(HOUR + timedelta(seconds=n), id=f"{n}_XRPUSDT") for n in range(2 * PAGE + 7)))

    told = activity(log)

    assert len(told.movements) == 2 * PAGE + 7
    assert told.more_from is None
    assert [one.posted_at for one in told.movements] == sorted(
        one.posted_at for one in told.movements
    )


def test_what_is_listed_late_is_found_by_reading_the_last_minutes_again() -> None:
    log = Log(row(MINUTE))

    assert len(activity(log, NOW - timedelta(seconds=5)).movements) == 1
    assert int(log.asked[0]["startTime"]) <= milliseconds(NOW - LATE) + 60_000


def test_a_log_too_long_for_one_look_is_read_on_from_where_it_broke_off() -> None:
    count = 3 * PAGE * PAGES
    log = Log(*(row(timedelta(seconds=n), id=f"{n}_XRPUSDT") for n in range(200, 200 + count)))
    since, seen = NOW - timedelta(seconds=200 + count), set[str]()

    for _ in range(12):
        before = len(log.asked)
        told = activity(log, since)
        seen |= {one.key for one in told.movements}
        assert len(log.asked) - before <= PAGES + WINDOW_PAGES
        if told.more_from is None:
            break
        assert told.more_from > since
        since = told.more_from

    assert len(seen) == count
    assert told.more_from is None


def test_a_week_is_read_at_most() -> None:
    log = Log(row(timedelta(days=8)), row(timedelta(days=6)))

    assert len(activity(log, NOW - timedelta(days=30)).movements) == 1


def test_movements_can_be_asked_for_without_what_was_traded() -> None:
    log = Log(row())

    told = activity(log, only_funding=True)

    assert (len(told.movements), log.executions) == (1, [])


@pytest.mark.parametrize("market_type", [MarketType.FUTURES, MarketType.COIN_FUTURES])
def test_contracts_are_not_told_of_the_wallet(market_type: MarketType) -> None:
    log = Log(row())

    told = fetch_activity(
        cast("Calls", log),
        NOW - 2 * HOUR,
        market_type=market_type,
        only_funding=False,
        timeout=5,
        priority=Priority.SYNC,
    )

    assert (told.movements, log.asked) == ((), [])


def test_an_answer_that_cannot_be_read_is_as_if_none_had_come() -> None:
    log = Log(row())
    log.garbage = True

    with pytest.raises(TransientError):
        activity(log)
