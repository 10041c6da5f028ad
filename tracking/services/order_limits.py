"""
Limits that stop a runaway, per strategy account.

All of it is asked under the account's lock in the transaction that makes the order, so that the
counts are exact however many dispatch at once.

Note [What counts]
~~~~~~~~~~~~~~~~~~
The rate counts attempts, whatever became of them: a strategy whose orders are all refused by the
exchange runs away too. Amending makes no order, so it does not. What counts for the notional is
told in `order_worth`.

An order that can only reduce a position is not held up by its worth: a spent budget must not keep
anyone in a position. It counts all the same, since the limit is one of turnover, and it is
bound by all other limits: a loop that sends it a thousand times is a runaway.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from exchanges.messages import MarketType, PositionSide, Side
from exchanges.refusals import RefusalKind
from tracking.models import AccountState, OrderRequest, RequestAction, RequestOutcome
from tracking.services import order_worth
from tracking.services.order_room import room
from tracking.services.order_worth import Worth
from tracking.services.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from exchanges.questions import NewOrder
    from tracking.models import ExchangeAccount, StrategyAccount

MINUTE: Final = timedelta(minutes=1)


class Reducing(Protocol):
    """What says whether an order can open anything: one to be sent, or one that rests."""

    @property
    def market_type(self) -> str:
        """Its market."""

    @property
    def reduce_only(self) -> bool:
        """Whether the exchange is told so."""

    @property
    def position_side(self) -> str:
        """The side it belongs to, or NET."""

    @property
    def side(self) -> str:
        """BUY or SELL."""


class Prepared(Worth, Protocol):
    """An order as it is to be sent, with what it is worth."""

    @property
    def order(self) -> NewOrder:
        """The order."""


class Change(Worth, Protocol):
    """What an order is to be from now on."""

    @property
    def only_reduces(self) -> bool:
        """Whether it can only make a position smaller."""


def refusal(
    account: ExchangeAccount,
    use: StrategyAccount,
    request: OrderRequest,
    prepared: Prepared,
    now: datetime,
) -> Refusal | None:
    """Refuse what a limit forbids. Call under the account's lock, `now` read under it too."""
    return next(_refusals(account, use, request, prepared, now), None)


def amend_refusal(
    account: ExchangeAccount, request: OrderRequest, change: Change, now: datetime
) -> Refusal | None:
    """Refuse an amendment that a limit forbids. Call under the account's lock.

    One that makes its order no dearer than it has been is not held up by its worth.
    """
    use = request.strategy_account
    if use is None:
        return None
    return next(_amend_refusals(account, use, request, change, now), None)


def _amend_refusals(
    account: ExchangeAccount,
    use: StrategyAccount,
    request: OrderRequest,
    change: Change,
    now: datetime,
) -> Iterator[Refusal]:
    yield from _not_trading(account, use)
    if change.only_reduces:
        return
    before = order_worth.was_worth(use, request)
    if before is None or change.notional is None or change.notional > before:
        yield from order_worth.too_much(use, request, change, now)


def _refusals(
    account: ExchangeAccount,
    use: StrategyAccount,
    request: OrderRequest,
    prepared: Prepared,
    now: datetime,
) -> Iterator[Refusal]:
    yield from _not_trading(account, use)
    yield from _too_old(use, request, now)
    yield from _not_allowed(use, request)
    if not only_reduces(prepared.order):
        yield from order_worth.too_much(use, request, prepared, now)
    yield from _too_many(account, use, request, now)


def _not_trading(account: ExchangeAccount, use: StrategyAccount) -> Iterator[Refusal]:
    if account.tracking_only:
        reason = f"{account.name} is tracked only: its key may not trade, or nobody wants it to"
        yield Refusal(kind=RefusalKind.TRACKING_ONLY, reason=reason)
    if account.state != AccountState.ACTIVE.value:
        reason = f"{account.name} is not tracked now: {account.state_reason or account.state}"
        yield Refusal(kind=RefusalKind.HALTED, reason=reason[:300])
    if not use.strategy.is_active:
        reason = f"the strategy {use.strategy.name} is switched off"
        yield Refusal(kind=RefusalKind.HALTED, reason=reason)
    elif not use.is_active:
        reason = f"the strategy's use of {account.name} is switched off"
        yield Refusal(kind=RefusalKind.HALTED, reason=reason)


def _too_old(use: StrategyAccount, request: OrderRequest, now: datetime) -> Iterator[Refusal]:
    """One that waited for room has a limit of its own, see `waiting_queue`."""
    age = now - request.created_at
    if request.outcome != RequestOutcome.WAITING.value and age > allowed_age(use):
        reason = (
            f"asked for {age.total_seconds():.0f} s ago; after {use.max_request_age} s it is "
            "not sent any more"
        )
        yield Refusal(kind=RefusalKind.TOO_OLD, reason=reason)


def allowed_age(use: StrategyAccount) -> timedelta:
    """How long a request may take to be sent."""
    return timedelta(seconds=use.max_request_age)


def _not_allowed(use: StrategyAccount, request: OrderRequest) -> Iterator[Refusal]:
    if use.allowed_symbols and request.symbol not in use.allowed_symbols:
        reason = f"{request.symbol} is not among the symbols allowed to this strategy here"
        yield Refusal(kind=RefusalKind.SYMBOL_NOT_ALLOWED, reason=reason)


def only_reduces(order: Reducing) -> bool:
    """Whether an order can only make a position smaller.

    In hedge mode exchanges take no reduce-only; there selling a long and buying a short does that,
    and nothing else, whatever the flag says. On spot nobody looks at it.
    """
    if order.market_type == MarketType.SPOT:
        return False
    if order.position_side == PositionSide.NET:
        return order.reduce_only
    closing = {(PositionSide.LONG, Side.SELL), (PositionSide.SHORT, Side.BUY)}
    return (order.position_side, order.side) in closing


def _attempts(use: StrategyAccount, since: datetime) -> QuerySet[OrderRequest]:
    return OrderRequest.objects.filter(
        strategy_account=use, action=RequestAction.PLACE.value, attempted_at__gt=since
    )


def has_rate_left(use: StrategyAccount, now: datetime) -> bool:
    """Whether a use may attempt one more order this minute."""
    allowed = use.max_orders_per_minute
    return allowed is None or _attempts(use, now - MINUTE).count() < allowed


def _too_many(
    account: ExchangeAccount, use: StrategyAccount, request: OrderRequest, now: datetime
) -> Iterator[Refusal]:
    """Refuse what would be too much, unless it may wait: then it is `waiting_queue` that says."""
    goes_on_waiting = use.queue_when_full and request.outcome == RequestOutcome.WAITING.value
    if not goes_on_waiting and not has_rate_left(use, now):
        reason = f"this strategy may send {use.max_orders_per_minute} orders a minute here"
        yield Refusal(kind=RefusalKind.OVER_LIMIT, reason=reason)
    if not use.queue_when_full and room(account) == 0:
        reason = f"{account.max_open_orders} orders are open, more {account.name} may not have"
        yield Refusal(kind=RefusalKind.TOO_MANY_ORDERS, reason=reason)
