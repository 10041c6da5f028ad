"""
What a proved call asks of which account, held against what its webhook authorises.

Every order is looked at before any is accepted: one that is wrong or not allowed refuses them all.
What an order is worth is known only when it is prepared, so the webhook's limit of that is one of
`order_limits`.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exchanges.messages import PositionSide
from tracking.models import PositionMode, RequestSource
from tracking.services.cancel_all import CancelFilter
from tracking.services.order_intents import InvalidOrderError, OrderIntent
from tracking.services.order_requests import Wanted
from tracking.services.webhook_bodies import (
    EVERY_ACCOUNT,
    CancelSignal,
    Signal,
    signals_of,
)
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused
from tracking.services.webhook_rows import uses_of
from tracking.services.webhook_symbols import UnknownSymbolError, unified_symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.messages import Side
    from tracking.models import StrategyAccount, Webhook
    from tracking.services.webhook_bodies import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCancels:
    """The end of the orders that fit, under a key."""

    which: CancelFilter
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a call asks for, looked at and allowed."""

    orders: list[Wanted]
    cancels: list[WantedCancels]


def plan(webhook: Webhook, envelope: Envelope, stem: str) -> Plan:
    """Bring a body to orders and cancels; keys begin with `stem`. Raises WebhookRefused."""
    strategy = webhook.strategy
    signals = signals_of(envelope, strategy.slug, strategy.name)
    uses = uses_of(webhook)
    orders: list[Wanted] = []
    cancels: list[WantedCancels] = []
    for signal in signals:
        for use in _named(uses, signal):
            key = f"{stem}:{len(orders) + len(cancels)}"
            if isinstance(signal, CancelSignal):
                which = _cancel_filter(webhook, use, signal)
                cancels.append(WantedCancels(which=which, key=key))
            else:
                intent = _intent(webhook, use, signal)
                orders.append(Wanted(use=use, intent=intent, key=key, source=RequestSource.WEBHOOK))
    return Plan(orders=orders, cancels=cancels)


def _named(uses: Sequence[StrategyAccount], signal: Signal | CancelSignal) -> list[StrategyAccount]:
    if signal.account in {"", EVERY_ACCOUNT}:
        named = list(uses)
    else:
        named = [use for use in uses if use.account.name == signal.account]
    if not named:
        detail = "there is no such account that the strategy uses and this webhook may order for"
        raise _refused(signal, detail)
    if len(named) > 1 and signal.account != EVERY_ACCOUNT:
        detail = f'expected account: a name, or "{EVERY_ACCOUNT}" for all the strategy uses'
        raise _refused(signal, detail)
    return named


def _intent(webhook: Webhook, use: StrategyAccount, signal: Signal) -> OrderIntent:
    symbol = _symbol(webhook, use, signal)
    _check_side(webhook, signal, signal.side)
    is_hedged = use.account.position_mode == PositionMode.HEDGE.value
    leaning = signal.leaning if is_hedged else None
    try:
        return OrderIntent(
            symbol=symbol,
            side=signal.side,
            order_type=signal.order_type,
            quantity=signal.quantity,
            quote_quantity=signal.quote_quantity,
            percent=signal.percent,
            price=signal.price,
            stop_price=signal.stop_price,
            time_in_force=signal.time_in_force,
            position_side=signal.position_side or leaning or PositionSide.NET,
            reduce_only=signal.reduce_only,
        )
    except InvalidOrderError as error:
        raise _refused(signal, str(error)) from None


def _cancel_filter(webhook: Webhook, use: StrategyAccount, signal: CancelSignal) -> CancelFilter:
    """Narrow to what the webhook may touch: one of several symbols or sides has to be named."""
    symbol = None
    if signal.symbol or webhook.allowed_symbols:
        symbol = _symbol(webhook, use, signal)
    if signal.side is not None or webhook.allowed_sides:
        _check_side(webhook, signal, signal.side)
    return CancelFilter(
        strategy_id=use.strategy_id, account_id=use.account_id, symbol=symbol, side=signal.side
    )


def _symbol(webhook: Webhook, use: StrategyAccount, signal: Signal | CancelSignal) -> str:
    try:
        symbol = unified_symbol(use.account, signal.symbol)
    except UnknownSymbolError as error:
        raise _refused(signal, str(error)) from None
    if webhook.allowed_symbols and symbol not in webhook.allowed_symbols:
        raise _forbidden(signal, f"this webhook may not order {symbol}")
    return symbol


def _check_side(webhook: Webhook, signal: Signal | CancelSignal, side: Side | None) -> None:
    if webhook.allowed_sides and (side is None or side.value not in webhook.allowed_sides):
        allowed = " or ".join(webhook.allowed_sides)
        raise _forbidden(signal, f"this webhook may only {allowed}")


def _refused(signal: Signal | CancelSignal, detail: str) -> WebhookRefused:
    return WebhookRefused(WebhookRefusal.INVALID, _placed(signal, detail), index=signal.index)


def _forbidden(signal: Signal | CancelSignal, detail: str) -> WebhookRefused:
    told = _placed(signal, detail)
    return WebhookRefused(WebhookRefusal.NOT_AUTHORISED, told, index=signal.index)


def _placed(signal: Signal | CancelSignal, detail: str) -> str:
    return detail if signal.index is None else f"order {signal.index}: {detail}"
