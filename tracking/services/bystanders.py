"""
Orders that an answer speaks of although nobody asked about them.

A bulk answer shows fills of orders whose frames are still on their way, or lost, or that were
placed by hand. Of orders we know, that is evidence like any other. Of orders we do not know it is
not enough: fills alone do not say whether the order still works. The drain leaves those out and
keeps the trade cursor before them; the sync asks for the orders and adopts them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from exchanges import registry
from exchanges.errors import OrderNotFound
from exchanges.governor import Priority
from exchanges.messages import IdSpace, MarketType
from exchanges.questions import OrderRef, TradeCursor
from tracking.domain.evidence import Evidence
from tracking.models import ClosedOrder, OpenOrder
from tracking.services.order_records import Gathered
from tracking.services.trade_pages import before
from tracking.services.verification import explained

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.order_records import OrderIdentity
    from tracking.services.verification import SymbolKey, Verified

log = structlog.get_logger(__name__)

#: How many unknown orders one sync asks for; the others wait behind the cursor for the next one.
ADOPTED_AT_ONCE = 20
#: "Not found" for an order with fills is a lagging answer, unless the fills are older than this.
FORGOTTEN_AFTER = timedelta(days=1)


def join_known(
    account: ExchangeAccount, answer: Verified, *, groups_known_to: Sequence[Gathered]
) -> None:
    """Take in what an answer says of orders we know; hold the cursor before all others."""
    for key, others in answer.others.items():
        known = known_orders(account.pk, key, {*others.fills, *others.snapshots})
        known |= {
            g.exchange_order_id
            for g in groups_known_to
            if g.exchange_order_id and (g.market_type, g.symbol) == key
        }
        _join(answer, key, known, {})
        _hold_cursor(account, answer, key, known)


def adopt(
    account: ExchangeAccount,
    client: RestClient,
    answer: Verified,
    *,
    told: Collection[OrderIdentity] = (),
) -> None:
    """Take in everything an answer says; ask for each unknown order before believing its fills.

    `told`: orders that count as known although they have no row yet.
    Raises TransientError when the exchange cannot be asked.
    """
    budget = ADOPTED_AT_ONCE
    for key, others in answer.others.items():
        known = known_orders(account.pk, key, {*others.fills, *others.snapshots})
        known |= {i[3] for i in told if i[:3] == (*key, IdSpace.ORDER.value)}
        unknown = [i for i in others.fills if i not in known and i not in others.snapshots]
        asked, budget = unknown[:budget], budget - min(budget, len(unknown))
        answers = {i: _ask(client, key, i) for i in sorted(asked)}
        snapshots = {i: snapshot for i, snapshot in answers.items() if snapshot}
        forgotten = {i for i in answers if i not in snapshots and _are_old(others.fills[i])}
        found = known | forgotten | set(snapshots) | set(others.snapshots)
        _join(answer, key, found, snapshots)
        _hold_cursor(account, answer, key, found)


def _ask(client: RestClient, key: SymbolKey, order_id: str) -> OrderSnapshot | None:
    market_type = MarketType(key[0])
    market = client.markets.market_of(market_type, key[1])
    ref = OrderRef(market_type=market_type, symbol_id=market.symbol_id, exchange_order_id=order_id)
    try:
        return client.fetch_order(ref, priority=Priority.SYNC)
    except OrderNotFound:
        log.warning("order.known_by_fills_only", symbol=key[1], exchange_order_id=order_id)
        return None


def _are_old(fills: Sequence[ExecutionReport]) -> bool:
    """Whether the exchange may have forgotten the order: then its fills are all there is."""
    return max(fill.executed_at for fill in fills) < timezone.now() - FORGOTTEN_AFTER


def strangers(answer: Verified) -> bool:
    """Whether an answer holds fills of orders that nobody has named yet."""
    named = {item.exchange_order_id for item in answer.gathered}
    return any(set(others.fills) - named for others in answer.others.values())


def known_orders(account_id: int, key: SymbolKey, order_ids: Iterable[str]) -> set[str]:
    """Say which of these orders have a row."""
    wanted = sorted(set(order_ids))
    if not wanted:
        return set()
    identity = {
        "account_id": account_id,
        "market_type": key[0],
        "symbol": key[1],
        "id_space": IdSpace.ORDER.value,
        "exchange_order_id__in": wanted,
    }
    return {
        order_id
        for model in (OpenOrder, ClosedOrder)
        for order_id in model.objects.filter(**identity).values_list("exchange_order_id", flat=True)
        if order_id
    }


def _join(
    answer: Verified,
    key: SymbolKey,
    taken: set[str],
    asked: dict[str, OrderSnapshot],
) -> None:
    others = answer.others[key]
    snapshots = others.snapshots | asked
    for order_id in sorted({*others.fills, *others.snapshots} & taken):
        snapshot = snapshots.get(order_id)
        answer.gathered.append(
            Gathered(
                market_type=key[0],
                symbol=key[1],
                id_space=IdSpace.ORDER.value,
                exchange_order_id=order_id,
                client_order_id=snapshot.client_order_id if snapshot else None,
                evidence=Evidence(
                    statements=(snapshot,) if snapshot else (),
                    executions=tuple(explained(others.fills.get(order_id, ()), snapshot)),
                ),
            )
        )


def _hold_cursor(
    account: ExchangeAccount, answer: Verified, key: SymbolKey, taken: set[str]
) -> None:
    """Keep the cursor before the fills that were not taken: they are asked for again."""
    others, cursor = answer.others[key], answer.cursors.get(key)
    left = [fill for i, fills in others.fills.items() if i not in taken for fill in fills]
    if cursor is not None:
        place_of = registry.adapter(account.exchange).place_of
        held = before(TradeCursor(after_trade_id=cursor), left, place_of)
        answer.cursors[key] = held.after_trade_id
