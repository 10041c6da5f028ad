"""
What moved the one wallet of a Bybit account beside its spot trades.

Note [One wallet]
~~~~~~~~~~~~~~~~~
A unified account has one wallet for spot and all contracts. What spot holds is this wallet, so
whatever contracts make of it (results, fees, funding) moves spot's holdings, and so does all that
is no trade. The transaction log tells each change of the wallet once; spot's own trades are left
to their fills. A loan is in the wallet but is not held (`bybit_holdings`), so neither is borrowing
nor paying back a movement.

The log shows rows some time after they happened: each time, its last minutes are read again.

Sources: v5 "Get Transaction Log", "Enums Definitions": type(uta-translog) (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import bybit_calls as calls
from exchanges import bybit_vocabulary as words
from exchanges.bybit_trades import ListKind, ListReader, exchange_now
from exchanges.messages import MarketType, MovementKind, MovementReport
from exchanges.questions import Activity
from exchanges.understanding import understood
from exchanges.wire import ZERO, optional_signed, optional_text, signed, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.calls import Calls
    from exchanges.governor import Priority
    from exchanges.wire import Fields

#: How late a row may be listed.
LATE: Final = timedelta(minutes=2)
#: After so many pages no other window is begun: they are short, and 25 a second may be asked for.
PAGES: Final = 20
#: samples give one id to several rows, so what else is fixed about a row is part of its name
_LOG: Final = ListKind(
    endpoint=calls.WALLET_LOG,
    page=50,
    names=("id", "type", "currency", "transactionTime"),
    time="transactionTime",
)
_SPOT: Final = words.CATEGORIES[MarketType.SPOT]
_CONTRACTS: Final = frozenset({"linear", "inverse", "option"})
_TRADES: Final = frozenset({"TRADE", "LIQUIDATION"})
#: a trade between two accounts of one owner, of which executions tell no fill
_MOVED: Final = "movePosition"
_LOANS: Final = frozenset({
    "BORROW", "REPAY", "FLOATING_TO_FIXED_BORROW", "FLOATING_TO_FIXED_REPAY",
})  # fmt: skip
_FUNDING: Final = "SETTLEMENT"
#: What is neither named here nor of a contract is a CORRECTION: a charge or a credit.
_KINDS: Final = {
    "TRANSFER_IN": MovementKind.TRANSFER,
    "TRANSFER_OUT": MovementKind.TRANSFER,
    "TRANSFER_IN_INS_LOAN": MovementKind.TRANSFER,
    "TRANSFER_OUT_INS_LOAN": MovementKind.TRANSFER,
    "BONUS_TRANSFER_IN": MovementKind.TRANSFER,
    "BONUS_TRANSFER_OUT": MovementKind.TRANSFER,
    "PEF_TRANSFER_IN": MovementKind.TRANSFER,
    "PEF_TRANSFER_OUT": MovementKind.TRANSFER,
    "PREMARKET_TRANSFER_OUT": MovementKind.TRANSFER,
    "TRADE": MovementKind.TRANSFER,
    "CURRENCY_BUY": MovementKind.DUST,
    "CURRENCY_SELL": MovementKind.DUST,
    "CONVERT": MovementKind.DUST,
}


def fetch_movements(
    api: Calls, since: datetime, *, deadline: float, priority: Priority
) -> Activity:
    """Return what moved the wallet since then and is no trade of spot. See Note [One wallet]."""
    reader = ListReader(
        kind=_LOG,
        api=api,
        fixed={"accountType": "UNIFIED"},
        deadline=deadline,
        priority=priority,
        pages_left=PAGES,
    )
    # a list that broke off long ago is read on from there, or it would never be read to its end
    is_all = reader.read_from(min(since, exchange_now(api) - LATE))
    return understood(lambda: _moved(reader, is_all=is_all))


def _moved(reader: ListReader, *, is_all: bool) -> Activity:
    rows = reader.rows()
    movements = (_movement(row) for row in rows if not _is_told_otherwise(row))
    return Activity(
        movements=tuple(movement for movement in movements if movement.amount != ZERO),
        more_from=None if is_all else reader.dated(rows[-1]),
    )


def _is_told_otherwise(row: Fields) -> bool:
    """Whether fills tell it, or what is held does not contain it."""
    kind = text(row, "type")
    if kind in _LOANS:
        return True
    is_trade = row.get("category") == _SPOT and kind in _TRADES
    return is_trade and row.get("transSubType") != _MOVED


def _movement(row: Fields) -> MovementReport:
    return MovementReport(
        key=f"wallet:{':'.join(text(row, name) for name in _LOG.names)}",
        kind=_kind(row),
        market_type=MarketType.SPOT,
        symbol_id=optional_text(row, "symbol"),
        asset=text(row, "currency"),
        amount=signed(row, "change"),
        posted_at=words.moment(row, _LOG.time),
    )


def _kind(row: Fields) -> MovementKind:
    """Say why the wallet moved; of USDC contracts, funding comes with the result of a session."""
    if row.get("category") not in _CONTRACTS:
        return _KINDS.get(text(row, "type"), MovementKind.CORRECTION)
    is_funding = text(row, "type") == _FUNDING
    if is_funding and optional_signed(row, "funding") == signed(row, "change"):
        return MovementKind.FUNDING
    return MovementKind.SETTLEMENT
