"""
What the private stream says: one encoder per event, in Binance's field names and order.

Frames are built by formatting, not by a JSON library: everything in them is a number, a checked
identifier or a constant, and the part of an order that never changes is encoded once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.amounts import plain, rounded, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.orders import Execution, Order

ORDER_TRADE_UPDATE: Final = "ORDER_TRADE_UPDATE"
ACCOUNT_UPDATE: Final = "ACCOUNT_UPDATE"
TRADE_LITE: Final = "TRADE_LITE"
ALGO_UPDATE: Final = "ALGO_UPDATE"
LISTEN_KEY_EXPIRED: Final = "listenKeyExpired"
#: how Binance calls an account beside its key
ACCOUNT_ALIAS: Final = "SgsR"
ALIAS_FIELD: Final = f'"i":"{ACCOUNT_ALIAS}",'

_NO_FILL: Final = '"l":"0"', '"L":"0"', '"n":"0"', '"t":0', '"m":false', '"rp":"0"'
#: what follows the realised profit; nothing here offers these features
_TAIL: Final = '"pP":false,"si":0,"ss":0,"V":"EXPIRE_MAKER","pm":"NONE","gtd":0,"er":"'


def order_trade_update(
    order: Order, kind: str, fill: Execution | None, status: str, alias: str = ""
) -> str:
    """ORDER_TRADE_UPDATE; `status` is told apart because ADL shows its own (`NEW_ADL`).

    `alias` is COIN-M's word for the account, see `ALIAS_FIELD`.
    """
    head = order.frame_head or _head(order)
    last, price, fee, trade, maker, profit = _fill_fields(fill) if fill else _NO_FILL
    asset = fill.commission_asset if fill else order.rules.settlement
    at = order.updated
    return (
        f'{{"e":"ORDER_TRADE_UPDATE",{alias}"T":{at},"E":{at},"o":{{{head}"ap":"{average(order)}",'
        f'"sp":"0","x":"{kind}","X":"{status}","i":{order.order_id},{last},'
        f'"z":"{order.executed:f}",{price},{fee},"N":"{asset}","T":{at},{trade},'
        f'"b":"0","a":"0",{maker},"R":{_yes(order.reduce_only)},"wt":"CONTRACT_PRICE",'
        f'"ot":"{order.terms.type}","ps":"{order.terms.position_side}","cp":false,{profit},'
        f'{_TAIL}{order.expiry_reason}"}}}}'
    )


def _head(order: Order) -> str:
    terms = order.terms
    margin = f'"ma":"{order.rules.base}",' if order.rules.contract_size else ""
    order.frame_head = (
        f'"s":"{order.symbol}","c":"{terms.client_id}","S":"{terms.side}","o":"{terms.type}",'
        f'"f":"{terms.time_in_force}","q":"{order.quantity:f}","p":"{order.price:f}",'
        f"{margin}"
    )
    return order.frame_head


def _fill_fields(fill: Execution) -> tuple[str, str, str, str, str, str]:
    return (
        f'"l":"{fill.quantity:f}"',
        f'"L":"{fill.price:f}"',
        f'"n":"{fill.commission:f}"',
        f'"t":{fill.trade_id}',
        f'"m":{_yes(fill.is_maker)}',
        f'"rp":"{fill.realized_pnl:f}"',
    )


def without_trade_id(text: str, fill: Execution) -> str:
    """The frame of a fill as if its trade had no id: 0 means none."""
    return text.replace(f'"t":{fill.trade_id},', '"t":0,')


def trade_lite(fill: Execution) -> str:
    """TRADE_LITE: the early, incomplete word of a fill."""
    order = fill.order
    return (
        f'{{"e":"TRADE_LITE","E":{fill.time},"T":{fill.time},"s":"{order.symbol}",'
        f'"q":"{order.quantity:f}","p":"{order.price:f}","m":{_yes(fill.is_maker)},'
        f'"c":"{order.terms.client_id}","S":"{order.terms.side}","L":"{fill.price:f}",'
        f'"l":"{fill.quantity:f}","t":{fill.trade_id},"i":{order.order_id}}}'
    )


def account_update(
    account: Account,
    positions: Iterable[Position],
    *,
    asset: str,
    reason: str,
    change: Decimal,
    at: int,
    alias: str = "",
) -> str:
    """ACCOUNT_UPDATE; `change` is a movement of `asset` that is neither a result nor a fee."""
    wallet = plain(account.balance(asset).total)
    held = ",".join([_holding(position, asset) for position in positions])
    return (
        f'{{"e":"ACCOUNT_UPDATE",{alias}"E":{at},"T":{at},"a":{{"m":"{reason}",'
        f'"B":[{{"a":"{asset}","wb":"{wallet}","cw":"{wallet}","bc":"{plain(change)}"}}],'
        f'"P":[{held}]}}}}'
    )


def _holding(position: Position, asset: str) -> str:
    entry = trimmed(rounded(position.entry_price))
    return (
        f'{{"s":"{position.symbol}","pa":"{position.quantity:f}","ep":"{entry}","bep":"{entry}",'
        f'"cr":"{position.realized:f}","up":"0","mt":"cross","iw":"0","ps":"{position.side}",'
        f'"ma":"{asset}"}}'
    )


def listen_key_expired(key: str, at: int) -> str:
    """The last word on a listen key."""
    return f'{{"e":"listenKeyExpired","E":{at},"listenKey":"{key}"}}'


def average(order: Order) -> str:
    """The average fill price as Binance shows it: a few places finer than the tick."""
    return f"{order.average_price:.{order.rules.price_places + 4}f}" if order.executed else "0"


def _yes(flag: object) -> str:
    return "true" if flag else "false"
