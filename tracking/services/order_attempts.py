"""
The transaction that makes an order of a request, or refuses it, or lets it wait.

It holds the account's lock, so whatever it looks at (halts, limits, room) stays so until its
commit, and two that attempt the same request at once make one order.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from exchanges import registry
from exchanges.messages import IdSpace, OrderStatus
from exchanges.refusals import RefusalKind
from tracking.domain.evidence import Evidence, Verdict
from tracking.models import (
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
    StrategyAccount,
)
from tracking.services import halts, order_limits, order_outcomes, waiting_queue
from tracking.services.event_emitter import emit_trade_event, lock_account, open_pending
from tracking.services.journal import Journal
from tracking.services.order_intents import CONDITIONAL
from tracking.services.order_records import Gathered
from tracking.services.refusals import Refusal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.messages import OrderType
    from tracking.models import ExchangeAccount
    from tracking.services.order_intents import OrderIntent
    from tracking.services.order_preparation import Prepared

#: Without a recorded answer an order is asked about after this long (a request takes 10 s at most).
ANSWER_IS_LATE: Final = timedelta(seconds=15)
#: What nobody's limit says: of requests whose strategy is gone.
USUAL_AGE: Final = timedelta(seconds=30)


def attempt(request: OrderRequest, prepared: Prepared | Refusal) -> OrderRequest | None:
    """Make the order of a request, PENDING, and give the request as it is then.

    None: it is refused, it waits, or somebody else has attempted it.
    """
    with transaction.atomic(durable=True):
        account = lock_account(request.account_id)
        now = timezone.now()
        locked = _locked(request.pk)
        if locked is None:
            return None
        journal = Journal(account.user_id, account.pk, now)
        is_made = _decide(account, locked, prepared, journal)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})
    return locked if is_made else None


def _locked(request_id: int) -> OrderRequest | None:
    open_to_attempts = (RequestOutcome.PENDING.value, RequestOutcome.WAITING.value)
    rows = OrderRequest.objects.select_for_update(no_key=True).filter(
        pk=request_id, outcome__in=open_to_attempts, attempted_at__isnull=True
    )
    return rows.first()


def _decide(
    account: ExchangeAccount,
    request: OrderRequest,
    prepared: Prepared | Refusal,
    journal: Journal,
) -> bool:
    if isinstance(prepared, Refusal):
        order_outcomes.refuse(journal, request, prepared)
        return False
    has_waited = request.outcome == RequestOutcome.WAITING.value
    request.terms = prepared.terms | ({"waited": True} if has_waited else {})
    request.notional, request.notional_asset = prepared.notional, prepared.notional_asset
    use = _use_of(request)
    refusal = _refusal(account, use, request, prepared, journal.now)
    if use is None or refusal is not None:
        order_outcomes.refuse(journal, request, refusal or STRATEGY_GONE)
        return False
    if waiting_queue.must_wait(account, use, request, journal.now):
        if not has_waited:
            detail = "waits for room among the account's open orders"
            order_outcomes.end(journal, request, RequestOutcome.WAITING, detail)
        return False
    if has_waited:
        order_outcomes.end(journal, request, RequestOutcome.PENDING, "")
    request.attempted_at = journal.now
    request.save(update_fields=["attempted_at", "terms", "notional", "notional_asset"])
    open_pending(journal, new_row(account, request, prepared.intent, journal.now))
    return True


STRATEGY_GONE: Final = Refusal(kind=RefusalKind.HALTED, reason="the strategy is gone")


def _use_of(request: OrderRequest) -> StrategyAccount | None:
    """Read it anew: limits and switches count as they are now."""
    if request.strategy_account_id is None:
        return None
    uses = StrategyAccount.objects.select_related("strategy")
    return uses.filter(pk=request.strategy_account_id).first()


def _refusal(
    account: ExchangeAccount,
    use: StrategyAccount | None,
    request: OrderRequest,
    prepared: Prepared,
    now: datetime,
) -> Refusal | None:
    if use is None:
        return STRATEGY_GONE
    halted = halts.refusal(account, now)
    return halted or order_limits.refusal(account, use, request, prepared, now)


def id_space_of(account: ExchangeAccount, order_type: OrderType) -> IdSpace:
    """Say in which numbering an order begins: conditional ones may have their own."""
    if order_type not in CONDITIONAL:
        return IdSpace.ORDER
    return registry.facts(account.exchange, account.market_type).conditional_id_space


def new_row(
    account: ExchangeAccount, request: OrderRequest, intent: OrderIntent, now: datetime
) -> OpenOrder:
    """Give the order of a request as it is sent, PENDING; `intent` is brought to its market."""
    return OpenOrder(
        account=account,
        strategy_account_id=request.strategy_account_id,
        market_type=request.market_type,
        symbol=request.symbol,
        id_space=id_space_of(account, intent.order_type).value,
        client_order_id=request.client_order_id,
        placed_by_us=True,
        side=intent.side.value,
        position_side=intent.position_side.value,
        order_type=intent.order_type.value,
        time_in_force=intent.time_in_force.value,
        price=intent.price,
        stop_price=intent.stop_price,
        # an order for an amount of money has none
        quantity=intent.quantity or Decimal(0),
        reduce_only=intent.reduce_only,
        post_only=intent.post_only,
        status=OrderStatus.PENDING.value,
        next_verify_at=now + ANSWER_IS_LATE,
        version=1,
        created_at=now,
        updated_at=now,
    )


def age_limit(request: OrderRequest) -> datetime:
    """Say until when a request may be sent; one that waited for room, from its attempt on."""
    use = request.strategy_account
    begun = request.created_at
    if request.terms.get("waited") and request.attempted_at is not None:
        begun = request.attempted_at
    return begun + (order_limits.allowed_age(use) if use else USUAL_AGE)


def end_unsendable(request: OrderRequest) -> bool:
    """Fail a request that was attempted and must not be sent any more. False: it may, or was."""
    refusal = _why_unsendable(request)
    if refusal is None:
        return False
    if request.action == RequestAction.PLACE.value:
        return _end_unsent(request, refusal)
    return record_outcome(request, RequestOutcome.FAILED, refusal.reason, is_unsent=True)


def withdraw_unsent(order: OpenOrder) -> bool:
    """Fail an order that is to be cancelled and was never claimed for sending. False: it was."""
    request = OrderRequest.objects.filter(
        account=order.account_id,
        action=RequestAction.PLACE.value,
        client_order_id=order.client_order_id,
        sent_at__isnull=True,
        outcome=RequestOutcome.PENDING.value,
    ).first()
    return request is not None and _end_unsent(request, CANCELLED_BEFORE)


CANCELLED_BEFORE: Final = Refusal(
    kind=RefusalKind.WITHDRAWN, reason="it was cancelled before it was sent"
)


def _end_unsent(request: OrderRequest, refusal: Refusal) -> bool:
    """Fail a placement unless it was claimed.

    First nobody can claim it any more, then the order is closed through the write path; whoever
    dies in between leaves an order that `unsent` fails.
    """
    unclaimed = OrderRequest.objects.filter(
        pk=request.pk, sent_at__isnull=True, outcome=RequestOutcome.PENDING.value
    )
    if not unclaimed.update(outcome=RequestOutcome.FAILED.value):
        return False
    row = OpenOrder.objects.filter(
        account=request.account_id,
        market_type=request.market_type,
        client_order_id=request.client_order_id,
        placed_by_us=True,
    ).first()
    if row is None:
        return record_outcome(request, RequestOutcome.FAILED, refusal.reason, is_unsent=True)
    emit_trade_event(
        account_id=request.account_id, gathered=[_failed(row, refusal)], now=timezone.now()
    )
    return True


def _why_unsendable(request: OrderRequest) -> Refusal | None:
    now = timezone.now()
    halted = halts.refusal(request.account, now)
    if halted is not None or now <= age_limit(request):
        return halted
    age = (now - request.created_at).total_seconds()
    reason = f"asked for {age:.0f} s ago and not sent by then; now it is too late"
    return Refusal(kind=RefusalKind.TOO_OLD, reason=reason)


def _failed(row: OpenOrder, refusal: Refusal) -> Gathered:
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        client_order_id=row.client_order_id,
        evidence=Evidence(verdict=Verdict(status=OrderStatus.FAILED, reason=refusal.reason[:200])),
        refusal=refusal,
    )


def record_outcome(
    request: OrderRequest,
    outcome: RequestOutcome,
    detail: str,
    *,
    is_unsent: bool = False,
) -> bool:
    """Write and tell what became of a cancel or an amendment. False: it has been settled.

    `is_unsent`: only if nobody has claimed it for sending.
    """
    held = (RequestOutcome.PENDING.value, RequestOutcome.FAILED.value)
    with transaction.atomic(durable=True):
        account = lock_account(request.account_id)
        rows = OrderRequest.objects.select_for_update(no_key=True).filter(
            pk=request.pk, outcome__in=held, answered_at__isnull=True
        )
        locked = (rows.filter(sent_at__isnull=True) if is_unsent else rows).first()
        if locked is None:
            return False
        journal = Journal(account.user_id, account.pk, timezone.now())
        order_outcomes.end(journal, locked, outcome, detail)
        last = journal.write()
    publish_events({account.user_id: last})
    return True
