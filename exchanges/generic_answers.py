"""
Reading what ccxt says, kept as `generic_envelope` wrote it. Pure: no ccxt is needed for it.

Policy: ccxt computes what an exchange leaves out, and not always rightly, so only what cannot be
computed is believed: amounts, filled, the average. Its `cost` may be the order's price times what
was filled, so it is never taken for what was paid; its `price` of a market order is the average.
Amounts of contracts stay in contracts.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_vocabulary as words
from exchanges import wire
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionReport,
    HoldingReport,
    IdSpace,
    MarketType,
    OrderReport,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    PositionSide,
    Source,
    TimeInForce,
)
from exchanges.wire import ZERO, a_list, an_object, moment, optional_text, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.wire import Fields

_EXPONENT: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][-+]?[0-9]{1,2}")
_MOST_PLACES: Final = Decimal(1).scaleb(-18)
_TIMES: Final = ("lastUpdateTimestamp", "lastTradeTimestamp", "timestamp")


def read_order(
    answer: object,
    *,
    market_type: MarketType,
    id_space: IdSpace,
    requested_at: datetime,
    source: Source,
) -> OrderSnapshot:
    """Read one order as REST told it. Raises MalformedMessage."""
    envelope = an_object(answer)
    order = an_object(envelope.get("order"))
    return OrderSnapshot(
        **_statement(envelope, order, market_type, id_space, untold=requested_at),
        requested_at=requested_at,
        source=source,
        fill_kind=words.kind(_info(order)),
        raw=envelope,
    )


def report(envelope: Fields, market_type: MarketType, fill: ExecutionReport | None) -> OrderReport:
    """Read one order as the stream told it. Raises MalformedMessage."""
    order = an_object(envelope.get("order"))
    untold = moment(envelope, "at") if "at" in envelope else None
    terms = _statement(envelope, order, market_type, IdSpace.ORDER, untold=untold)
    return OrderReport(**terms, event_at=terms["exchange_updated_at"], execution=fill)


def read_execution(answer: object, *, market_type: MarketType) -> ExecutionReport:
    """Read one fill as REST told it. Raises MalformedMessage."""
    envelope = an_object(answer)
    return fill(envelope, an_object(envelope.get("trade")), market_type, Source.REST_TRADES)


def fill(
    envelope: Fields, trade: Fields, market_type: MarketType, source: Source, order_id: str = ""
) -> ExecutionReport:
    """Read one fill; `order_id` is that of the order it came in. Raises MalformedMessage."""
    commission, asset = _fee(trade)
    info = _info(trade)
    role = trade.get("takerOrMaker")
    return ExecutionReport(
        market_type=market_type,
        symbol_id=text(envelope, "symbolId"),
        exchange_order_id=optional_text(trade, "order") or order_id or text(trade, "order"),
        exchange_trade_id=text(trade, "id"),
        side=words.side(trade),
        position_side=words.position_side(info),
        execution_price=_more_than_zero(trade, "price"),
        execution_quantity=_more_than_zero(trade, "amount"),
        executed_at=moment(trade, "timestamp"),
        source=source,
        kind=words.kind(info),
        is_maker=role == "maker" if role in ("maker", "taker") else None,
        commission=commission,
        commission_asset=asset,
        raw=envelope if source is Source.REST_TRADES else None,
    )


def trades_within(order: Fields) -> list[Fields]:
    """Give the fills an order carries with it, where its exchange tells them so."""
    return [an_object(trade) for trade in a_list(order.get("trades") or [])]


def position(answer: object, *, market_type: MarketType) -> HoldingReport:
    """Read one position, in contracts, signed. Raises MalformedMessage."""
    envelope = an_object(answer)
    fields = an_object(envelope.get("position"))
    size = abs(exact(fields, "contracts") or ZERO)
    is_short = fields.get("side") == "short"
    return HoldingReport(
        market_type=market_type,
        symbol_id=text(envelope, "symbolId"),
        quantity=-size if is_short else size,
        position_side=_held_apart(fields, is_short=is_short),
        entry_price=_positive(fields, "entryPrice"),
        updated_at=moment(fields, "timestamp") if fields.get("timestamp") else None,
    )


def balances(answer: object) -> tuple[HoldingReport, ...]:
    """Read what is owned of each asset, what orders lock included. Raises MalformedMessage."""
    total = an_object(an_object(answer).get("total"))
    return tuple(
        HoldingReport(
            market_type=MarketType.SPOT,
            symbol_id="",
            asset=text({"asset": asset}, "asset"),
            quantity=exact(total, asset) or ZERO,
        )
        for asset in total
    )


def available(answer: object, asset: str) -> Decimal:
    """Read what is free of an asset; nothing of one that is not listed. Raises MalformedMessage.

    Where that is not told: what there is less what is in use.
    """
    told = an_object(answer)
    free, used, total = (
        exact(_object(told.get(part)), asset) for part in ("free", "used", "total")
    )
    if free is None:
        free = (total or ZERO) - (used or ZERO)
    return max(ZERO, free)


def exact(fields: Fields, key: str) -> Decimal | None:
    """Take an amount of either sign, written plainly or with an exponent; None if it is absent."""
    value = fields.get(key)
    if value in (None, ""):
        return None
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = Decimal(value)
    return wire.signed({key: value}, key)


def _statement(
    envelope: Fields,
    order: Fields,
    market_type: MarketType,
    id_space: IdSpace,
    *,
    untold: datetime | None,
) -> dict[str, Any]:
    told = _filled(order)
    filled = told or ZERO
    # none of its own: a market order for an amount of the quote asset
    quantity = exact(order, "amount") or ZERO
    kind, force = words.order_type(order), words.time_in_force(order)
    name = optional_text(order, "status")
    return {
        "market_type": market_type,
        "symbol_id": text(envelope, "symbolId"),
        "id_space": id_space,
        "exchange_order_id": text(order, "id"),
        "client_order_id": optional_text(order, "clientOrderId") or None,
        "status": _status(name, told, quantity),
        "exchange_status": name,
        "side": words.side(order),
        "position_side": words.position_side(_info(order)),
        "order_type": kind,
        "time_in_force": force,
        "quantity": _not_negative(quantity),
        "filled_quantity": _not_negative(filled),
        "price": None if kind is OrderType.MARKET else _positive(order, "price"),
        "stop_price": _positive(order, "triggerPrice") or _positive(order, "stopPrice"),
        "average_price": _average(order) if filled else None,
        "reduce_only": order.get("reduceOnly") is True,
        "post_only": order.get("postOnly") is True or force is TimeInForce.GTX,
        "exchange_updated_at": _told_at(order, untold),
    }


def _status(name: str, told: Decimal | None, quantity: Decimal) -> OrderStatus | None:
    """Translate a status; "closed" alone does not say whether anything was filled."""
    if told is None and name == "closed":
        return None
    return words.status(name, filled=told or ZERO, quantity=quantity)


def _filled(order: Fields) -> Decimal | None:
    """Take what was filled, or tell it by what remains; None where neither is told."""
    filled = exact(order, "filled")
    if filled is not None:
        return filled
    amount, remaining = exact(order, "amount"), exact(order, "remaining")
    return None if amount is None or remaining is None else amount - remaining


def _told_at(order: Fields, untold: datetime | None) -> datetime:
    times = [moment(order, key) for key in _TIMES if order.get(key) is not None]
    if not times and untold is None:
        msg = "an order without any time"
        raise MalformedMessage(msg)
    return max(times) if times or untold is None else untold


def _average(order: Fields) -> Decimal | None:
    """Take the average price, which ccxt may have divided to more places than can be kept."""
    value = order.get("average")
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,40})?", value):
        return None
    with localcontext(prec=60):
        return Decimal(value).quantize(_MOST_PLACES) or None


def _fee(trade: Fields) -> tuple[Decimal | None, str | None]:
    """Read what a fill cost. Of several assets the first is told; `raw` keeps the others."""
    told = [an_object(fee) for fee in a_list(trade.get("fees") or []) if fee]
    if not told and isinstance(trade.get("fee"), dict):
        told = [an_object(trade["fee"])]
    costs = [
        (cost, optional_text(fee, "currency"))
        for fee in told
        if (cost := exact(fee, "cost")) is not None
    ]
    if not costs:
        return None, None
    asset = next((name for cost, name in costs if cost), costs[0][1])
    return sum((cost for cost, name in costs if name == asset), ZERO), asset or None


def _held_apart(fields: Fields, *, is_short: bool) -> PositionSide:
    if fields.get("hedged") is not True:
        return words.position_side(_info(fields))
    return PositionSide.SHORT if is_short else PositionSide.LONG


def _info(fields: Fields) -> Fields:
    return _object(fields.get("info"))


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _positive(fields: Fields, key: str) -> Decimal | None:
    value = exact(fields, key)
    return value if value is not None and value > ZERO else None


def _more_than_zero(fields: Fields, key: str) -> Decimal:
    value = exact(fields, key)
    if value is None or value <= ZERO:
        msg = f"{key}: expected more than zero"
        raise MalformedMessage(msg)
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < ZERO:
        msg = "expected an amount of zero or more"
        raise MalformedMessage(msg)
    return value
