"""
Two books of the same accounts, the exchange's ledger and our database, and where they differ.

Both are read into the same frozen values, so equality is Python's: one differing field of one
execution makes one missing and one extra. The ledger is the simulated exchange's own and knows
nothing of what it sent us.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from exchanges.messages import MarketType, PositionSide
from tracking.models import OpenOrder, TradeExecution
from tracking.services.sync_holdings import booked_holdings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from tracking.models import ExchangeAccount

#: how many differences of a kind are shown
EXAMPLES = 10
POSITION_SIDES = {"BOTH": PositionSide.NET.value}

OrderKey = tuple[str, str, str | None]
PositionKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFill:
    """One execution, as either side has it."""

    account: str
    market_type: str
    symbol: str
    exchange_order_id: str
    exchange_trade_id: str
    side: str
    position_side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    fee_asset: str | None
    is_maker: bool | None
    realized_pnl: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingOrder:
    """One open order, as either side has it."""

    market_type: str
    client_order_id: str | None
    side: str
    position_side: str
    order_type: str
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was traded, what rests, what is held."""

    fills: Counter[BookedFill]
    orders: Mapping[OrderKey, RestingOrder]
    #: signed quantities that are not zero
    positions: Mapping[PositionKey, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Where our books are not the exchange's."""

    missing: list[BookedFill] = field(default_factory=list)
    extra: list[BookedFill] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.missing or self.extra or self.orders or self.positions)

    def examples(self) -> list[str]:
        """Describe the first few of each kind."""
        named: dict[str, Iterable[object]] = {
            "missing": self.missing,
            "extra": self.extra,
            "open order": self.orders,
            "position": self.positions,
        }
        return [f"{kind}: {one}" for kind, all_ in named.items() for one in list(all_)[:EXAMPLES]]


def ledger_books(ledger: Mapping[str, Any], api_key: str, symbol_of: Callable[[str], str]) -> Books:
    """Read an account's books from the exchange's ledger.

    `symbol_of` gives the unified symbol of what the exchange calls a market.
    """
    account = ledger["accounts"][api_key]
    return Books(
        fills=Counter(_their_fill(row, symbol_of) for row in account["executions"]),
        orders={
            (api_key, symbol_of(row["symbol"]), row["exchange_order_id"]): _their_order(row)
            for row in account["open_orders"]
        },
        positions=_their_positions(account, api_key, symbol_of),
    )


def joined(books: Iterable[Books]) -> Books:
    """Put the books of several accounts together."""
    whole = Books(fills=Counter(), orders={}, positions={})
    for each in books:
        whole = Books(
            fills=whole.fills + each.fills,
            orders={**whole.orders, **each.orders},
            positions={**whole.positions, **each.positions},
        )
    return whole


def _their_positions(
    account: Mapping[str, Any], api_key: str, symbol_of: Callable[[str], str]
) -> dict[PositionKey, Decimal]:
    """Read what is held: positions, or in spot the assets, what orders lock included."""
    if account["market_type"] == MarketType.SPOT.value:
        held = {
            (api_key, account["market_type"], row["asset"], PositionSide.NET.value): (
                Decimal(row["free"]) + Decimal(row["locked"])
            )
            for row in account["balances"]
        }
        return {key: amount for key, amount in held.items() if amount}
    return {
        (api_key, account["market_type"], symbol_of(row["symbol"]), _position_side(row)): Decimal(
            row["quantity"]
        )
        for row in account["positions"]
    }


def _position_side(row: Mapping[str, Any]) -> str:
    side = str(row["position_side"])
    return POSITION_SIDES.get(side, side)


