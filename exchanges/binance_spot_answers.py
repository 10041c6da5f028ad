"""
Binance spot's REST answers, in our vocabulary. Pure.

Policy: as in `binance_answers`. An order placed for an amount of quote has the quantity it got; a
sum of quote told as negative is one that is not known any more. The answer to a cancel names the
order `origClientOrderId`, and itself `clientOrderId`.

Sources: Spot "Query order", "New order", "Cancel order", "Account trade list", "Account
information", "Exchange information".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import binance_vocabulary as words
from exchanges.binance_filters import filters_of, more_than_zero, read_markets
from exchanges.messages import (
    ExecutionReport,
    HoldingReport,
    MarketType,
    OrderSnapshot,
    Side,
    Source,
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
    text,
)

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.wire import Fields

SPOT = MarketType.SPOT
_AMENDED_NAMES = {
    "qty": "origQty",
    "cumulativeQuoteQty": "cummulativeQuoteQty",
    "quoteOrderQty": "origQuoteOrderQty",
}


def order(
    answer: object, *, requested_at: datetime, source: Source = Source.REST_ORDER
) -> OrderSnapshot:
    """Read an order; answers to placing and cancelling tell their time under another name."""
    fields = an_object(answer)
    filled, status_name, type_name = (
        amount(fields, "executedQty"),
        text(fields, "status"),
        text(fields, "type"),
    )
    quantity = words.spot_quantity(
        amount(fields, "origQty"), optional_amount(fields, "origQuoteOrderQty")
    )
    return OrderSnapshot(
        market_type=SPOT,
        symbol_id=text(fields, "symbol"),
        exchange_order_id=identifier(fields, "orderId"),
        client_order_id=_client_order_id(fields),
        status=words.status(status_name, filled=filled, quantity=quantity),
        exchange_status=status_name,
        side=words.side(fields, "side"),
        order_type=words.spot_order_type(type_name),
        time_in_force=words.spot_time_in_force(fields, "timeInForce", type_name),
        quantity=quantity,
        filled_quantity=filled,
        filled_quote=_quote(fields) if filled else None,
        price=optional_amount(fields, "price"),
        stop_price=optional_amount(fields, "stopPrice"),
        post_only=type_name == words.LIMIT_MAKER,
        reason=optional_text(fields, "expiryReason"),
        exchange_updated_at=moment(fields, _time_of(fields)),
        requested_at=requested_at,
        source=source,
        raw=fields,
    )


def _client_order_id(fields: Fields) -> str | None:
    own = optional_text(fields, "origClientOrderId")
    return own or optional_text(fields, "clientOrderId") or None


def _time_of(fields: Fields) -> str:
    return "updateTime" if "updateTime" in fields else "transactTime"


def _quote(fields: Fields) -> Decimal | None:
    """Take the exact sum of what was paid; old orders' is negative: not known."""
    told = optional_signed(fields, "cummulativeQuoteQty")
    return told if told is not None and told > ZERO else None


def execution(answer: object) -> ExecutionReport:
    """Read one row of the trade list."""
    fields = an_object(answer)
    return ExecutionReport(
        market_type=SPOT,
        symbol_id=text(fields, "symbol"),
        exchange_order_id=identifier(fields, "orderId"),
        exchange_trade_id=identifier(fields, "id"),
        side=Side.BUY if flag(fields, "isBuyer") else Side.SELL,
        execution_price=more_than_zero(fields, "price"),
        execution_quantity=more_than_zero(fields, "qty"),
        executed_at=moment(fields, "time"),
        source=Source.REST_TRADES,
        is_maker=flag(fields, "isMaker"),
        commission=optional_signed(fields, "commission"),
        commission_asset=optional_text(fields, "commissionAsset") or None,
        raw=fields,
    )


def holdings(answer: object) -> tuple[HoldingReport, ...]:
    """Read the balances of the account: all of each asset, what orders lock included."""
    return tuple(
        HoldingReport(
            market_type=SPOT,
            symbol_id="",
            asset=text(balance, "asset"),
            quantity=amount(balance, "free") + amount(balance, "locked"),
        )
        for balance in map(an_object, a_list(an_object(answer).get("balances")))
    )


def available(answer: object, asset: str) -> Decimal:
    """Read how much of an asset no order has locked; one that is not listed is not there."""
    rows = map(an_object, a_list(an_object(answer).get("balances")))
    found = next((row for row in rows if text(row, "asset") == asset), None)
    return ZERO if found is None else amount(found, "free")


def amended(answer: object) -> Fields:
    """Take the order out of the answer to an amendment, which has names of its own for amounts.

    It comes back in the names that other answers use, so that it can be read as they are.
    """
    fields = an_object(answer)
    order = dict(an_object(fields.get("amendedOrder")))
    for theirs, usual in _AMENDED_NAMES.items():
        order[usual] = order.pop(theirs, None)
    order["transactTime"] = fields.get("transactTime")
    # the former client order id; here `clientOrderId` is the order's own
    order.pop("origClientOrderId", None)
    return order


def market(answer: object) -> Market:
    """Read one market of the exchange information."""
    fields = an_object(answer)
    filters = filters_of(fields)
    lot, notional = an_object(filters.get("LOT_SIZE")), _notional(filters)
    base, quote = text(fields, "baseAsset"), text(fields, "quoteAsset")
    return Market(
        market_type=SPOT,
        symbol_id=text(fields, "symbol"),
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        settle=None,
        price_step=more_than_zero(an_object(filters.get("PRICE_FILTER")), "tickSize"),
        quantity_step=more_than_zero(lot, "stepSize"),
        minimum_quantity=amount(lot, "minQty"),
        minimum_notional=optional_amount(notional, "minNotional"),
    )


def _notional(filters: Fields) -> Fields:
    return an_object(filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {})


def markets(body: object) -> list[Market]:
    """Read the exchange information; a market that cannot be read is left out alone."""
    return read_markets(body, market)
