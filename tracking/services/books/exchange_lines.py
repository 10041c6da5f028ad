"""
Our books beside the exchange's.

RE-1 the same fills, at the same times, since the account was connected. OL-3 the positions add up
to what is held. RE-6 the same orders are open, with as much filled. RE-13 what has a client order
id of ours was asked for.

Note [Two looks]
~~~~~~~~~~~~~~~~
The two are never read at the same moment, and fills come in between. So the exchange is read
first and our books after it; what differs is looked at again, and again until our own promise
(a sync every ten seconds) is over; the further looks, which are spaced, read only the markets that
still differ. Only a difference that was there at every look counts: what
is on its way shows differently each time, what an exchange answered wrongly once it answers
rightly then. Fills of markets the exchange does not have any more are compared with nothing.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from tracking.models import OpenOrder, TradeExecution
from tracking.services.books.invariants import line
from tracking.services.books.moment import one_moment
from tracking.services.books.theirs import KEPT_FOR, Fill, OrderKey, Side, Wanted
from tracking.services.books.unasked import Unasked
from tracking.services.payloads import plain
from tracking.services.sync_holdings import apart, booked_holdings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta
    from decimal import Decimal

    from tracking.models import ExchangeAccount
    from tracking.services.books.theirs import Reader
    from tracking.services.books.verdicts import Line
    from tracking.services.verification import SymbolKey

#: Seconds after which what still differs counts: a sync, and the time REST may take.
SETTLED_AFTER: Final = 15.0
#: Seconds between looks: each costs request budget that live trading needs.
LOOK_EVERY: Final = 3.0
HOLDINGS, FILLS, ORDERS, ASKED = "OL-3", "RE-1", "RE-6/exchange", "RE-13/exchange"
SAYS: Final = {
    HOLDINGS: "positions and residual add up to what the exchange holds",
    FILLS: "the exchange has the same fills, fees, makers and times",
    ORDERS: "the same orders are open at the exchange, as far filled",
    ASKED: "each order under a client order id of ours was asked for",
}
#: what tells one difference from another, and how it reads
Differences = dict[tuple[str, str, str], str]

#: an asset that came without a fill is a position, but no market
_MARKETS = """
    SELECT DISTINCT market_type, symbol FROM tracking_tradeexecution WHERE account_id = %(account)s
    UNION SELECT market_type, symbol FROM tracking_symbolsubscription
        WHERE account_id = %(account)s
    UNION SELECT market_type, symbol FROM tracking_strategyposition WHERE account_id = %(account)s
        AND NOT (market_type = 'SPOT' AND position('/' IN symbol) = 0)
