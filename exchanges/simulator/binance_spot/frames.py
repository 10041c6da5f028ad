"""
What the user data stream says: executionReport, outboundAccountPosition, balanceUpdate and others.

Frames are built by formatting: everything in them is a number, a checked identifier or a constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import ZERO
from exchanges.simulator.binance_spot.remarks import (
    NO_LIST,
    places,
    shown_time_in_force,
    shown_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from exchanges.simulator.accounts import Balance
    from exchanges.simulator.binance_spot.remarks import Remark, Remarks
    from exchanges.simulator.orders import Execution, Order

EXECUTION_REPORT: Final = "executionReport"
ACCOUNT_POSITION: Final = "outboundAccountPosition"
BALANCE_UPDATE: Final = "balanceUpdate"
STREAM_TERMINATED: Final = "eventStreamTerminated"
SERVER_SHUTDOWN: Final = "serverShutdown"

_NO_FILL: Final = '"l":"0.00000000"', '"L":"0.00000000"', '"n":"0"', '"N":null', '"t":-1'
#: the engine's reasons in spot's words (`eR`)
EXPIRY_REASONS: Final = {
    states.MARKET_LEFTOVER: "INSUFFICIENT_LIQUIDITY",
    states.DELISTED: "EXCHANGE_CANCELED",
}


def execution_report(
    order: Order, kind: str, fill: Execution | None, remarks: Remarks, execution_id: int
) -> str:
    """One executionReport."""
    head = order.frame_head or _head(order)
    quantity, price, fee, asset, trade = _fill_fields(fill) if fill else _NO_FILL
    digits, at = places(order), order.updated
    last_quote = fill.price * fill.quantity if fill else ZERO
    return (
        f'{{"e":"executionReport","E":{at},{_ids(order, kind, remarks.of(order))},{head}'
        f'"x":"{kind}","X":"{order.status}","r":"NONE","i":{order.order_id},{quantity},'
        f'"z":"{order.executed:.8f}",{price},{fee},{asset},"T":{at},{trade},"I":{execution_id},'
        f'"w":{_yes(order.is_open and not order.is_waiting)},"m":{_yes(fill and fill.is_maker)},'
        f'"M":{_yes(fill)},"O":{order.created},"Z":"{order.quote:.{digits}f}",'
        f'"Y":"{last_quote:.{digits}f}","Q":"{order.terms.quote_quantity:.8f}",'
        f'{_working(remarks.working_time(order))}"V":"EXPIRE_MAKER"{_ending(order, kind)}}}'
    )


def _head(order: Order) -> str:
    """What no fill changes: all but the quantity of an order by quote."""
    terms = order.terms
    head = (
        f'"S":"{terms.side}","o":"{shown_type(order)}","f":"{shown_time_in_force(order)}",'
        f'"q":"{order.quantity:.8f}","p":"{order.price:.8f}","P":"{order.trigger_price:.8f}",'
        f'"F":"0.00000000","g":{NO_LIST},'
    )
    if not terms.quote_quantity:
        order.frame_head = head
    return head


def _ids(order: Order, kind: str, remark: Remark) -> str:
    """On a cancel `c` is the client id of the cancel, `C` that of the order."""
    own = order.terms.client_id
    client, original = own, ""
    if kind == "CANCELED":
        client, original = remark.cancel_id or own, own
    elif kind == "REPLACED":
        original = remark.former_id or own
    return f'"s":"{order.symbol}","c":"{client}","C":"{original}"'


def _fill_fields(fill: Execution) -> tuple[str, str, str, str, str]:
    return (
        f'"l":"{fill.quantity:.8f}"',
        f'"L":"{fill.price:.8f}"',
        f'"n":"{fill.commission:.8f}"',
        f'"N":"{fill.commission_asset}"',
        f'"t":{fill.trade_id}',
    )


def _working(since: int) -> str:
    return f'"W":{since},' if since >= 0 else ""


def _ending(order: Order, kind: str) -> str:
    """Why an order ended without its owner's doing."""
    if kind == "TRADE_PREVENTION":
        return _prevented(order)
    if kind != "EXPIRED":
        return ""
    return f',"eR":"{expiry_reason(order)}"'


def expiry_reason(order: Order) -> str:
    """The engine's reason in spot's words."""
    if order.expiry_reason == states.IOC_LEFTOVER:
        is_whole = order.terms.time_in_force == "FOK"
        name = "FOK_ORDER" if is_whole else "IOC_QUANTITY"
        return f"UNFILLED_{name}_EXPIRED"
    return EXPIRY_REASONS.get(order.expiry_reason, "EXCHANGE_CANCELED")


def _prevented(order: Order) -> str:
    """The trade with oneself that was prevented; the other order is the account's newest."""
    counter = next(reversed(order.account.orders.values()))
    left, digits = order.remaining, places(order)
    return (
        f',"v":{order.order_id},"A":"{left:.8f}","B":"{left:.8f}","u":1,'
        f'"U":{counter.order_id},"Cs":"{counter.symbol}","pl":"{left:.8f}",'
        f'"pL":"{order.price:.8f}","pY":"{left * order.price:.{digits}f}"'
    )


def account_position(balances: Iterable[Balance], at: int) -> str:
    """The assets that changed, free and locked."""
    rows = ",".join(
        f'{{"a":"{each.asset}","f":"{eight(each.free)}","l":"{eight(each.held)}"}}'
        for each in balances
    )
    return f'{{"e":"outboundAccountPosition","E":{at},"u":{at},"B":[{rows}]}}'


def balance_update(asset: str, change: Decimal, at: int) -> str:
    """Money came or went."""
    return f'{{"e":"balanceUpdate","E":{at},"a":"{asset}","d":"{eight(change)}","T":{at}}}'


def told(event: str, at: int) -> str:
    """An event about the stream itself."""
    return f'{{"e":"{event}","E":{at}}}'


def eight(amount: Decimal) -> str:
    """Eight places, more if the amount has more."""
    exponent = amount.as_tuple().exponent
    digits = max(8, -exponent) if isinstance(exponent, int) else 8
    return f"{amount:.{digits}f}"


def without_trade_id(text: str, fill: Execution) -> str:
    """The frame of a fill as if its trade had no id: -1 means none."""
    return text.replace(f'"t":{fill.trade_id},', '"t":-1,')


def _yes(flag: object) -> str:
    return "true" if flag else "false"
