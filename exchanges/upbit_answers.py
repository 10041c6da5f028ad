"""
Upbit's REST answers, in our vocabulary. Pure.

Policy: read from the raw JSON, never through ccxt's unified structures, which take the funds of a
market buy for its cost. A field that is null may be absent. Each function raises MalformedMessage
only.

Note [Dates and fees of REST]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An order tells when it was made, to the second, and not when it changed last; its newest fill is
the next best thing. Its fills tell neither their fee nor who made the price: the order's paid fee
is shared out at its rate, which is exact while there is one rate. A row that is kept
(`raw`) therefore carries its order's id and its share beside what Upbit sent.

Sources: docs.upbit.com, "Get Order", "List Orders", "Accounts", "Minute candles",
"List API Keys" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from typing import TYPE_CHECKING, Final

from exchanges import upbit_vocabulary as words
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionReport,
    HoldingReport,
    OrderSnapshot,
    Source,
    TimeInForce,
)
from exchanges.questions import KeyPermissions
from exchanges.understanding import OTHER_ORDER
from exchanges.upbit_vocabulary import amount, more_than_zero, number, optional_amount
from exchanges.wire import ZERO, a_list, an_object, optional_text, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.messages import IdSpace, MarketType
    from exchanges.questions import NewOrder
    from exchanges.wire import Fields

#: what is written into a fill's row beside what Upbit sent
ORDER_ID: Final = "order_uuid"
FEE: Final = "trade_fee"
_EXACT: Final = Context(prec=60)
_CUT: Final = Context(prec=60, rounding=ROUND_DOWN)
_PLACES: Final = Decimal(1).scaleb(-18)
#: rates are 0.0005, 0.00139, 0.0025; fees are cut to eight places, or not at all
_RATE_STEP: Final = Decimal("0.000001")
_FEE_STEPS: Final = (Decimal("0.00000001"), _PLACES)


def read_order(
    answer: object,
    *,
    market_type: MarketType,
    id_space: IdSpace,
    requested_at: datetime,
    source: Source,
) -> OrderSnapshot:
    """Read an order, as it came or as `raw` kept it; Upbit numbers all alike."""
    del id_space
    return order(answer, market_type=market_type, requested_at=requested_at, source=source)


def order(
    answer: object,
    *,
    market_type: MarketType,
    requested_at: datetime,
    source: Source = Source.REST_ORDER,
) -> OrderSnapshot:
    """Read an order. See `upbit_vocabulary`, Note [Orders of funds]."""
    fields = an_object(answer)
    side, type_name = words.side(fields, "side"), text(fields, "ord_type")
    quantity = ZERO
    if not words.is_of_funds(type_name, side):
        quantity = optional_amount(fields, "volume") or ZERO
    filled = optional_amount(fields, "executed_volume") or ZERO
    state, time_in_force = text(fields, "state"), words.time_in_force(fields, "time_in_force")
    return OrderSnapshot(
        market_type=market_type,
        symbol_id=text(fields, "market"),
        exchange_order_id=text(fields, "uuid"),
        client_order_id=optional_text(fields, "identifier") or None,
        status=words.status(state, filled=filled, quantity=quantity),
        exchange_status=state,
        side=side,
        order_type=words.order_type(type_name),
        time_in_force=time_in_force,
        post_only=time_in_force is TimeInForce.GTX,
        quantity=quantity,
        filled_quantity=filled,
        filled_quote=optional_amount(fields, "executed_funds") if filled else None,
        price=optional_amount(fields, "price") if type_name == "limit" else None,
        exchange_updated_at=_newest(fields),
        requested_at=requested_at,
        source=source,
        raw=fields,
    )


def answering(sent: NewOrder, snapshot: OrderSnapshot) -> OrderSnapshot:
    """Return the answer to an order, which may not name it. Raises MalformedMessage for another."""
    names = (None, sent.client_order_id)
    if snapshot.symbol_id == sent.symbol_id and snapshot.client_order_id in names:
        return snapshot
    raise MalformedMessage(OTHER_ORDER)


def _newest(fields: Fields) -> datetime:
    """Date an order. See Note [Dates and fees of REST]."""
    times = [words.moment(row, "created_at") for row in _trades(fields)]
    return max([words.moment(fields, "created_at"), *times])


def _trades(fields: Fields) -> list[Fields]:
    return [an_object(row) for row in a_list(fields.get("trades") or [])]


def executions(answer: object, *, market_type: MarketType) -> tuple[ExecutionReport, ...]:
    """Read the fills an order brings along, oldest first. Lists of orders do not bring them."""
    fields = an_object(answer)
    rows = _trades(fields)
    fees = _shared_out(fields, rows)
    found = [
        execution(
            row | {ORDER_ID: text(fields, "uuid")} | ({} if fee is None else {FEE: fee}),
            market_type=market_type,
        )
        for row, fee in zip(rows, fees, strict=True)
    ]
    return tuple(sorted(found, key=lambda fill: (fill.executed_at, fill.exchange_trade_id)))


def _shared_out(fields: Fields, rows: list[Fields]) -> list[str | None]:
    """Give each fill's share of the fee; None while the fills are not all there."""
    values = [
        _EXACT.multiply(more_than_zero(row, "price"), more_than_zero(row, "volume")) for row in rows
    ]
    filled = sum((more_than_zero(row, "volume") for row in rows), ZERO)
    paid = number(fields, "paid_fee") if fields.get("paid_fee") not in (None, "") else None
    if paid is None or not rows or filled != amount(fields, "executed_volume"):
        return [None] * len(rows)
    return [f"{share.normalize(_EXACT):f}" for share in _shares(paid, values)]


