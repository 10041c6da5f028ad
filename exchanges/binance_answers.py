"""
Binance's REST answers, in our vocabulary: futures here, spot by `binance_spot_answers`. Pure.

Policy: read from the raw JSON, never through ccxt's unified structures, which drop fees, invent
averages and fill an empty answer with nothing. Each function raises MalformedMessage only.

Sources: USD-M "Query Order", "Account Trade List", "Position Information V3", "Query Algo Order",
"Exchange Information", "Kline/Candlestick Data".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exchanges import binance_spot_answers as spot
from exchanges import binance_vocabulary as words
from exchanges.binance_filters import filters_of, more_than_zero, read_markets
from exchanges.messages import (
    ExecutionKind,
    ExecutionReport,
    HoldingReport,
    IdSpace,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    Source,
    TimeInForce,
)
from exchanges.questions import Market
from exchanges.wire import (
    ZERO,
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
    from datetime import datetime
    from decimal import Decimal

    from exchanges.wire import Fields


def read_order(
    answer: object,
    *,
    market_type: MarketType,
    id_space: IdSpace,
    requested_at: datetime,
    source: Source,
) -> OrderSnapshot:
    """Read an order of any market and numbering, as it came or as `raw` kept it."""
    if market_type is MarketType.SPOT:
        return spot.order(answer, requested_at=requested_at, source=source)
    if id_space is IdSpace.ALGO:
        return algo_order(answer, market_type=market_type, requested_at=requested_at, source=source)
    return order(answer, market_type=market_type, requested_at=requested_at, source=source)


def order(
    answer: object,
    *,
    market_type: MarketType,
    requested_at: datetime,
    source: Source = Source.REST_ORDER,
) -> OrderSnapshot:
    """Read an order. Answers to placing and cancelling lack the average and the quote sum."""
    fields = an_object(answer)
    quantity, filled = amount(fields, "origQty"), amount(fields, "executedQty")
    status_name, time_in_force = text(fields, "status"), words.time_in_force(fields, "timeInForce")
    client_order_id = optional_text(fields, "clientOrderId")
    is_linear = market_type is MarketType.FUTURES
    return OrderSnapshot(
        market_type=market_type,
        symbol_id=text(fields, "symbol"),
        exchange_order_id=identifier(fields, "orderId"),
        client_order_id=client_order_id or None,
        fill_kind=words.kind(client_order_id, calculated=False),
        status=words.status(status_name, filled=filled, quantity=quantity),
        exchange_status=status_name,
        side=words.side(fields, "side"),
        position_side=words.position_side(fields, "positionSide"),
        order_type=words.order_type(fields, "type"),
        time_in_force=time_in_force,
        quantity=quantity,
        filled_quantity=filled,
        # `cumBase` of COIN-M is a sum of coins, which ours are not
        filled_quote=optional_amount(fields, "cumQuote") if filled and is_linear else None,
        average_price=optional_amount(fields, "avgPrice"),
        price=optional_amount(fields, "price"),
        stop_price=optional_amount(fields, "stopPrice"),
        reduce_only=flag(fields, "reduceOnly"),
        post_only=time_in_force is TimeInForce.GTX,
        exchange_updated_at=moment(fields, "updateTime"),
        requested_at=requested_at,
        source=source,
        raw=fields,
    )


def algo_order(
    answer: object,
    *,
    market_type: MarketType,
    requested_at: datetime,
    source: Source = Source.REST_ORDER,
) -> OrderSnapshot:
    """Read a conditional order: never filled itself, see the stream's ALGO_UPDATE."""
    fields = an_object(answer)
    # one that closes a whole position has no quantity of its own
    quantity = optional_amount(fields, "quantity") or ZERO
    status_name = text(fields, "algoStatus")
    return OrderSnapshot(
        market_type=market_type,
        symbol_id=text(fields, "symbol"),
        id_space=IdSpace.ALGO,
        exchange_order_id=identifier(fields, "algoId"),
        client_order_id=optional_text(fields, "clientAlgoId") or None,
        status=_algo_status(fields, status_name, quantity),
        exchange_status=status_name,
        side=words.side(fields, "side"),
        position_side=words.position_side(fields, "positionSide"),
        order_type=words.order_type(fields, "orderType"),
        time_in_force=words.time_in_force(fields, "timeInForce"),
        quantity=quantity,
        filled_quantity=ZERO,
        price=optional_amount(fields, "price"),
        stop_price=optional_amount(fields, "triggerPrice"),
        reduce_only=flag(fields, "reduceOnly"),
        child_order_id=words.child_order_id(fields, "actualOrderId"),
        exchange_updated_at=moment(fields, "updateTime"),
        requested_at=requested_at,
        source=source,
        raw=fields,
    )


