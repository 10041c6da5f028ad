"""
What a webhook's body asks for: one order, a list of them, or the end of all orders.

The common TradingView form. Nothing is looked up here: symbols are as the sender spells them, and
accounts are names. Only names of fields that say nothing to us (`comment`, `time`) may be there
besides ours. An order type is always wanted: guessed from a price that was misspelt, it would make
a market order of a limit order.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.order_intents import TIMES
from tracking.services.webhook_fields import Fields

if TYPE_CHECKING:
    from decimal import Decimal

MOST_ORDERS: Final = 50
CANCEL_ALL: Final = "CANCEL_ALL_ORDER"
EVERY_ACCOUNT: Final = "*"

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL, "LONG": Side.BUY, "SHORT": Side.SELL}
_ORDER_TYPES: Final = {
    kind.value: kind
    for kind in (
        OrderType.MARKET,
        OrderType.LIMIT,
        OrderType.STOP,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_MARKET,
    )
} | {"STOP_LIMIT": OrderType.STOP, "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT}
_TIMES: Final = {time.value: time for time in sorted(TIMES)} | {"POST_ONLY": TimeInForce.GTX}
_POSITION_SIDES: Final = {side.value: side for side in PositionSide} | {"BOTH": PositionSide.NET}
#: senders put them there for people; the envelope's own names are taken before
_IGNORED: Final = ("comment", "exchange", "interval", "message", "time", "timenow", "timestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One order, as the sender names things."""

    index: int | None = None
    #: the name of an account; "": the strategy's only one; "*": all of its
    account: str
    symbol: str
    side: Side
    #: LONG or SHORT where the side was told so; for accounts that keep them apart
    leaning: PositionSide | None = None
    order_type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    percent: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide | None = None
    reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSignal:
    """The end of all orders of the strategy, of one symbol or side if they are told."""

    index: int | None = None
    account: str
    symbol: str = ""
    side: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a body says of itself; `asks` is what it asks for, not looked at yet."""

    token: str = field(repr=False)
    id: str
    strategy: str
    account: str
    asks: Any


def open_envelope(body: Any) -> Envelope:
    """Take what is about the call itself out of a body. Raises WebhookRefused."""
    if isinstance(body, list):
        return Envelope(token="", id="", strategy="", account="", asks=body)
    fields = Fields(body)
    envelope = Envelope(
        token=fields.text("token", longest=200),
        id=fields.text("id", longest=90),
        strategy=fields.text("strategy"),
        account=fields.text("account"),
        asks=fields.take("orders"),
    )
    if envelope.asks is None:
        return replace(envelope, asks=fields.rest())
    if not isinstance(envelope.asks, list):
        fields.refuse("expected orders to be a list")
    fields.finish(*_IGNORED)
    return envelope


def signals_of(envelope: Envelope, *names: str) -> list[Signal | CancelSignal]:
    """Read what is asked for. `names` are those the strategy goes by. Raises WebhookRefused."""
    asks = envelope.asks
    if not isinstance(asks, list):
        fields = Fields(asks)
        _check_strategy(fields, envelope.strategy, names)
        return [_signal(fields, envelope.account)]
    whole = Fields({})
    _check_strategy(whole, envelope.strategy, names)
    if not 0 < len(asks) <= MOST_ORDERS:
        whole.refuse(f"expected 1 to {MOST_ORDERS} orders")
    return [_one_of_many(item, index, envelope, names) for index, item in enumerate(asks)]


def _one_of_many(
    item: Any, index: int, envelope: Envelope, names: tuple[str, ...]
) -> Signal | CancelSignal:
    fields = Fields(item, index=index)
    _check_strategy(fields, fields.text("strategy"), names)
    return _signal(fields, fields.text("account") or envelope.account, index)


def _check_strategy(fields: Fields, told: str, names: tuple[str, ...]) -> None:
    if told and told not in names:
        fields.refuse("the strategy it names is not the one of this address")


def _signal(fields: Fields, account: str, index: int | None = None) -> Signal | CancelSignal:
    action = fields.text("action").upper()
    kind = fields.text("order_type", "type").upper()
    if CANCEL_ALL in {action, kind}:
        if {action, kind} - {CANCEL_ALL, ""}:
            fields.refuse(f"expected {CANCEL_ALL} or an order, not both")
        return _cancel(fields, account, index)
    if action:
        # TradingView's {{strategy.order.action}} is the side
        return _order(fields, account, index, kind, action)
    return _order(fields, account, index, kind, fields.text("side").upper())


def _cancel(fields: Fields, account: str, index: int | None) -> CancelSignal:
    signal = CancelSignal(
        index=index,
        account=account,
        symbol=fields.text("symbol", "ticker"),
        side=fields.choice(_SIDES, "side"),
    )
    fields.finish(*_IGNORED)
    return signal


def _order(fields: Fields, account: str, index: int | None, kind: str, side: str) -> Signal:
    if side not in _SIDES:
        fields.refuse(f"expected side to be one of {', '.join(_SIDES)}")
    order_type = _ORDER_TYPES.get(kind.replace("-", "_").replace(" ", "_"))
    if order_type is None:
        expected = ", ".join([*_ORDER_TYPES, CANCEL_ALL])
        fields.refuse(f"expected order_type to be one of {expected}")
    signal = Signal(
        index=index,
        account=account,
        symbol=fields.text("symbol", "ticker"),
        side=_SIDES[side],
        leaning=PositionSide(side) if side in {"LONG", "SHORT"} else None,
        order_type=order_type,
        quantity=fields.amount("quantity", "qty", "amount"),
        quote_quantity=fields.amount("quote_qty", "quote_quantity", "cost"),
        percent=fields.amount("percent", "qty_pct"),
        price=fields.amount("price"),
        stop_price=fields.amount("stop_price"),
        time_in_force=_time_in_force(fields),
        position_side=fields.choice(_POSITION_SIDES, "position_side"),
        reduce_only=fields.flag("reduce_only"),
    )
    fields.finish(*_IGNORED)
    return signal


def _time_in_force(fields: Fields) -> TimeInForce:
    told = fields.choice(_TIMES, "time_in_force")
    if not fields.flag("post_only"):
        return told or TimeInForce.GTC
    if told not in {None, TimeInForce.GTC, TimeInForce.GTX}:
        fields.refuse("expected post_only or another time_in_force, not both")
    return TimeInForce.GTX
