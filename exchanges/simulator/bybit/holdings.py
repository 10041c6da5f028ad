"""
What an account owns, in Bybit's field names, and the funding it paid or got.

A house keeps the balances of its own market type; an account that exists in several has one wallet
in Bybit's eyes, so their sums are shown. Source: "Position", "Wallet" streams, "Get Position Info",
"Get Wallet Balance", "execType" (v5).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.amounts import ZERO, plain, rounded, trimmed
from exchanges.simulator.bybit import ids, words
from exchanges.simulator.bybit.progress import worth
from exchanges.simulator.bybit.rows import EXECUTION_NOT_OFFERED, Row, sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Balance, Income, Position

#: no liquidation, attached orders or risk tiers are reckoned here
POSITION_NOT_OFFERED: Final[Mapping[str, Any]] = {
    "tradeMode": 0,
    "riskId": 1,
    "riskLimitValue": "2000000",
    "leverage": "10",
    "autoAddMargin": 0,
    "adlRankIndicator": 0,
    "positionStatus": "Normal",
    "positionIM": "0",
    "positionIMByMp": "0",
    "positionMM": "0",
    "positionMMByMp": "0",
    "positionBalance": "0",
    "liqPrice": "",
    "bustPrice": "",
    "tpslMode": "Full",
    "takeProfit": "0",
    "stopLoss": "0",
    "trailingStop": "0",
    "sessionAvgPrice": "0",
    "leverageSysUpdatedTime": "",
    "mmrSysUpdateTime": "",
    "mmrSysUpdatedTime": "",
    "isReduceOnly": False,
}
#: the account as a whole is not reckoned here ("" is what Bybit shows where it does not)
WALLET_TOTALS: Final = (
    "totalEquity", "totalWalletBalance", "totalMarginBalance", "totalAvailableBalance",
    "totalPerpUPL", "totalInitialMargin", "totalMaintenanceMargin", "accountIMRate",
    "accountMMRate", "accountLTV", "accountIMRateByMp", "accountMMRateByMp",
    "totalInitialMarginByMp", "totalMaintenanceMarginByMp",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was held of a symbol at a moment, and at which price it last traded."""

    quantity: Decimal
    price: Decimal


def position_row(position: Position, mark: Decimal, *, unrealised: Decimal = ZERO) -> Row:
    """A position as the list shows it."""
    quantity = position.quantity
    size = getattr(position, "contract_size", None)
    return {
        **POSITION_NOT_OFFERED,
        "positionIdx": words.POSITIONS[position.side],
        "symbol": position.symbol,
        "side": "Buy" if quantity > 0 else "Sell" if quantity < 0 else "",
        "size": plain(abs(quantity)),
        "avgPrice": trimmed(rounded(position.entry_price)),
        "breakEvenPrice": trimmed(rounded(position.entry_price)),
        "positionValue": trimmed(rounded(worth(abs(quantity), position.entry_price, size))),
        "markPrice": plain(mark),
        "unrealisedPnl": trimmed(rounded(unrealised)),
        "curRealisedPnl": trimmed(position.realized),
        "cumRealisedPnl": trimmed(position.realized),
        "createdTime": str(position.updated),
        "updatedTime": str(position.updated),
        "seq": sequence(position.updated, 0) if position.updated else -1,
    }


def position_event(house: str, position: Position, at: int) -> Row:
    """A position as frames show it: the average is called entryPrice there."""
    row = position_row(position, position.entry_price)
    entry = row.pop("avgPrice")
    return {
        "category": words.CATEGORY[house],
        **row,
        "entryPrice": entry,
        "updatedTime": str(position.updated or at),
    }


def wallet_row(kept: Iterable[tuple[str, Balance]]) -> Row:
    """The unified wallet, of houses and their balances; only orders of spot lock assets."""
    total: dict[str, Decimal] = defaultdict(lambda: ZERO)
    locked: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for house, balance in kept:
        total[balance.asset] += balance.total
        if words.CATEGORY[house] == words.SPOT:
            locked[balance.asset] += balance.held
    return {
        "accountType": "UNIFIED",
        **dict.fromkeys(WALLET_TOTALS, ""),
        "coin": [coin_row(asset, total[asset], locked[asset]) for asset in total],
    }


def coin_row(asset: str, total: Decimal, locked: Decimal) -> Row:
    """One asset of a wallet."""
    return {
        "coin": asset,
        "equity": plain(total),
        "walletBalance": plain(total),
        "locked": plain(locked),
        "usdValue": "",
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "spotBorrow": "0",
        "accruedInterest": "0",
        "totalOrderIM": "0",
        "totalPositionIM": "0",
        "totalPositionMM": "0",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "spotHedgingQty": "0",
    }


def held_at(account: Account, symbol: str, at: int) -> Held:
    """What was held of a symbol at a moment."""
    quantity, price = ZERO, ZERO
    for fill in account.trades.get(symbol, ()):
        if fill.time > at:
            break
        quantity, price = quantity + fill.quantity * fill.order.sign, fill.price
    return Held(quantity=quantity, price=price)


def funding_row(house: str, account: Account, income: Income) -> Row:
    """Funding as an execution: what was paid is its fee, what was got a negative one."""
    held = held_at(account, income.symbol, income.time)
    is_long = held.quantity >= 0
    return {
        "symbol": income.symbol,
        "orderId": f"{income.time // 1000}-{income.transaction_id}-{'1' if is_long else '2'}",
        "orderLinkId": "",
        "side": "Buy" if is_long else "Sell",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "execId": income_id(house, account, income),
        "execType": "Funding",
        "execPrice": plain(held.price),
        "execQty": plain(abs(held.quantity)),
        "execValue": trimmed(rounded(held.price * abs(held.quantity))),
        "execFee": plain(-income.amount),
        "feeRate": "0.0001",
        "feeCurrency": income.asset,
        "execTime": str(income.time),
        "isMaker": False,
        "markPrice": plain(held.price),
        "closedSize": "",
        "seq": sequence(income.time, income.transaction_id),
        "createType": "",
        **EXECUTION_NOT_OFFERED,
    }


def funding_event(house: str, account: Account, income: Income) -> Row:
    """Funding as the frames of executions show it."""
    return {
        "category": words.CATEGORY[house],
        **funding_row(house, account, income),
        "isLeverage": "0",
        "marketUnit": "",
        "execPnl": plain(income.amount),
    }


def income_id(house: str, account: Account, income: Income) -> str:
    """The id of a movement that is no fill."""
    return ids.make(house, f"{ids.INCOME}:{account.api_key}", income.symbol, income.transaction_id)
