"""
Binance futures' private events, USD-M and COIN-M: what each says, in our vocabulary. Pure.

COIN-M's say the same of contracts; what they add is not read. Sources: USD-M and COIN-M "User Data
Streams" and the field tables of their official SDKs (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from exchanges import binance_vocabulary as words
from exchanges.messages import (
    CredentialExpired,
    ExecutionKind,
    ExecutionReport,
    HoldingReport,
    HoldingsChanged,
    IdSpace,
    MarketType,
    Message,
    OrderReport,
    PositionSide,
    Side,
    Source,
    TimeInForce,
    TradeHint,
)
from exchanges.wire import (
    ZERO,
    Fields,
    a_list,
    amount,
    an_object,
    flag,
    identifier,
    moment,
    optional_amount,
    optional_signed,
    optional_text,
    signed,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

#: Events of this stream that say nothing about orders, fills or holdings.
IGNORED: Final = frozenset(
    {
        "ACCOUNT_CONFIG_UPDATE",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "GRID_UPDATE",
        "MARGIN_CALL",
        "STRATEGY_UPDATE",
    }
)
#: Events that tell what becomes of orders; of a fill's three frames one is such.
ABOUT_ORDERS: Final = frozenset({"ALGO_UPDATE", "ORDER_TRADE_UPDATE"})
_FILLING: Final = frozenset({"TRADE", "CALCULATED"})
_NO_TRADE: Final = -1


class _Identity(TypedDict):
    """What an order and its fill share."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str
    side: Side
    position_side: PositionSide


def _identity(market_type: MarketType, order: Fields) -> _Identity:
    return {
        "market_type": market_type,
        "symbol_id": text(order, "s"),
        "exchange_order_id": identifier(order, "i"),
        "side": words.side(order, "S"),
        "position_side": words.position_side(order, "ps"),
    }


def _order_trade_update(market_type: MarketType, frame: Fields) -> OrderReport:
    order = an_object(frame.get("o"))
    identity, traded_at = _identity(market_type, order), moment(order, "T")
    quantity, filled = amount(order, "q"), amount(order, "z")
    status_name, time_in_force = text(order, "X"), words.time_in_force(order, "f")
    return OrderReport(
        **identity,
        client_order_id=optional_text(order, "c") or None,
        status=words.status(status_name, filled=filled, quantity=quantity),
        exchange_status=status_name,
        order_type=words.order_type(order, "o"),
        time_in_force=time_in_force,
        quantity=quantity,
        filled_quantity=filled,
        # `ap` is rounded by the exchange, so quantity times average would not be the exact sum
        average_price=optional_amount(order, "ap"),
        price=optional_amount(order, "p"),
        stop_price=optional_amount(order, "sp"),
        reduce_only=flag(order, "R"),
        post_only=time_in_force is TimeInForce.GTX,
        reason=words.expiry_reason(optional_text(order, "er")),
        exchange_updated_at=traded_at,
        event_at=moment(frame, "E"),
        execution=_execution(order, identity, traded_at),
    )


def _execution(order: Fields, identity: _Identity, executed_at: datetime) -> ExecutionReport | None:
    """Take the fill out of an order update, if there is a whole one in it.

    The first trades of a new symbol have small ids; 0 and -1 mean none, so t > 0 tells a fill.
    A fill without a price is left to REST: the order's progress still shows that it happened.
    """
    if text(order, "x") not in _FILLING or order.get("t") == _NO_TRADE:
        return None
    trade_id = identifier(order, "t")
    quantity, price = amount(order, "l"), amount(order, "L")
    if trade_id == "0" or not quantity or not price:
        return None
    return ExecutionReport(
        **identity,
        exchange_trade_id=trade_id,
        execution_price=price,
        execution_quantity=quantity,
        executed_at=executed_at,
        source=Source.WS,
        kind=_kind(order),
        is_maker=flag(order, "m") if "m" in order else None,
        commission=optional_signed(order, "n"),
        commission_asset=optional_text(order, "N") or None,
        realized_pnl=optional_signed(order, "rp"),
    )


def _kind(order: Fields) -> ExecutionKind:
    return words.kind(
        optional_text(order, "c"),
        calculated=order.get("x") == "CALCULATED",
        status_name=text(order, "X"),
    )


def _algo_update(market_type: MarketType, frame: Fields) -> OrderReport:
    """Read a conditional order. It never fills itself: the order it triggers does.

    So its own filled quantity stays zero, or the child's fills would be counted twice.
    """
    order = an_object(frame.get("o"))
    # one that closes a whole position has no quantity of its own
    quantity, status_name = optional_amount(order, "q") or ZERO, text(order, "X")
    child_filled = optional_amount(order, "aq") or ZERO
    return OrderReport(
        market_type=market_type,
        symbol_id=text(order, "s"),
        id_space=IdSpace.ALGO,
        exchange_order_id=identifier(order, "aid"),
        client_order_id=optional_text(order, "caid") or None,
        status=words.algo_status(status_name, filled=child_filled, quantity=quantity),
        exchange_status=status_name,
        side=words.side(order, "S"),
        position_side=words.position_side(order, "ps"),
        order_type=words.order_type(order, "o"),
        time_in_force=words.time_in_force(order, "f"),
        quantity=quantity,
        filled_quantity=ZERO,
        price=optional_amount(order, "p"),
        stop_price=optional_amount(order, "tp"),
        reduce_only=flag(order, "R"),
        reason=optional_text(order, "rm"),
        child_order_id=words.child_order_id(order, "ai"),
        exchange_updated_at=moment(frame, "T"),
        event_at=moment(frame, "E"),
    )


def _trade_lite(market_type: MarketType, frame: Fields) -> TradeHint:
    return TradeHint(
        market_type=market_type,
        symbol_id=text(frame, "s"),
        exchange_order_id=identifier(frame, "i"),
    )


def _account_update(market_type: MarketType, frame: Fields) -> HoldingsChanged:
    change = an_object(frame.get("a"))
    changed_at = moment(frame, "T")
    positions = (an_object(entry) for entry in a_list(change.get("P", [])))
    return HoldingsChanged(
        reason=text(change, "m"),
        event_at=moment(frame, "E"),
        holdings=tuple(
            HoldingReport(
                market_type=market_type,
                symbol_id=text(position, "s"),
                quantity=signed(position, "pa"),
                position_side=words.position_side(position, "ps"),
                entry_price=optional_amount(position, "ep"),
                updated_at=changed_at,
            )
            for position in positions
        ),
    )


def _listen_key_expired(_market_type: MarketType, frame: Fields) -> CredentialExpired:
    return CredentialExpired(event=text(frame, "e"))


#: how each event that tells something is read
READERS: Final[Mapping[str, Callable[[MarketType, Fields], Message]]] = {
    "ACCOUNT_UPDATE": _account_update,
    "ALGO_UPDATE": _algo_update,
    "ORDER_TRADE_UPDATE": _order_trade_update,
    "TRADE_LITE": _trade_lite,
    "listenKeyExpired": _listen_key_expired,
}
