"""
Binance spot's private events: what each says, in our vocabulary. Pure.

Policy: an order is known by its number. Where it was cancelled or amended `c` names that request
and `C` the order, so `C` counts where it is told. Only TRADE fills: a prevented trade
(TRADE_PREVENTION) takes from the order without one. `Z` is the exact sum of what was paid.

Sources: Spot "User Data Streams" (2026), its enumerations and CHANGELOG.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges import binance_vocabulary as words
from exchanges.messages import (
    CredentialExpired,
    ExecutionReport,
    HoldingReport,
    HoldingsChanged,
    MarketType,
    Message,
    MovementKind,
    MovementReport,
    OrderReport,
    Source,
)
from exchanges.wire import (
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

SHUTDOWN: Final = "serverShutdown"
TERMINATED: Final = "eventStreamTerminated"
#: Events of this stream that say nothing about orders, fills or holdings.
IGNORED: Final = frozenset({"externalLockUpdate", "listStatus", SHUTDOWN})
ABOUT_ORDERS: Final = frozenset({"balanceUpdate", "executionReport"})
_NO_REASON: Final = "NONE"


def _execution_report(market_type: MarketType, event: Fields) -> OrderReport:
    filled, status_name = amount(event, "z"), text(event, "X")
    quantity = words.spot_quantity(amount(event, "q"), optional_amount(event, "Q"))
    type_name, traded_at = text(event, "o"), moment(event, "T")
    return OrderReport(
        market_type=market_type,
        symbol_id=text(event, "s"),
        exchange_order_id=identifier(event, "i"),
        client_order_id=optional_text(event, "C") or optional_text(event, "c") or None,
        status=words.status(status_name, filled=filled, quantity=quantity),
        exchange_status=status_name,
        side=words.side(event, "S"),
        order_type=words.spot_order_type(type_name),
        time_in_force=words.spot_time_in_force(event, "f", type_name),
        quantity=quantity,
        filled_quantity=filled,
        filled_quote=optional_amount(event, "Z") if filled else None,
        price=optional_amount(event, "p"),
        stop_price=optional_amount(event, "P"),
        post_only=type_name == words.LIMIT_MAKER,
        reason=_reason(event),
        exchange_updated_at=traded_at,
        event_at=moment(event, "E"),
        execution=_execution(market_type, event),
    )


def _reason(event: Fields) -> str:
    """Say why it ended: the reason of an expiry, or of a refusal."""
    refusal = optional_text(event, "r")
    return optional_text(event, "eR") or ("" if refusal == _NO_REASON else refusal)


def _execution(market_type: MarketType, event: Fields) -> ExecutionReport | None:
    """Take the fill out of a report, if there is a whole one in it."""
    if text(event, "x") != "TRADE" or event.get("t") == -1:
        return None
    quantity, price = amount(event, "l"), amount(event, "L")
    if not quantity or not price:
        return None
    return ExecutionReport(
        market_type=market_type,
        symbol_id=text(event, "s"),
        exchange_order_id=identifier(event, "i"),
        exchange_trade_id=identifier(event, "t"),
        side=words.side(event, "S"),
        execution_price=price,
        execution_quantity=quantity,
        executed_at=moment(event, "T"),
        source=Source.WS,
        is_maker=flag(event, "m") if "m" in event else None,
        commission=optional_signed(event, "n"),
        commission_asset=optional_text(event, "N") or None,
    )


def _account_position(market_type: MarketType, event: Fields) -> HoldingsChanged:
    """Read the assets that changed: all of each, what orders lock included."""
    changed_at = moment(event, "u")
    balances = (an_object(entry) for entry in a_list(event.get("B")))
    return HoldingsChanged(
        reason=text(event, "e"),
        event_at=moment(event, "E"),
        holdings=tuple(
            HoldingReport(
                market_type=market_type,
                symbol_id="",
                asset=text(balance, "a"),
                quantity=amount(balance, "f") + amount(balance, "l"),
                updated_at=changed_at,
            )
            for balance in balances
        ),
    )


def _balance_update(market_type: MarketType, event: Fields) -> MovementReport:
    """Read what came or went without an order; no list of Binance's tells of it again."""
    asset, change = text(event, "a"), signed(event, "d")
    return MovementReport(
        key=f"balanceUpdate:{asset}:{identifier(event, 'E')}:{change:f}",
        kind=MovementKind.TRANSFER,
        market_type=market_type,
        symbol_id="",
        asset=asset,
        amount=change,
        posted_at=moment(event, "T"),
    )


def _terminated(_market_type: MarketType, event: Fields) -> CredentialExpired:
    return CredentialExpired(event=text(event, "e"))


#: how each event that tells something is read
READERS: Final[Mapping[str, Callable[[MarketType, Fields], Message]]] = {
    "balanceUpdate": _balance_update,
    TERMINATED: _terminated,
    "executionReport": _execution_report,
    "outboundAccountPosition": _account_position,
}
