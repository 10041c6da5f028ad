"""
Fills that are told before their order is.

Note [A fill waits for its order]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
Some exchanges tell of fills apart from orders (Bybit), in no promised order. A fill alone does not
say which of a symbol's two positions it moved, nor whether its order goes on. The word of its order
comes with it, usually within milliseconds, or REST gives it. So the frames of such a fill stay in
the inbox until then, PATIENCE at most, and longer where an account keeps two positions apart: a
fill of the wrong one would do more harm than a late one. After that it is booked as it is, because
no fill may be lost. Fills of orders that have a row never wait.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tracking.models import ClosedOrder, OpenOrder, PositionMode
from tracking.services.bystanders import known_orders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered
    from tracking.services.verification import SymbolKey

PATIENCE: Final = timedelta(seconds=10)
PATIENCE_WITH_TWO_SIDES: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """What is to wait in the inbox."""

    orders: tuple[Gathered, ...] = ()

    @property
    def frames(self) -> frozenset[int]:
        """The inbox rows that are not settled yet."""
        return frozenset(frame.pk for item in self.orders for frame in item.frames)

    def keep_before(self, cursors: Mapping[SymbolKey, str | None]) -> dict[SymbolKey, str | None]:
        """Leave the cursors where they were in symbols whose fills are not all booked."""
        waiting = {(item.market_type, item.symbol) for item in self.orders}
        return {key: None if key in waiting else at for key, at in cursors.items()}


def too_early(account: ExchangeAccount, evidence: Sequence[Gathered], now: datetime) -> HeldBack:
    """Give the fills whose order is not known and may be told yet."""
    has_two_sides = account.position_mode == PositionMode.HEDGE.value
    patience = PATIENCE_WITH_TWO_SIDES if has_two_sides else PATIENCE
    lone: dict[SymbolKey, list[Gathered]] = defaultdict(list)
    for item in evidence:
        if _is_lone(item) and item.received_at and now - item.received_at < patience:
            lone[item.market_type, item.symbol].append(item)
    found = [item for key, items in lone.items() for item in _unknown(account.pk, key, items)]
    return HeldBack(orders=tuple(found))


def _is_lone(item: Gathered) -> bool:
    return bool(item.frames) and not item.evidence.statements


def _unknown(account_id: int, key: SymbolKey, items: Sequence[Gathered]) -> list[Gathered]:
    known = known_orders(account_id, key, [i.exchange_order_id or "" for i in items])
    left = [item for item in items if item.exchange_order_id not in known]
    names = sorted({item.client_order_id for item in left if item.client_order_id})
    ours = _ours(account_id, key[0], names) if names else set()
    return [item for item in left if item.client_order_id not in ours]


def _ours(account_id: int, market_type: str, names: Sequence[str]) -> set[str]:
    """Give the names of orders we have sent ourselves: what they are is known from the start."""
    sent = {
        "account_id": account_id,
        "market_type": market_type,
        "client_order_id__in": names,
        "placed_by_us": True,
    }
    return {
        name
        for model in (OpenOrder, ClosedOrder)
        for name in model.objects.filter(**sent).values_list("client_order_id", flat=True)
        if name
    }