def _their_fill(row: Mapping[str, Any], symbol_of: Callable[[str], str]) -> BookedFill:
    return BookedFill(
        account=row["account"],
        market_type=row["market_type"],
        symbol=symbol_of(row["symbol"]),
        exchange_order_id=row["exchange_order_id"],
        exchange_trade_id=row["exchange_trade_id"],
        side=row["side"],
        position_side=_position_side(row),
        price=Decimal(row["price"]),
        quantity=Decimal(row["quantity"]),
        fee=Decimal(row["commission"]),
        fee_asset=row["commission_asset"],
        is_maker=row["is_maker"],
        # spot realises nothing at the exchange
        realized_pnl=(
            None if row["market_type"] == MarketType.SPOT.value else Decimal(row["realized_pnl"])
        ),
    )


def _their_order(row: Mapping[str, Any]) -> RestingOrder:
    return RestingOrder(
        market_type=row["market_type"],
        client_order_id=row["client_order_id"],
        side=row["side"],
        position_side=_position_side(row),
        order_type=row["type"],
        price=Decimal(row["price"]),
        quantity=Decimal(row["quantity"]),
        filled_quantity=Decimal(row["filled_quantity"]),
    )


def our_books(accounts: Collection[ExchangeAccount]) -> Books:
    """Read the books of these accounts from our database."""
    api_keys = {account.pk: account.api_key for account in accounts}
    executions = TradeExecution.objects.filter(account__in=api_keys, voided_at__isnull=True)
    orders = OpenOrder.objects.filter(account__in=api_keys)
    return Books(
        fills=Counter(_our_fill(row, api_keys) for row in executions),
        orders={
            (api_keys[row.account_id], row.symbol, row.exchange_order_id): _our_order(row)
            for row in orders
        },
        positions=_our_positions(api_keys),
    )


def _our_fill(row: TradeExecution, api_keys: Mapping[int, str]) -> BookedFill:
    return BookedFill(
        account=api_keys[row.account_id],
        market_type=row.market_type,
        symbol=row.symbol,
        exchange_order_id=row.exchange_order_id,
        exchange_trade_id=row.exchange_trade_id,
        side=row.side,
        position_side=row.position_side,
        price=row.execution_price,
        quantity=row.execution_quantity,
        fee=row.commission,
        fee_asset=row.commission_asset,
        is_maker=row.is_maker,
        realized_pnl=row.realized_pnl,
    )


def _our_order(row: OpenOrder) -> RestingOrder:
    return RestingOrder(
        market_type=row.market_type,
        client_order_id=row.client_order_id,
        side=row.side,
        position_side=row.position_side,
        order_type=row.order_type,
        price=row.price or Decimal(0),
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
    )


def _our_positions(api_keys: Mapping[int, str]) -> dict[PositionKey, Decimal]:
    """Add up what strategies and the residual hold: the exchange knows only the sum."""
    return {
        (api_key, *key): held
        for pk, api_key in api_keys.items()
        for key, held in booked_holdings(pk).items()
        if held
    }


def compare(theirs: Books, ours: Books) -> Differences:
    """Say where our books are not theirs."""
    told = _as_told(theirs.fills, ours.fills)
    return Differences(
        missing=list((told - ours.fills).elements()),
        extra=list((ours.fills - told).elements()),
        orders=_differing(theirs.orders, ours.orders),
        positions=_differing(theirs.positions, ours.positions),
    )


def _as_told(theirs: Counter[BookedFill], ours: Counter[BookedFill]) -> Counter[BookedFill]:
    """Leave out who made the price, or what it earned, where not every exchange's REST tells."""
    found: Counter[BookedFill] = Counter()
    for fill, count in theirs.items():
        less = replace(fill, is_maker=None), replace(fill, realized_pnl=None)
        found[next((untold for untold in less if untold in ours), fill)] += count
    return found


def _differing(theirs: Mapping[Any, object], ours: Mapping[Any, object]) -> list[str]:
    keys = sorted(theirs.keys() | ours.keys(), key=str)
    return [
        f"{key}: theirs {theirs.get(key)}, ours {ours.get(key)}"
        for key in keys
        if theirs.get(key) != ours.get(key)
    ]
