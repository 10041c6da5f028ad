"""A look at what happened on an account: when it is taken, how far back, what it makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from exchanges.errors import UnknownSymbol
from exchanges.messages import MarketType, MovementKind, MovementReport
from exchanges.questions import Activity as Told
from tracking.models import ExchangeAccount, PostingKind
from tracking.services import activity

if TYPE_CHECKING:
    from exchanges.governor import Priority
    from exchanges.rest import RestClient

NOON = datetime(2026, 11, 22, 12, 0, 20, tzinfo=UTC)
FUNDING = MovementReport(
    key="income:FUNDING_FEE:BTCUSDT:1",
    kind=MovementKind.FUNDING,
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    asset="USDT",
    amount=Decimal("-0.5"),
    posted_at=NOON,
)
DEPOSIT = MovementReport(
    key="wallet:1",
    kind=MovementKind.TRANSFER,
    market_type=MarketType.SPOT,
    symbol_id="",
    asset="BTC",
    amount=Decimal(2),
    posted_at=NOON,
)


class Names:
    """A table of one market."""

    def symbol_of(self, _market_type: MarketType, symbol_id: str) -> str:
        if symbol_id != "BTCUSDT":
            raise UnknownSymbol
        return "BTC/USDT:USDT"


class Exchange:
    """An exchange whose clock stands, and that remembers how far back it was asked."""

    def __init__(self, told: Told, now: datetime = NOON) -> None:
        self.told, self.now, self.markets = told, now, Names()
        self.asked: list[tuple[datetime, bool]] = []

    def fetch_server_time(self, *, priority: Priority) -> datetime:
        del priority
        return self.now

    def fetch_activity(
        self, since: datetime, *, only_funding: bool = False, priority: Priority
    ) -> Told:
        del priority
        self.asked.append((since, only_funding))
        return self.told


def look(
    exchange: Exchange, checked: datetime | None, *, is_missed: bool = False
) -> activity.Activity:
    account = ExchangeAccount(income_checked_at=checked)
    return activity.look(account, cast("RestClient", exchange), is_missed=is_missed)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.services.activity.timezone.now", lambda: NOON)


def test_a_look_names_markets_and_books_what_moved() -> None:
    exchange = Exchange(Told(traded_symbol_ids=frozenset({"BTCUSDT"}), movements=(FUNDING,)))

    seen = look(exchange, None)

    (posting,) = seen.postings
    assert seen.traded == {("FUTURES", "BTC/USDT:USDT")}
    assert seen.looked_at == NOON
    assert (posting.kind, posting.symbol) == (PostingKind.FUNDING, "BTC/USDT:USDT")
    assert (posting.asset, posting.amount) == ("USDT", Decimal("-0.5"))


def test_money_that_moved_in_a_market_nobody_knows_is_booked_without_it() -> None:
    stranger = MovementReport(
        key="income:FUNDING_FEE:NEWUSDT:1",
        kind=MovementKind.FUNDING,
        market_type=MarketType.FUTURES,
        symbol_id="NEWUSDT",
        asset="USDT",
        amount=Decimal(1),
        posted_at=NOON,
    )
    exchange = Exchange(Told(traded_symbol_ids=frozenset({"NEWUSDT"}), movements=(stranger,)))

    seen = look(exchange, None)

    assert not seen.traded
    assert [posting.symbol for posting in seen.postings] == [""]


def test_nobody_looks_twice_within_a_moment() -> None:
    exchange = Exchange(Told())

    assert look(exchange, NOON - timedelta(seconds=5)) == activity.Activity()
    assert not exchange.asked


def test_what_is_missed_is_looked_for_at_once() -> None:
    exchange = Exchange(Told(movements=(DEPOSIT, FUNDING)))
    checked = NOON - timedelta(seconds=5)

    seen = look(exchange, checked, is_missed=True)

    assert exchange.asked == [(checked - timedelta(seconds=5), False)]
    assert len(seen.postings) == 2
    assert [(posting.asset, posting.quantity) for posting in seen.moved] == [("BTC", Decimal(2))]


def test_within_an_hour_only_what_is_new_is_read() -> None:
    exchange = Exchange(Told(), now=NOON + timedelta(minutes=1))

    look(exchange, NOON + timedelta(seconds=1) + activity.LOOK_EVERY)

    assert [only_funding for _, only_funding in exchange.asked] == [False]


def test_once_an_hour_funding_is_read_again_since_it_may_be_listed_late() -> None:
    exchange = Exchange(Told(movements=(FUNDING,)))
    before = NOON - timedelta(seconds=50)

    look(exchange, before)

    assert exchange.asked == [
        (before - timedelta(seconds=5), False),
        (NOON - activity.LOOK_BACK, True),
    ]


def test_a_list_that_was_too_long_is_read_on_from_where_it_broke_off() -> None:
    broke_off = NOON - timedelta(minutes=2)

    seen = look(Exchange(Told(more_from=broke_off)), None)

    assert (seen.looked_at, seen.has_more) == (broke_off, True)
