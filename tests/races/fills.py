"""
A seeded history of fills, as the stream tells them: order by order, each with its running total.

Two strategies and a person trade three markets both ways, so that positions grow, shrink and turn.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import (
    ExecutionReport,
    MarketType,
    OrderReport,
    OrderStatus,
    Side,
    Source,
)
from tracking.domain import client_ids
from tracking.domain.evidence import Evidence
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
MARKETS = ("BTC", "ETH", "SOL")
MOST_FILLS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One order and the pieces it fills in. `owner`: which strategy; None by hand."""

    order_id: str
    owner: int | None
    market: str
    side: Side
    price: Decimal
    pieces: tuple[Decimal, ...]


def history(seed: int, count: int) -> list[OrderReport]:
    """Give `count` fills of many orders, as they happened.

    The client order id of a strategy's order is its number: `gathered` writes the whole id.
    """
    chance = random.Random(seed)
    plans: list[Plan] = []
    left = count
    while left:
        pieces = min(left, chance.randint(1, MOST_FILLS))
        left -= pieces
        plans.append(
            Plan(
                order_id=str(7_000_000 + len(plans)),
                owner=chance.choice([0, 1, None]),
                market=chance.choice(MARKETS),
                side=chance.choice([Side.BUY, Side.SELL]),
                price=Decimal(chance.randint(100_000, 900_000)) / 10,
                pieces=tuple(Decimal(chance.randint(1, 999)) / 1000 for _ in range(pieces)),
            )
        )
    return _in_turns(chance, plans)


def _in_turns(chance: random.Random, plans: Sequence[Plan]) -> list[OrderReport]:
    """Let the orders fill among each other."""
    turns = [place for place, plan in enumerate(plans) for _ in plan.pieces]
    chance.shuffle(turns)
    done: dict[int, int] = defaultdict(int)
    reports = []
    for number, place in enumerate(turns):
        plan, piece = plans[place], done[place]
        done[place] += 1
        at = BEGIN + timedelta(milliseconds=20 * number)
        reports.append(_report(plan, piece, 100_000 + number, at))
    return reports


def _report(plan: Plan, piece: int, trade_id: int, at: datetime) -> OrderReport:
    filled, total = sum(plan.pieces[: piece + 1], Decimal(0)), sum(plan.pieces, Decimal(0))
    status = OrderStatus.FILLED if filled == total else OrderStatus.PARTIALLY_FILLED
    price = plan.price + piece
    return OrderReport(
        market_type=MarketType.FUTURES,
        symbol_id=f"{plan.market}USDT",
        exchange_order_id=plan.order_id,
        client_order_id=f"{plan.owner}" if plan.owner is not None else f"web_{plan.order_id}",
        status=status,
        exchange_status=status.value,
        side=plan.side,
        quantity=total,
        filled_quantity=filled,
        exchange_updated_at=at,
        price=plan.price,
        event_at=at,
        execution=ExecutionReport(
            market_type=MarketType.FUTURES,
            symbol_id=f"{plan.market}USDT",
            exchange_order_id=plan.order_id,
            exchange_trade_id=str(trade_id),
            side=plan.side,
            execution_price=price,
            execution_quantity=plan.pieces[piece],
            executed_at=at,
            source=Source.WS,
            is_maker=True,
            commission=price * plan.pieces[piece] / 5000,
            commission_asset="USDT",
            realized_pnl=Decimal(0),
        ),
    )


def gathered(reports: Iterable[OrderReport], tokens: Sequence[str]) -> list[Gathered]:
    """Group reports by order, as a drain does. `tokens`: those of the strategies, by number."""
    groups: dict[str, list[OrderReport]] = defaultdict(list)
    for report in reports:
        groups[report.exchange_order_id].append(report)
    return [_group(group, tokens) for group in groups.values()]


def _group(reports: Sequence[OrderReport], tokens: Sequence[str]) -> Gathered:
    first = reports[0]
    name = first.client_order_id or ""
    if name.isdigit():
        name = client_ids.compose(tokens[int(name)], f"{first.exchange_order_id:0>12}")
    return Gathered(
        market_type=first.market_type.value,
        symbol=f"{first.symbol_id.removesuffix('USDT')}/USDT:USDT",
        id_space=first.id_space.value,
        exchange_order_id=first.exchange_order_id,
        client_order_id=name,
        evidence=Evidence(
            statements=tuple(replace(report, client_order_id=name) for report in reports),
            executions=tuple(report.execution for report in reports if report.execution),
        ),
    )
