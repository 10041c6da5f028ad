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

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from exchanges.messages import PositionSide, Side
from exchanges.questions import TradeCursor
from tracking.domain.executions import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import ExecutionReport, HoldingReport, MarketType
    from exchanges.rest import RestClient

ROUNDS: Final = 6
#: So many rounds have to agree.
AGREED: Final = 2


class Key(NamedTuple):
    """One holding."""

    market_type: MarketType
    symbol_id: str
    position_side: PositionSide


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


def read_opening(client: RestClient) -> tuple[list[HoldingReport], datetime] | None:
    """Say what was held at a moment of exchange time; None if that cannot be told just now.

    See Note [Explained backwards]. Raises ExchangeError.
    """
    before = _by_key(client.fetch_holdings())
    at = client.fetch_server_time()
    first = _by_key(client.fetch_holdings())
    doubts = {key: _Doubt() for key in _differing(before, first)}
    for _ in range(ROUNDS):
        symbols = sorted({key.symbol_id for key in doubts})
        early = _trades(client, symbols, at)
        now = _by_key(client.fetch_holdings())
        late = _trades(client, symbols, at)
        for key, doubt in doubts.items():
            doubt.narrow(_openings(_held(now, key), _of(early, key), _of(late, key)))
        if any(not doubt.possible for doubt in doubts.values()):
            return None
        doubts |= {key: _Doubt() for key in _differing(first, now) if key not in doubts}
        if all(doubt.is_settled for doubt in doubts.values()):
            openings = {key: min(doubt.possible) for key, doubt in doubts.items()}
            return _opened(first, now, openings), at
    return None


def _by_key(holdings: Iterable[HoldingReport]) -> dict[Key, HoldingReport]:
    return {Key(h.market_type, h.symbol_id, h.position_side): h for h in holdings}


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


def _of(fills: Iterable[ExecutionReport], key: Key) -> list[ExecutionReport]:
    return [fill for fill in fills if (fill.market_type, fill.symbol_id, fill.position_side) == key]


def _openings(
    held: tuple[Decimal, datetime | None],
    early: Sequence[ExecutionReport],
    late: Sequence[ExecutionReport],
) -> set[Decimal]:
    """Give what the holding may have begun with: less the early fills, and 0 or more late ones."""
    quantity, updated_at = held
    found = set()
    for count in range(len(early), len(late) + 1):
        if _fits(late, count, updated_at):
            found.add(quantity - sum(map(_signed, late[:count]), ZERO))
    return found


def _fits(fills: Sequence[ExecutionReport], count: int, updated_at: datetime | None) -> bool:
    """Whether a holding changed last at this time can follow from the first so many fills."""
    if updated_at is None:
        return True
    last = fills[count - 1].executed_at if count else None
    if any(fill.executed_at == updated_at for fill in fills):
        # it has at least one of those in it that made it change then
        return last == updated_at
    is_before = last is None or last < updated_at
    return is_before and (count == len(fills) or fills[count].executed_at > updated_at)


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
