"""
What an account held at a moment although it trades without pause.

Note [Explained backwards]
~~~~~~~~~~~~~~~~~~~~~~~~~~
What was held at a moment is what is held now less what was traded since. A list of holdings and a
list of trades are read at different times, so each holding is read between two readings of the
trades: it follows from those of the first and from some of those that only the second shows. The
exchange says when it last changed the holding, which tells how many; where it does not, all are
possible. Each round leaves some openings possible, and the true one is among them every time. What
two rounds or more agree on, and nothing else, is believed; if none is left, the trades list lags.
On spot a trade moves the holdings of both its assets, and of the one its commission is paid in.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from exchanges.adapter import ONE_MILLISECOND
from exchanges.messages import PositionSide, Side
from exchanges.questions import TradeCursor
from tracking.domain.balances import SpotPosition, balances
from tracking.domain.executions import ZERO
from tracking.services.spot_assets import markets_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta
    from decimal import Decimal

    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, HoldingReport, MarketType
    from exchanges.rest import RestClient

ROUNDS: Final = 6
#: So many rounds have to agree.
AGREED: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """One holding: of a market, or on spot of an asset."""

    market_type: MarketType
    symbol_id: str
    position_side: PositionSide
    asset: str = ""


class Change(NamedTuple):
    """What one trade made of one holding, and when."""

    at: datetime
    quantity: Decimal


@dataclass(slots=True)
class _Doubt:
    """What one holding may have been at the moment in question."""

    possible: set[Decimal] = field(default_factory=set)
    rounds: int = 0

    def narrow(self, openings: set[Decimal]) -> None:
        self.possible = self.possible & openings if self.rounds else openings
        self.rounds += 1

    @property
    def is_settled(self) -> bool:
        return self.rounds >= AGREED and len(self.possible) == 1


def moment_between(
    client: RestClient, dates_to: timedelta, wait: Callable[[float], None] = time.sleep
) -> datetime:
    """Take a moment of exchange time, after what has been asked and before what will be.

    Where REST dates fills to the second only, it is the last of its second, and over: a fill later
    in that second would be dated before any other moment of it.
    """
    at = client.fetch_server_time()
    if dates_to <= ONE_MILLISECOND:
        return at
    wait(dates_to.total_seconds())
    return at - (at - _EPOCH) % dates_to + dates_to - ONE_MILLISECOND


def read_opening(
    client: RestClient, dates_to: timedelta = ONE_MILLISECOND
) -> tuple[list[HoldingReport], datetime] | None:
    """Say what was held at a moment of exchange time; None if that cannot be told just now.

    See Note [Explained backwards]. Raises ExchangeError.
    """
    before = _by_key(client.fetch_holdings())
    at = moment_between(client, dates_to)
    first = _by_key(client.fetch_holdings())
    doubts = {key: _Doubt() for key in _differing(before, first)}
    for _ in range(ROUNDS):
        symbols = _symbol_ids(client.markets, doubts)
        early = _trades(client, symbols, at)
        now = _by_key(client.fetch_holdings())
        late = _trades(client, symbols, at)
        for key, doubt in doubts.items():
            changes = [_changes(client.markets, fills, key) for fills in (early, late)]
            doubt.narrow(_openings(_held(now, key), *changes))
        if any(not doubt.possible for doubt in doubts.values()):
            return None
        doubts |= {key: _Doubt() for key in _differing(first, now) if key not in doubts}
        if all(doubt.is_settled for doubt in doubts.values()):
            openings = {key: min(doubt.possible) for key, doubt in doubts.items()}
            return _opened(first, now, openings), at
    return None


def _by_key(holdings: Iterable[HoldingReport]) -> dict[Key, HoldingReport]:
    return {Key(h.market_type, h.symbol_id, h.position_side, h.asset): h for h in holdings}


def _differing(one: dict[Key, HoldingReport], other: dict[Key, HoldingReport]) -> set[Key]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _held(holdings: dict[Key, HoldingReport], key: Key) -> tuple[Decimal, datetime | None]:
    holding = holdings.get(key)
    return (holding.quantity, holding.updated_at) if holding else (ZERO, None)


def _trades(client: RestClient, symbol_ids: Iterable[str], at: datetime) -> list[ExecutionReport]:
    """Read what was traded after a moment, in order of each market."""
    return [
        fill
        for symbol_id in symbol_ids
        for fill in client.fetch_executions(symbol_id, TradeCursor(since=at))
        if fill.executed_at > at
    ]


def _symbol_ids(markets: Markets, doubted: Iterable[Key]) -> list[str]:
    """Name the markets whose trades can have moved these holdings."""
    assets = {key.asset for key in doubted if key.asset}
    found = {market.symbol_id for market in markets_between(markets, assets)} if assets else set()
    return sorted(found | {key.symbol_id for key in doubted if not key.asset})


def _changes(markets: Markets, fills: Iterable[ExecutionReport], key: Key) -> list[Change]:
    """Say what trades made of a holding, in their order."""
    if key.asset:
        told = [(fill.executed_at, _moved(markets, fill, key.asset)) for fill in fills]
    else:
        held = (key.market_type, key.symbol_id, key.position_side)
        told = [
            (fill.executed_at, _signed(fill))
            for fill in fills
            if (fill.market_type, fill.symbol_id, fill.position_side) == held
        ]
    changes = [Change(*item) for item in told if item[1]]
    return sorted(changes, key=lambda change: change.at) if key.asset else changes


def _moved(markets: Markets, fill: ExecutionReport, asset: str) -> Decimal:
    """Say what a trade on spot made of an asset."""
    symbol = markets.symbol_of(fill.market_type, fill.symbol_id)
    quote = -_signed(fill) * fill.execution_price
    paid = SpotPosition(fill.commission_asset or "", -(fill.commission or ZERO))
    return balances([SpotPosition(symbol, _signed(fill), quote), paid]).get(asset, ZERO)


def _openings(
    held: tuple[Decimal, datetime | None], early: Sequence[Change], late: Sequence[Change]
) -> set[Decimal]:
    """Give what the holding may have begun with: less the early changes, and 0 or more late."""
    quantity, updated_at = held
    found = set()
    for count in range(len(early), len(late) + 1):
        if _fits(late, count, updated_at):
            found.add(quantity - sum((change.quantity for change in late[:count]), ZERO))
    return found


def _fits(changes: Sequence[Change], count: int, updated_at: datetime | None) -> bool:
    """Whether a holding changed last at this time can follow from the first so many changes."""
    if updated_at is None:
        return True
    last = changes[count - 1].at if count else None
    if any(change.at == updated_at for change in changes):
        # it has at least one of those in it that made it change then
        return last == updated_at
    is_before = last is None or last < updated_at
    return is_before and (count == len(changes) or changes[count].at > updated_at)


def _signed(fill: ExecutionReport) -> Decimal:
    return fill.execution_quantity if fill.side is Side.BUY else -fill.execution_quantity


def _opened(
    first: dict[Key, HoldingReport],
    now: dict[Key, HoldingReport],
    openings: dict[Key, Decimal],
) -> list[HoldingReport]:
    """Give the holdings as they were; the price paid is known only while the side is the same."""
    found = [holding for key, holding in first.items() if key not in openings]
    for key, quantity in openings.items():
        read = first.get(key) or now.get(key)
        if read is not None and quantity:
            price = read.entry_price if read.quantity * quantity > ZERO else None
            found.append(replace(read, quantity=quantity, entry_price=price))
    return found