"""


@dataclass(slots=True)
class Comparison:
    """One account beside its exchange; made of looks."""

    account: ExchangeAccount
    reader: Reader
    #: how far back trades are compared; None: as far as the exchange keeps them
    lately: timedelta | None = None
    rows: dict[str, int] = field(default_factory=dict)

    def lines(self, settled_after: float) -> list[Line]:
        """Compare until nothing is on its way. See Note [Two looks]. Raises ExchangeError.

        Books that were never opened have nothing to compare yet.
        """
        if self.account.baseline_at is None:
            return [self._line(name, {}) for name in SAYS]
        found = self._look(Wanted(fills=self._markets()))
        deadline = time.monotonic() + settled_after
        while found:
            time.sleep(min(LOOK_EVERY, settled_after))
            again = self._look(_of(found), count=False)
            found = {key: text for key, text in again.items() if key in found}
            if time.monotonic() >= deadline:
                break
        return [self._line(name, found) for name in SAYS]

    def _line(self, name: str, found: Differences) -> Line:
        wrong = [(subject, text) for (n, subject, _), text in found.items() if n == name]
        return line(name, SAYS[name], self.rows.get(name, 0), wrong)

    @property
    def _since(self) -> datetime | None:
        """From when on trades are compared: books that were never opened have none."""
        if self.account.baseline_at is None:
            return None
        since = max(self.account.baseline_at, timezone.now() - (self.lately or KEPT_FOR))
        return self.reader.begin(since)

    def _markets(self) -> set[SymbolKey]:
        with connection.cursor() as cursor:
            cursor.execute(_MARKETS, {"account": self.account.pk})
            return {(market_type, symbol) for market_type, symbol in cursor.fetchall()} | (
                self.reader.traded_lately()
            )

    def _look(self, wanted: Wanted, *, count: bool = True) -> Differences:
        since = self._since
        theirs = self.reader.read(wanted, since)
        with one_moment(self.account.pk):
            markets = set(wanted.fills) - self.reader.gone
            ours, denied = _ours(self.account.pk, markets, since, self.reader)
            named, unasked = self._unasked(theirs, since)
        if count:
            self.rows = {
                HOLDINGS: len(ours.holdings.keys() | theirs.holdings.keys()),
                FILLS: max(ours.fills.total(), theirs.fills.total()),
                ORDERS: len(ours.orders.keys() | theirs.orders.keys()),
                ASKED: named,
            }
        return (
            unasked
            | _apart_in_fills(ours, theirs, denied)
            | _apart_in_orders(ours, theirs)
            | _apart_in_holdings(ours, theirs)
        )

    def _unasked(self, theirs: Side, since: datetime | None) -> tuple[int, Differences]:
        """Count the orders that bear a name of ours; tell those that nobody here asked for."""
        unasked = Unasked(self.account)
        named = unasked.named(theirs.client_order_ids)
        if since is not None:
            named |= unasked.booked(since)
        found: Differences = {}
        for key, name in unasked.without_request(named).items():
            text = f"has our client order id {name}, and no request asked for it"
            found[ASKED, key.subject, text] = text
        return len(named), found


def _of(found: Differences) -> Wanted:
    """Name what has to be read again: what was not will differ, and was not found before."""
    return Wanted(
        fills=_markets_in(FILLS, found),
        orders=_markets_in(ORDERS, found) | _markets_in(ASKED, found),
        holdings=any(name == HOLDINGS for name, _, _ in found),
    )


def _markets_in(line_name: str, found: Differences) -> set[SymbolKey]:
    subjects = {subject for name, subject, _ in found if name == line_name}
    parts = [subject.rpartition(":")[0].partition(":") for subject in subjects]
    return {(market_type, symbol) for market_type, _, symbol in parts}


def _ours(
    account_id: int, markets: Collection[SymbolKey], since: datetime | None, reader: Reader
) -> tuple[Side, set[Fill]]:
    """Read our side, and the fills that staff says did not happen."""
    rows = TradeExecution.objects.filter(
        account_id=account_id, symbol__in={symbol for _, symbol in markets}
    )
    live = rows.filter(voided_at__isnull=True, executed_at__gt=since) if since else rows.none()
    columns = (*Fill._fields[:5], "execution_price", "execution_quantity", *Fill._fields[7:])

    def as_told(row: Iterable[Any]) -> Fill:
        return reader.as_told(Fill._make(row))

    open_orders = OpenOrder.objects.filter(
        account_id=account_id, exchange_order_id__isnull=False
    ).values_list(*OrderKey._fields, "filled_quantity")
    side = Side(
        fills=Counter(map(as_told, live.values_list(*columns).iterator())),
        orders={OrderKey(*key): filled for *key, filled in open_orders},
        holdings=booked_holdings(account_id),
    )
    denied = rows.filter(disclaimed=True).values_list(*columns)
    return side, set(map(as_told, denied))


def _apart_in_fills(ours: Side, theirs: Side, denied: set[Fill]) -> Differences:
    missing = {fill for fill in theirs.fills - ours.fills if fill not in denied}
    return {
        (FILLS, fill.subject, text): text
        for fills, whose in (
            (missing, "is not booked"),
            (ours.fills - theirs.fills, "is not there"),
        )
        for fill in fills
        if (text := f"trade {_told(fill)} {whose}")
    }


def _told(fill: Fill) -> str:
    fee = "unknown" if fill.commission is None else plain(fill.commission)
    maker = {True: "maker", False: "taker", None: "maker or taker"}[fill.is_maker]
    return (
        f"{fill.exchange_trade_id} ({fill.side} {plain(fill.quantity)} at {plain(fill.price)}, "
        f"fee {fee} {fill.commission_asset}, {maker}, {fill.executed_at:%Y-%m-%d %H:%M:%S.%f})"
    )


def _apart_in_orders(ours: Side, theirs: Side) -> Differences:
    found: Differences = {}
    for key in ours.orders.keys() | theirs.orders.keys():
        booked, told = ours.orders.get(key), theirs.orders.get(key)
        if booked != told:
            text = f"filled {_filled(booked)} here, {_filled(told)} at the exchange"
            found[ORDERS, key.subject, text] = text
    return found


def _filled(quantity: Decimal | None) -> str:
    return "(not open)" if quantity is None else plain(quantity)


def _apart_in_holdings(ours: Side, theirs: Side) -> Differences:
    """A holding that goes on moving is the same difference while it is as large."""
    return {
        (HOLDINGS, item.label, plain(item.booked - item.held)): (
            f"booked {plain(item.booked)}, held {plain(item.held)}"
        )
        for item in apart(ours.holdings, theirs.holdings)
    }
