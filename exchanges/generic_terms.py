"""
The terms of a new order in ccxt's words, and what is known of it once it is sent.

Policy: ccxt rounds what is finer than a market allows without a word, and an order of other terms
than those asked for is worse than none.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_vocabulary as words
from exchanges.errors import OrderRefused, not_offered
from exchanges.messages import PositionSide, Side, TimeInForce
from exchanges.refusals import RefusalKind
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.generic_calls import Said
    from exchanges.questions import NewOrder

_CLOSING: Final = frozenset({(PositionSide.LONG, Side.SELL), (PositionSide.SHORT, Side.BUY)})


def refuse_what_is_rounded(ccxt: Any, symbol: str, order: NewOrder) -> None:
    """Raise OrderRefused for a quantity or a price that ccxt would not send as it is."""
    told = (("amount", order.quantity), ("price", order.price), ("price", order.stop_price))
    refuse_rounding(ccxt, symbol, told)


def refuse_rounding(ccxt: Any, symbol: str, told: Iterable[tuple[str, Decimal | None]]) -> None:
    """Raise OrderRefused for an amount or a price that ccxt would not send as it is."""
    precision = ccxt.market(symbol).get("precision") or {}
    for name, value in told:
        # what is spent is rounded as prices are
        if value is None or precision.get("price" if name == "cost" else name) is None:
            continue
        rounded = getattr(ccxt, f"{name}_to_precision")(symbol, f"{value:f}")
        if Decimal(rounded) != value:
            msg = f"{name} {value:f} is finer than the market allows"
            raise OrderRefused(msg, kind=RefusalKind.WRONG_STEP)


def parameters(order: NewOrder) -> dict[str, object]:
    """Put the terms that are no arguments of ccxt's into its parameters. Raises OrderRefused."""
    told: dict[str, object] = {"clientOrderId": order.client_order_id}
    force = order.time_in_force
    if force not in words.TIME_IN_FORCE_NAMES:
        not_offered(f"{force} is not known to ccxt")
    if force is TimeInForce.GTX:
        told["postOnly"] = True
    elif force is not TimeInForce.GTC:
        told["timeInForce"] = words.TIME_IN_FORCE_NAMES[force]
    if order.position_side is not PositionSide.NET:
        told["hedged"] = True
    if order.reduce_only or (order.position_side, order.side) in _CLOSING:
        told["reduceOnly"] = True
    return told


def as_sent(order: NewOrder, kind: str, said: Said) -> dict[str, object]:
    """Complete an answer that names the order and little else by what was sent."""
    answered = said.value if isinstance(said.value, dict) else {}
    told = {key: value for key, value in answered.items() if value is not None}
    sent = {
        "clientOrderId": order.client_order_id,
        "side": words.SIDE_NAMES[order.side],
        "type": words.CONDITIONAL_NAMES.get(order.order_type, kind),
        "amount": f"{order.quantity:f}",
        "price": None if order.price is None else f"{order.price:f}",
        "triggerPrice": None if order.stop_price is None else f"{order.stop_price:f}",
        "timeInForce": words.TIME_IN_FORCE_NAMES[order.time_in_force],
        "reduceOnly": order.reduce_only,
        "status": "open",
        "timestamp": milliseconds(said.requested_at),
    }
    # one that ended at once has filled who knows how much
    filled = {"filled": "0"} if told.get("status", "open") == "open" else {}
    return sent | filled | told
