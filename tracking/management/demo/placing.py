"""
What became of everything that was asked for in a run, and what was on the wire for it.

The simulated exchange counts each submission as it arrives at its door, also those it then refuses
or swallows. So an order sent twice shows although the second one was turned away.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracking.models import UNRESOLVED, OrderRequest, RequestAction, RequestOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tracking.management.demo.theatre import Theatre
    from tracking.models import ExchangeAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Figures about requests; the names are those of the report."""

    requests: int
    requests_accepted: int
    #: acknowledged to whoever asked, and not in our database
    requests_lost: int
    requests_unresolved: int
    requests_needing_review: int
    #: accepted without an order at the exchange, or an order there that was not accepted
    requests_not_as_told: int
    orders_sent: int
    orders_sent_twice: int
    #: sent with a client order id that no request carries
    orders_unasked: int


def measure(
    accounts: Collection[ExchangeAccount], theatre: Theatre, acknowledged: Collection[int]
) -> Placing:
    """Count it all. Raises ExchangeControlError."""
    requests = OrderRequest.objects.filter(account__in=accounts)
    placed = requests.filter(action=RequestAction.PLACE.value)
    outcomes = dict(placed.values_list("client_order_id", "outcome"))
    sent = submissions(accounts, theatre)
    there = {name for account in accounts for name in theatre.client_order_ids(account)}
    accepted = RequestOutcome.ACCEPTED.value
    return Placing(
        requests=requests.count(),
        requests_accepted=requests.filter(outcome=accepted).count(),
        requests_lost=len(set(acknowledged)) - requests.filter(pk__in=acknowledged).count(),
        requests_unresolved=unresolved(accounts),
        requests_needing_review=requests.filter(outcome=RequestOutcome.NEEDS_REVIEW.value).count(),
        requests_not_as_told=sum(
            (outcome == accepted) != (name in there) for name, outcome in outcomes.items()
        ),
        orders_sent=sent.total(),
        orders_sent_twice=sum(count > 1 for count in sent.values()),
        orders_unasked=len(sent.keys() - outcomes.keys()),
    )


def unresolved(accounts: Iterable[ExchangeAccount]) -> int:
    """Count the requests of which nobody knows yet what became of them."""
    return OrderRequest.objects.filter(account__in=list(accounts), outcome__in=UNRESOLVED).count()


def submissions(accounts: Iterable[ExchangeAccount], theatre: Theatre) -> Counter[str]:
    """Count how often each client order id was on the wire."""
    counted: Counter[str] = Counter()
    for account in accounts:
        counted.update(theatre.control_of(account).submissions(account.api_key))
    return counted
