"""
Bybit's words and ours: one table each, shared by its stream and its REST answers.

Policy: an unknown side or position side makes a message unreadable (it would move the wrong
books); an unknown status, type or time in force is kept as "not known" so that the fill beside it
still counts. `Triggered` is alive although Bybit lists it among the closed states: it lasts for a
moment, then the order is `New`. Sources: v5 "Enums Definitions", "Order", "Execution".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges import wire
from exchanges.bybit_refusals import in_words
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import OrderStatement
    from exchanges.wire import Fields

CATEGORIES: Final = {
    MarketType.SPOT: "spot",
    MarketType.FUTURES: "linear",
    MarketType.COIN_FUTURES: "inverse",
}
SIDE_NAMES: Final = {Side.BUY: "Buy", Side.SELL: "Sell"}
_SIDES: Final = {name: side for side, name in SIDE_NAMES.items()}
#: `positionIdx`, as the number it is or as its digit
POSITION_INDEXES: Final = {PositionSide.NET: 0, PositionSide.LONG: 1, PositionSide.SHORT: 2}
_POSITION_SIDES: Final = {str(index): side for side, index in POSITION_INDEXES.items()}
_STATUSES: Final = {
    "Created": OrderStatus.NEW,
    "New": OrderStatus.NEW,
    "Untriggered": OrderStatus.NEW,
    "Triggered": OrderStatus.NEW,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Cancelled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
}
#: after these, why an order ended is worth telling
_ENDED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED})
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.GTX,
    "RPI": TimeInForce.RPI,
}
TIME_IN_FORCE_NAMES: Final = {force: name for name, force in _TIMES_IN_FORCE.items()}
_PLAIN_TYPES: Final = {"Limit": OrderType.LIMIT, "Market": OrderType.MARKET}
#: what an order is once it has triggered
ORDER_TYPE_NAMES: Final = {
    OrderType.LIMIT: "Limit",
    OrderType.MARKET: "Market",
    OrderType.STOP: "Limit",
    OrderType.STOP_MARKET: "Market",
    OrderType.TAKE_PROFIT: "Limit",
    OrderType.TAKE_PROFIT_MARKET: "Market",
}
CONDITIONAL: Final = frozenset(ORDER_TYPE_NAMES) - frozenset(_PLAIN_TYPES.values())
#: `stopOrderType` of a conditional order that is sent as an order of its own
STOP: Final = "Stop"
STOP_ORDER: Final = "StopOrder"
RISES: Final = 1
FALLS: Final = 2
#: of the orders Bybit calls `Stop`, those that wait for a better price: by side and direction
_WAITS_FOR_BETTER: Final = frozenset({("Buy", str(FALLS)), ("Sell", str(RISES))})
_NO_STOP: Final = frozenset({"", "UNKNOWN"})
#: what a conditional order is, by what it becomes
_STOP_TYPES: Final = {
    "Stop": {"Limit": OrderType.STOP, "Market": OrderType.STOP_MARKET},
    "StopLoss": {"Limit": OrderType.STOP, "Market": OrderType.STOP_MARKET},
    "PartialStopLoss": {"Limit": OrderType.STOP, "Market": OrderType.STOP_MARKET},
    "TakeProfit": {"Limit": OrderType.TAKE_PROFIT, "Market": OrderType.TAKE_PROFIT_MARKET},
    "PartialTakeProfit": {"Limit": OrderType.TAKE_PROFIT, "Market": OrderType.TAKE_PROFIT_MARKET},
    "TrailingStop": {"Market": OrderType.TRAILING_STOP_MARKET},
}
_WAITING: Final = "Untriggered"
#: `orderFilter`; other kinds are called as they are
_KINDS_OF_STOP: Final = {STOP: STOP_ORDER, "UNKNOWN": STOP_ORDER, "": STOP_ORDER}
#: why an order exists that nobody sent
_MADE_BY: Final = {
    "CreateByLiq": ExecutionKind.LIQUIDATION,
    "CreateByTakeOver_PassThrough": ExecutionKind.LIQUIDATION,
    "CreateByAdl_PassThrough": ExecutionKind.ADL,
    "CreateBySettle": ExecutionKind.DELIVERY,
    "CreateByAdminClosing": ExecutionKind.SETTLEMENT,
}
#: `FutureSpread` is the leg of a spread: a fill like any other
_FILLS: Final = {
    "Trade": ExecutionKind.TRADE,
    "BlockTrade": ExecutionKind.TRADE,
    "FutureSpread": ExecutionKind.TRADE,
    "AdlTrade": ExecutionKind.ADL,
    "BustTrade": ExecutionKind.LIQUIDATION,
    "Delivery": ExecutionKind.DELIVERY,
    "Settle": ExecutionKind.SETTLEMENT,
}
FUNDING: Final = "Funding"
_NO_REASON: Final = frozenset({"", "EC_NoError", "UNKNOWN"})
#: Spot names its markets without a mark between the coins; the longest ending counts.
_QUOTES: Final = (
    *("RLUSD", "USDT", "USDC", "USDE", "USDQ", "USDR", "USD1", "USDD", "BUSD"),
    *("EUR", "BTC", "ETH", "DAI", "BRZ", "MNT", "SOL", "BRL", "PLN", "TRY", "USD"),
)


def side(fields: Fields) -> Side:
    """Read Buy or Sell; raises MalformedMessage for anything else."""
    try:
        return _SIDES[wire.text(fields, "side")]
    except KeyError:
        msg = "side: unknown side"
        raise MalformedMessage(msg) from None


def position_side(fields: Fields) -> PositionSide:
    """Read `positionIdx`; where there is none there is one position only.

    Raises MalformedMessage for a number that is not known.
    """
    index = fields.get("positionIdx")
    if index is None or index == "":
        return PositionSide.NET
    found = _POSITION_SIDES.get(wire.identifier(fields, "positionIdx"))
    if found is None:
        msg = "positionIdx: unknown position"
        raise MalformedMessage(msg)
    return found


def status(name: str) -> OrderStatus | None:
    """Translate an order status; None for one not known."""
    return _STATUSES.get(name)


def order_type(fields: Fields) -> OrderType:
    """Read an order type; OTHER for one not known.

    A conditional order of one's own is a `Stop` to Bybit, whichever way its price has to go.
    """
    plain, stop = wire.text(fields, "orderType"), wire.optional_text(fields, "stopOrderType")
    if stop in _NO_STOP:
        return _PLAIN_TYPES.get(plain, OrderType.OTHER)
    direction = str(fields.get("triggerDirection"))
    if stop == STOP and (fields.get("side"), direction) in _WAITS_FOR_BETTER:
        stop = "TakeProfit"
    return _STOP_TYPES.get(stop, {}).get(plain, OrderType.OTHER)


def conditional_kind(order: OrderStatement) -> str:
    """Name the kind a conditional order has where it is cancelled; "" for any other order."""
    if order.exchange_status != _WAITING or order.raw is None:
        return ""
    told = order.raw.get("stopOrderType")
    return _KINDS_OF_STOP.get(told, told) if isinstance(told, str) else ""


def time_in_force(fields: Fields) -> TimeInForce:
    """Read a time in force; OTHER for one not known."""
    return _TIMES_IN_FORCE.get(wire.optional_text(fields, "timeInForce"), TimeInForce.OTHER)


def reason(fields: Fields, ended_as: OrderStatus | None) -> str:
    """Say why an order ended. A cancel that came too late is no part of a filled order's story."""
    if ended_as not in _ENDED:
        return ""
    told = wire.optional_text(fields, "rejectReason"), wire.optional_text(fields, "cancelType")
    return in_words(next((word for word in told if word not in _NO_REASON), ""))


