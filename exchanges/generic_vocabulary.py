"""
ccxt's unified words and ours: one table each, shared by its streams and its REST answers.

Policy: ccxt lets through whatever an exchange says that it does not know, so an unknown side makes
a message unreadable (it would move the wrong books), while an unknown status, type or time in
force is kept as "not known". "closed" is not "filled": several exchanges call a partly filled and
then cancelled order closed, so what was filled is compared with what was ordered.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from exchanges.wire import ZERO

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.wire import Fields

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES: Final = {side: name for name, side in _SIDES.items()}
_ENDS: Final = {
    "closed": OrderStatus.CANCELLED,
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_WORKING: Final = frozenset({"open", "canceling"})
_ORDER_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP,
    "stop-limit": OrderType.STOP,
    "stop_market": OrderType.STOP_MARKET,
    "stop-market": OrderType.STOP_MARKET,
    "stop-loss": OrderType.STOP_MARKET,
    "stop-loss-limit": OrderType.STOP,
    "take-profit": OrderType.TAKE_PROFIT_MARKET,
    "take-profit-limit": OrderType.TAKE_PROFIT,
    "take_profit": OrderType.TAKE_PROFIT,
    "take_profit_market": OrderType.TAKE_PROFIT_MARKET,
    "trailing_stop_market": OrderType.TRAILING_STOP_MARKET,
    "liquidation": OrderType.LIQUIDATION,
}
CONDITIONAL_NAMES: Final = {
    OrderType.STOP: "stop_limit",
    OrderType.STOP_MARKET: "stop_market",
    OrderType.TAKE_PROFIT: "take_profit",
    OrderType.TAKE_PROFIT_MARKET: "take_profit_market",
}
#: of an order with a trigger price, by what it becomes and whether it waits for a better price
_WAITING: Final = {
    (OrderType.LIMIT, False): OrderType.STOP,
    (OrderType.MARKET, False): OrderType.STOP_MARKET,
    (OrderType.LIMIT, True): OrderType.TAKE_PROFIT,
    (OrderType.MARKET, True): OrderType.TAKE_PROFIT_MARKET,
}
#: Bybit's words for it
_WAITS_FOR_BETTER: Final = frozenset({("buy", "2"), ("sell", "1")})
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PO": TimeInForce.GTX,
    "GTD": TimeInForce.GTD,
}
TIME_IN_FORCE_NAMES: Final = {force: name for name, force in _TIMES_IN_FORCE.items()}
_POSITION_SIDES: Final = {"long": PositionSide.LONG, "short": PositionSide.SHORT}
#: ccxt has no word for it: OKX and Bitget say `posSide`, the Binance family `positionSide`
_POSITION_SIDE_KEYS: Final = ("posSide", "positionSide", "position_side")
#: OKX tells by `category` why an order exists; Bybit by `createType`, and of fills by `execType`
_KIND_KEYS: Final = ("category", "execType", "createType")
_KINDS: Final = {
    "full_liquidation": ExecutionKind.LIQUIDATION,
    "partial_liquidation": ExecutionKind.LIQUIDATION,
    "adl": ExecutionKind.ADL,
    "delivery": ExecutionKind.DELIVERY,
    "BustTrade": ExecutionKind.LIQUIDATION,
    "AdlTrade": ExecutionKind.ADL,
    "Delivery": ExecutionKind.DELIVERY,
    "Settle": ExecutionKind.SETTLEMENT,
    "CreateByLiq": ExecutionKind.LIQUIDATION,
    "CreateByTakeOver_PassThrough": ExecutionKind.LIQUIDATION,
    "CreateByAdl_PassThrough": ExecutionKind.ADL,
    "CreateBySettle": ExecutionKind.DELIVERY,
    "CreateByAdminClosing": ExecutionKind.SETTLEMENT,
}


def side(fields: Fields) -> Side:
    """Read buy or sell; raises MalformedMessage for anything else."""
    found = _SIDES.get(str(fields.get("side")).lower())
    if found is None:
        msg = "side: unknown"
        raise MalformedMessage(msg)
    return found


def status(name: str, *, filled: Decimal, quantity: Decimal) -> OrderStatus | None:
    """Translate a status; None for one ccxt let through."""
    if name in _WORKING:
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    end = _ENDS.get(name)
    is_filled = ZERO < quantity <= filled or (name == "closed" and not quantity and filled)
    return OrderStatus.FILLED if end is OrderStatus.CANCELLED and is_filled else end


def order_type(fields: Fields) -> OrderType:
    """Read an order type; OTHER for one not known, LIMIT where none is told beside a price.

    ccxt tells a conditional order by its trigger price alone, where it does not name the type.
    """
    name = fields.get("type")
    if not isinstance(name, str):
        return OrderType.LIMIT if fields.get("price") else OrderType.MARKET
    kind = _ORDER_TYPES.get(name.lower(), OrderType.OTHER)
    if not fields.get("triggerPrice"):
        return kind
    info = fields.get("info")
    direction = info.get("triggerDirection") if isinstance(info, dict) else None
    is_better = (str(fields.get("side")).lower(), str(direction)) in _WAITS_FOR_BETTER
    return _WAITING.get((kind, is_better), kind)


def time_in_force(fields: Fields) -> TimeInForce:
    """Read a time in force; OTHER for one not known, GTC where none is told."""
    name = fields.get("timeInForce")
    return (
        _TIMES_IN_FORCE.get(name.upper(), TimeInForce.OTHER)
        if isinstance(name, str)
        else (TimeInForce.GTC)
    )


def position_side(info: Fields) -> PositionSide:
    """Read from the exchange's own fields which position is meant; NET where they do not say."""
    told = next((info[key] for key in _POSITION_SIDE_KEYS if key in info), "")
    return _POSITION_SIDES.get(str(told).lower(), PositionSide.NET)


def kind(info: Fields) -> ExecutionKind:
    """Read from the exchange's own fields why a fill happened; TRADE where they do not say."""
    told = (_KINDS.get(str(info.get(key))) for key in _KIND_KEYS)
    return next(filter(None, told), ExecutionKind.TRADE)