def _shares(paid: Decimal, values: list[Decimal]) -> list[Decimal]:
    """Charge every fill at the order's rate, rounded as makes the sum right, else as it comes."""
    total = sum(values, ZERO)
    rate = _EXACT.divide(paid, total).quantize(_RATE_STEP, context=_EXACT)
    for step in _FEE_STEPS:
        shares = [_EXACT.multiply(value, rate).quantize(step, context=_CUT) for value in values]
        if sum(shares, ZERO) == paid:
            return shares
    parts = (_EXACT.divide(_EXACT.multiply(paid, value), total) for value in values)
    return [part.quantize(_PLACES, context=_EXACT) for part in parts]


def execution(answer: object, *, market_type: MarketType) -> ExecutionReport:
    """Read one fill with its order's id. See Note [Dates and fees of REST]."""
    fields = an_object(answer)
    market = text(fields, "market")
    fee = number(fields, FEE) if fields.get(FEE) not in (None, "") else None
    return ExecutionReport(
        market_type=market_type,
        symbol_id=market,
        exchange_order_id=text(fields, ORDER_ID),
        exchange_trade_id=text(fields, "uuid"),
        side=words.side(fields, "side"),
        execution_price=more_than_zero(fields, "price"),
        execution_quantity=more_than_zero(fields, "volume"),
        executed_at=words.moment(fields, "created_at"),
        source=Source.REST_TRADES,
        commission=fee,
        commission_asset=None if fee is None else words.quote_of(market),
        raw=fields,
    )


def holding(answer: object, *, market_type: MarketType) -> HoldingReport:
    """Read one row of the accounts: an asset with all of it, what orders lock included."""
    fields = an_object(answer)
    return HoldingReport(
        market_type=market_type,
        symbol_id="",
        asset=text(fields, "currency"),
        quantity=amount(fields, "balance") + amount(fields, "locked"),
    )


def available(body: object, asset: str) -> Decimal:
    """Read what no order has locked of an asset; nothing of one that is not listed."""
    rows = (an_object(row) for row in a_list(body))
    return sum((amount(row, "balance") for row in rows if row.get("currency") == asset), ZERO)


def permissions(body: object, api_key: str) -> KeyPermissions:
    """Read when a key of the account's ends; nothing else is told of it."""
    rows = (an_object(row) for row in a_list(body))
    row = next((row for row in rows if row.get("access_key") == api_key), None)
    if row is None or row.get("expire_at") in (None, ""):
        return KeyPermissions()
    return KeyPermissions(expires_at=words.moment(row, "expire_at"))


def closing_price(body: object) -> Decimal | None:
    """Read the close of the newest candle; minutes in which nothing was traded have none."""
    rows = a_list(body)
    return more_than_zero(an_object(rows[0]), "trade_price") if rows else None


def last_price(body: object) -> Decimal | None:
    """Read the price of the last trade in the one market that was asked about."""
    rows = a_list(body)
    if len(rows) != 1:
        msg = "ticker: expected one market"
        raise MalformedMessage(msg)
    return optional_amount(an_object(rows[0]), "trade_price")