def made_by(fields: Fields) -> ExecutionKind:
    """Tell why an order fills, from who created it."""
    return _MADE_BY.get(wire.optional_text(fields, "createType"), ExecutionKind.TRADE)


def fill_kind(fields: Fields) -> ExecutionKind | None:
    """Tell why a row of executions is a fill; None where it is none, or of a kind not known."""
    kind = _FILLS.get(wire.text(fields, "execType"))
    return made_by(fields) if kind is ExecutionKind.TRADE else kind


def moment(fields: Fields, key: str) -> datetime:
    """Take a time in milliseconds, told as a number or as its digits."""
    return wire.moment({key: int(wire.identifier(fields, key))}, key)


def quote_coin(symbol_id: str) -> str:
    """Name the coin a spot market is priced in, from its id; "" where that does not tell."""
    endings = (coin for coin in _QUOTES if symbol_id.endswith(coin) and symbol_id != coin)
    return next(endings, "")


def settle_coin(market_type: MarketType, symbol_id: str) -> str:
    """Name the coin a contract is settled in: BTCUSDT, BTCPERP, BTC-26DEC25; BTCUSD, BTCUSDZ25."""
    if market_type is MarketType.COIN_FUTURES:
        return symbol_id.partition("USD")[0]
    return "USDT" if "USDT" in symbol_id else "USDC"


def fee_coin(market_type: MarketType, fields: Fields, fee: Decimal) -> str | None:
    """Name the coin a fee was taken in ("Spot Fee Currency Instruction"); None if not to be told.

    Bybit names it; only older rows leave it open. In spot whoever buys pays in what was bought,
    whoever sells in what was got for it; a rebate is paid in the other coin.
    """
    if told := wire.optional_text(fields, "feeCurrency"):
        return told
    symbol_id = wire.text(fields, "symbol")
    if market_type is not MarketType.SPOT:
        return settle_coin(market_type, symbol_id) or None
    quote = quote_coin(symbol_id)
    is_in_base = (side(fields) is Side.BUY) is (fee >= wire.ZERO)
    return (symbol_id.removesuffix(quote) if is_in_base else quote) if quote else None