def _algo_status(fields: Fields, name: str, quantity: Decimal) -> OrderStatus | None:
    child_filled = optional_amount(fields, "actualQty") or ZERO
    return words.algo_status(name, filled=child_filled, quantity=quantity)


def read_execution(answer: object, *, market_type: MarketType) -> ExecutionReport:
    """Read a fill of any market, as it came or as `raw` kept it."""
    if market_type is MarketType.SPOT:
        return spot.execution(answer)
    return execution(answer, market_type=market_type)


def execution(answer: object, *, market_type: MarketType) -> ExecutionReport:
    """Read one row of the trade list. Its order's client id is not in it, so `kind` is TRADE."""
    fields = an_object(answer)
    is_maker = flag(fields, "maker")
    return ExecutionReport(
        market_type=market_type,
        symbol_id=text(fields, "symbol"),
        exchange_order_id=identifier(fields, "orderId"),
        exchange_trade_id=identifier(fields, "id"),
        side=words.side(fields, "side"),
        position_side=words.position_side(fields, "positionSide"),
        execution_price=more_than_zero(fields, "price"),
        execution_quantity=more_than_zero(fields, "qty"),
        executed_at=moment(fields, "time"),
        source=Source.REST_TRADES,
        kind=ExecutionKind.TRADE,
        is_maker=is_maker,
        commission=paid_commission(optional_signed(fields, "commission"), is_maker=is_maker),
        commission_asset=optional_text(fields, "commissionAsset") or None,
        realized_pnl=optional_signed(fields, "realizedPnl"),
        raw=fields,
    )


def paid_commission(told: Decimal | None, *, is_maker: bool) -> Decimal | None:
    """Normalise the sign of a commission: positive is what was paid.

    The trade list's documentation shows a taker's cost as a negative number, the stream and live
    answers show it positive. A taker is never paid for taking, so a taker's sign says nothing; a
    maker may be paid, so a maker's sign is believed: negative is a rebate, as on the stream.
    """
    if told is None or is_maker:
        return told
    return abs(told)


def holding(answer: object, *, market_type: MarketType) -> HoldingReport:
    """Read one row of the position list."""
    fields = an_object(answer)
    return HoldingReport(
        market_type=market_type,
        symbol_id=text(fields, "symbol"),
        quantity=signed(fields, "positionAmt"),
        position_side=words.position_side(fields, "positionSide"),
        entry_price=optional_amount(fields, "entryPrice"),
        updated_at=moment(fields, "updateTime") if fields.get("updateTime") else None,
    )


def available(answer: object, asset: str) -> Decimal:
    """Read how much of an asset may become margin; one that is not listed is not there."""
    rows = map(an_object, a_list(answer))
    found = next((row for row in rows if text(row, "asset") == asset), None)
    return ZERO if found is None else max(ZERO, signed(found, "availableBalance"))


def market(answer: object, *, market_type: MarketType) -> Market:
    """Read one market of the exchange information."""
    fields = an_object(answer)
    filters = filters_of(fields)
    lot = an_object(filters.get("LOT_SIZE"))
    notional = an_object(filters.get("MIN_NOTIONAL", {}))
    base, quote, settle = (text(fields, f"{key}Asset") for key in ("base", "quote", "margin"))
    return Market(
        market_type=market_type,
        symbol_id=text(fields, "symbol"),
        symbol=f"{base}/{quote}:{settle}{_expiry(fields)}",
        base=base,
        quote=quote,
        settle=settle,
        price_step=more_than_zero(an_object(filters.get("PRICE_FILTER")), "tickSize"),
        quantity_step=more_than_zero(lot, "stepSize"),
        minimum_quantity=amount(lot, "minQty"),
        minimum_notional=optional_amount(notional, "notional"),
        # of COIN-M: how much of the quote asset one contract is worth
        contract_size=optional_amount(fields, "contractSize"),
    )


def markets(body: object, market_type: MarketType) -> list[Market]:
    """Read the exchange information; a market that cannot be read is left out alone."""
    return read_markets(body, partial(market, market_type=market_type))


def _expiry(fields: Fields) -> str:
    """Return "-YYMMDD" for a delivery contract, "" for a perpetual one."""
    if "PERPETUAL" in optional_text(fields, "contractType"):
        return ""
    return f"-{moment(fields, 'deliveryDate'):%y%m%d}"
