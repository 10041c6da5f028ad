"""
Orders found by what people call them: an id of the exchange, a client order id, or a full label.

Ids of exchanges are unique per symbol at best, and client order ids per account: more than one
order may answer to a name, and the one who asks has to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from exchanges.messages import IdSpace, MarketType
from tracking.models import ClosedOrder, OpenOrder, OrderEvidence, OrderRequest, Trade

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = (
    "account_id",
    "market_type",
    "symbol",
    "id_space",
    "exchange_order_id",
    "client_order_id",
)


class OrderKey(NamedTuple):
    """One order of one account; it has at least one of the two ids."""

    account_id: int
    market_type: str
    symbol: str
    id_space: str
    exchange_order_id: str | None
    client_order_id: str | None

    @property
    def label(self) -> str:
        """Name the order as `find_orders` takes it."""
        return f"{self.market_type}:{self.symbol}:{self.exchange_order_id or self.client_order_id}"

    def rows(self) -> dict[str, Any]:
        """Give the filter that finds the order's rows by its exchange's id."""
        return {
            "account_id": self.account_id,
            "market_type": self.market_type,
            "symbol": self.symbol,
            "id_space": self.id_space,
            "exchange_order_id": self.exchange_order_id,
        }

    def named(self) -> Q:
        """Give the condition that finds rows which know the order by either id."""
        known = Q(exchange_order_id=self.exchange_order_id or "")
        if self.client_order_id:
            known |= Q(client_order_id=self.client_order_id, exchange_order_id=None)
        return known & Q(account_id=self.account_id, symbol=self.symbol)


def find_orders(name: str, account_id: int | None = None) -> list[OrderKey]:
    """Find the orders of this name: an id, a client order id, or `market:symbol:id`."""
    wanted = _condition(name)
    if account_id is not None:
        wanted &= Q(account_id=account_id)
    found: set[OrderKey] = set()
    for model in (OpenOrder, ClosedOrder, Trade, OrderEvidence):
        rows = model._default_manager.filter(wanted)  # noqa: SLF001 - the manager of any model
        found |= {OrderKey(*row) for row in rows.values_list(*_COLUMNS).distinct()}
    requests = OrderRequest.objects.filter(wanted).values_list(
        "account_id", "market_type", "symbol", "exchange_order_id", "client_order_id"
    )
    found |= {OrderKey(*row[:3], IdSpace.ORDER.value, *row[3:]) for row in requests}
    return _distinct(found)


def _condition(name: str) -> Q:
    market_type, _, rest = name.partition(":")
    symbol, _, order_id = rest.rpartition(":")
    if market_type not in set(MarketType) or not symbol:
        return Q(exchange_order_id=name) | Q(client_order_id=name)
    by_id = Q(exchange_order_id=order_id) | Q(client_order_id=order_id)
    return by_id & Q(market_type=market_type, symbol=symbol)


def _distinct(found: Iterable[OrderKey]) -> list[OrderKey]:
    """Make one of what is one order: rows written before an id was known lack it."""
    known: dict[tuple[object, ...], OrderKey] = {}
    for key in sorted(found, key=lambda key: (not key.exchange_order_id, not key.client_order_id)):
        by_client = (*key[:3], key.client_order_id)
        if key.exchange_order_id:
            known.setdefault(key[:5], key)
            if key.client_order_id:
                known.setdefault(by_client, key)
        else:
            known.setdefault(by_client, key)
    return sorted(set(known.values()), key=lambda key: (key.account_id, key.label))
