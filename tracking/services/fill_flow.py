"""
How fast fills come, and what asking about them is worth.

Note [Asking in bulk]
~~~~~~~~~~~~~~~~~~~~~
A look at a symbol costs the same for one fill as for a thousand: six of Binance futures' weight,
26 in spot. At 200 fills a second, asking with every round would spend any budget, and an account
that spends all of it leaves none for others and for orders. So fills of a busy account do not wait
for REST, they are shown unverified; and their symbol is asked about once enough of them wait that a
fill costs a tenth of a weight unit, or the first has waited long enough.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tracking.models import TradeExecution

#: An account whose fills came faster than so many in so many seconds, in this process, is busy.
BUSY_FILLS: Final = 60
BUSY_SECONDS: Final = 2.0
#: A fill may cost so much of the exchange's weight; where it would cost more, its symbol is asked
#: about only after so long.
WEIGHT_PER_FILL: Final = 0.1
LONGEST_WAIT: Final = timedelta(seconds=3)
#: An account with fewer fills waiting than this is asked about at once.
MANY: Final = 100


class FillFlow:
    """The fills of the last seconds, by account. Of one process; see Note [Asking in bulk]."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rounds: dict[int, deque[tuple[float, int]]] = defaultdict(deque)

    def note(self, account_id: int, fills: int) -> bool:
        """Note a round's fills; tell whether the account is busy."""
        now, rounds = self._clock(), self._rounds[account_id]
        rounds.append((now, fills))
        while rounds[0][0] < now - BUSY_SECONDS:
            rounds.popleft()
        return sum(count for _, count in rounds) > BUSY_FILLS


def worth_asking(due: Sequence[TradeExecution], now: datetime, look: float) -> list[TradeExecution]:
    """Choose what is asked about now of what is due; the rest is due again at the next look.

    `look` is the weight of asking about one symbol.
    """
    if len(due) < MANY:
        return list(due)
    by_symbol: dict[tuple[str, str], list[TradeExecution]] = defaultdict(list)
    for row in due:
        by_symbol[row.market_type, row.symbol].append(row)
    return [row for rows in by_symbol.values() if _is_worth(rows, now, look) for row in rows]


def _is_worth(rows: Sequence[TradeExecution], now: datetime, look: float) -> bool:
    since = now - LONGEST_WAIT
    return len(rows) * WEIGHT_PER_FILL >= look or any(
        # one that was asked about before has waited its own time
        row.verify_attempts or (row.next_verify_at is not None and row.next_verify_at <= since)
        for row in rows
    )
