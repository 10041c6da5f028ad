"""
One comparison of an account with its exchange, whatever is done with the answers.

Note [Rehearsed as it is done]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A dry run is worth something only if it asks what a sync asks and concludes what a sync concludes.
So there is one comparison; it hands answers to `SyncBooks`, and asks them what is booked by now.
`order_tracking` books the answers, `rehearsal` rolls them back and remembers.

Note [Moved without a trade]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
On spot money that comes and goes is what is held, and the exchange's list of movements explains it
as trades do. So what the list tells is booked before books and holdings are compared for good; and
before a difference is told as a drift, the list is read although it was not due. As long as it is
too long to be read to its end, no difference is a drift yet.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tracking.services import activity, sync_holdings, sync_questions
from tracking.services.spot_assets import SPOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from exchanges.questions import TradeCursor
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.activity import Activity
    from tracking.services.anomalies import Noticed
    from tracking.services.order_records import OrderIdentity
    from tracking.services.postings import NewPosting
    from tracking.services.sync_holdings import Apart, Holdings
    from tracking.services.sync_questions import Answer
    from tracking.services.verification import SymbolKey


class SyncBooks(Protocol):
    """What becomes of a sync's answers. See Note [Rehearsed as it is done]."""

    def take(self, answer: Answer) -> None:
        """Merge an answer; explain the gaps it opens; weigh what the exchange does not know."""

    def notice(self, noticed: list[Noticed]) -> None:
        """Keep what a person should see."""

    def move(self, moved: Sequence[NewPosting]) -> None:
        """Book movements that change what is held. See Note [Moved without a trade]."""

    def holdings(self) -> Holdings:
        """Give what the books hold by now, by market and position side."""

    def cursors(self, keys: Iterable[SymbolKey]) -> dict[SymbolKey, TradeCursor]:
        """Say where the trades query of each symbol goes on by now."""

    def told(self) -> Collection[OrderIdentity]:
        """Name the orders that count as known although they have no row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison found besides the evidence it handed over."""

    #: what the exchange says is held
    held: Holdings
    #: holdings that neither followed from the books nor moved, after all trades were booked
    drifts: list[Apart]
    #: holdings that differed after all trades were booked, `drifts` among them
    apart: list[Apart]
    #: its `looked_at` is None while trades are left that there was no time to ask for
    seen: Activity


def compare(
    account: ExchangeAccount, client: RestClient, books: SyncBooks, *, full: bool
) -> Compared:
    """Ask what the exchange has, and hand it to the books. Raises ExchangeError."""
    answer = sync_questions.open_orders(account, client, full=full)
    books.notice(answer.noticed)
    books.take(answer)
    held, strange = sync_holdings.read_holdings(client)
    books.notice(strange)
    seen = activity.look(account, client)
    compared = _explained(account, client, books, held, seen)
    if seen.looked_at is None and any(item.key[0] == SPOT for item in compared.drifts):
        seen = activity.look(account, client, is_missed=True)
        compared = _explained(account, client, books, held, seen)
    return compared


def _explained(
    account: ExchangeAccount,
    client: RestClient,
    books: SyncBooks,
    held: Holdings,
    seen: Activity,
) -> Compared:
    """Book what moved and what was traded, and say what that leaves unexplained."""
    books.move(seen.moved)
    moved = sync_holdings.apart(books.holdings(), held)
    if not moved and not seen.traded:
        return Compared(held=held, drifts=[], apart=[], seen=seen)
    why = sync_holdings.explaining(account.pk, client.markets, moved, seen.traded)
    cursors = books.cursors(why.markets)
    trades = sync_questions.trades_of(account, client, cursors, told=books.told())
    books.take(trades)
    apart, drifts = sync_holdings.still_apart(client, why.decided, held, books.holdings)
    return Compared(
        held=held,
        drifts=[item for item in drifts if not (seen.has_more and item.key[0] == SPOT)],
        apart=apart,
        seen=replace(seen, looked_at=None) if trades.has_more else seen,
    )
