"""
What REST has yet to confirm, and when it is asked again.

Two kinds of row wait here by their `next_verify_at`: executions booked from the stream alone (or
inferred), and open orders whose state cannot be settled without REST (a gap, a submit without an
answer). Both back off 1, 2, 5, 10, 30, 60 s; the columns are schedule, not books.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection, transaction
from django.utils import timezone

from exchanges import registry
from exchanges.errors import ExchangeError
from exchanges.messages import MarketType, OrderStatus, Source
from tracking.domain.evidence import Evidence
from tracking.domain.findings import AnomalyKind
from tracking.models import (
    AccountState,
    ExchangeAccount,
    OpenOrder,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import (
    anomalies,
    bystanders,
    clients,
    contract_terms,
    forgotten,
    overdue_requests,
    unknown_submits,
    verification,
)
from tracking.services.absence import note_not_found
from tracking.services.anomalies import Noticed
from tracking.services.baseline import ensure_baseline
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import emit_trade_event, lock_account
from tracking.services.fill_flow import worth_asking
from tracking.services.gaps import explain_gaps
from tracking.services.order_records import Gathered, ended_among
from tracking.services.trade_pages import before
from tracking.services.unknown_submits import is_unknown_submit
from tracking.services.unsent import fail_never_sent
from tracking.services.verification import Verified

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exchanges.questions import TradeCursor
    from exchanges.rest import RestClient
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)

#: A symbol is verified at most this often.
SPACING = timedelta(seconds=1)
BATCH = 1000
#: Past this many attempts (about five minutes) a person is told.
PATIENCE = 10
#: From this attempt on a guess is asked about order by order, so many at once.
GUESS_LASTS, ONE_BY_ONE = 2, 5

_POSTPONE_ORDERS = """
    UPDATE tracking_openorder SET verify_attempts = LEAST(verify_attempts + 1, 1000),
        next_verify_at = %s + interval '1 second'
            * (ARRAY[1, 2, 5, 10, 30, 60])[LEAST(verify_attempts + 1, 6)]
    WHERE id = ANY(%s) AND next_verify_at IS NOT NULL
"""
# while an answer is waited for nobody else asks: under a spent budget that would spend it twice
_TAKE_EXECUTIONS = """
    UPDATE tracking_tradeexecution SET verify_attempts = LEAST(verify_attempts + 1, 1000),
        next_verify_at = %s + interval '20 seconds'
    WHERE id = ANY(%s) AND next_verify_at IS NOT NULL
"""
_POSTPONE_EXECUTIONS = """
    UPDATE tracking_tradeexecution SET next_verify_at = %s + interval '1 second'
        * (ARRAY[1, 2, 5, 10, 30, 60])[LEAST(verify_attempts, 6)]
    WHERE id = ANY(%s) AND NOT verified AND voided_at IS NULL
"""


def accounts_due(now: datetime) -> list[int]:
    """Name the accounts that have something to verify now."""
    rows = TradeExecution.objects.filter(
        verified=False, voided_at__isnull=True, next_verify_at__lte=now
    ).values_list("account_id", flat=True)
    orders = OpenOrder.objects.filter(next_verify_at__lte=now).values_list("account_id", flat=True)
    due = {*rows.distinct(), *orders.distinct()}
    active = ExchangeAccount.objects.filter(pk__in=due, state=AccountState.ACTIVE.value)
    # what became of requests has to be told whether or not the exchange may be asked
    overdue = overdue_requests.accounts_with_overdue(now)
    return sorted({*active.values_list("pk", flat=True), *overdue})


def verify_due(account_id: int) -> int:
    """Ask REST about everything of an account that is due; return how many rows were."""
    now = timezone.now()
    overdue_requests.look_after(account_id, now)
    account = ExchangeAccount.objects.get(pk=account_id)
    if not clients.may_ask(account):
        return 0
    account = ensure_baseline(account)
    busy = _asked_lately(account_id, now)
    executions = _due_executions(account, now, busy)
    orders = _due_orders(account_id, now, busy)
    if not executions and not orders:
        return 0
    # planned first: however this ends, there is a next attempt
    execution_ids = [execution.pk for execution in executions]
    _write(
        account_id,
        (_POSTPONE_ORDERS, now, [order.pk for order in orders]),
        (_TAKE_EXECUTIONS, now, execution_ids),
    )
    fail_never_sent(account_id, orders, now)
    unknown_submits.resolve(account, [row for row in orders if is_unknown_submit(row)])
    answer = _ask(account, executions, [row for row in orders if not is_unknown_submit(row)])
    overdue_requests.settle_changes(account, answer.gathered, now)
    _write(account_id, (_POSTPONE_EXECUTIONS, timezone.now(), execution_ids))
    if not answer.failed:
        forgotten.give_up(account, executions, now)
    _tell_impatience(account_id, executions)
    return len(executions) + len(orders)


def _asked_lately(account_id: int, now: datetime) -> set[SymbolKey]:
    rows = SymbolSubscription.objects.filter(account_id=account_id, verified_at__gt=now - SPACING)
    return set(rows.values_list("market_type", "symbol"))


def _due_executions(
    account: ExchangeAccount, now: datetime, busy: set[SymbolKey]
) -> list[TradeExecution]:
    rows = TradeExecution.objects.filter(
        account=account,
        verified=False,
        voided_at__isnull=True,
        next_verify_at__lte=now,
    ).order_by("next_verify_at")[:BATCH]
    free = [row for row in rows if (row.market_type, row.symbol) not in busy]
    limits = registry.adapter(account.exchange).limits[MarketType(account.market_type)]
    return worth_asking(free, now, limits.look)


def _due_orders(account_id: int, now: datetime, busy: set[SymbolKey]) -> list[OpenOrder]:
    rows = OpenOrder.objects.filter(account_id=account_id, next_verify_at__lte=now)
    return [
        row
        for row in rows.order_by("next_verify_at")[:BATCH]
        if (row.market_type, row.symbol) not in busy
    ]


def _write(account_id: int, *updates: tuple[str, datetime, Sequence[int]]) -> None:
    """Plan attempts. Under the account's lock, as whoever else writes many such rows."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        lock_account(account_id)
        for update, now, ids in updates:
            cursor.execute(update, [now, list(ids)])


def _ask(
    account: ExchangeAccount,
    executions: Sequence[TradeExecution],
    orders: Sequence[OpenOrder],
) -> Verified:
    questions = _questions(executions, orders)
    if not questions:
        return Verified([])
    client = clients.rest_client(account)
    keys = {(q.market_type, q.symbol) for q in questions}
    cursors = _cursors_before(account, executions, keys)
    untold = any(map(_only_trades_tell, executions))
    answer = verification.ask(
        client,
        questions,
        cursors,
        want_trades=untold,
        place_of=registry.adapter(account.exchange).place_of,
        ended=ended_among(account.pk, [q.identity for q in questions if q.identity]),
    )
    contract_terms.learn(account.exchange, client.markets)
    bystanders.join_known(account, answer, groups_known_to=questions)
    emit_answer(account, answer)
    _ask_one_by_one(account, client, executions)
    return answer


def _only_trades_tell(execution: TradeExecution) -> bool:
    """Whether the word of its order is not enough, or was not: some tell no exact sum of theirs."""
    is_guess = execution.source == Source.INFERRED.value
    return is_guess or execution.commission is None or execution.verify_attempts > 0


def _ask_one_by_one(
    account: ExchangeAccount, client: RestClient, executions: Sequence[TradeExecution]
) -> None:
    """Ask for the trades of orders whose guess has lasted: they may lie before every cursor.

    (Fills from before the account's baseline do, and what a list did not show when it was read.)
    """
    lasting = {
        e.exchange_order_id: _question(e, e.exchange_order_id, None)
        for e in executions
        if e.source == Source.INFERRED.value and e.verify_attempts >= GUESS_LASTS
    }
    deadline = time.monotonic() + verification.PATIENT
    found = []
    for item in list(lasting.values())[:ONE_BY_ONE]:
        try:
            found.append(verification.with_trades_of_order(client, item, deadline))
        except ExchangeError as error:
            log.warning("guess.unexplained", order=item.label, error=type(error).__name__)
    if found:
        emit_trade_event(account_id=account.pk, gathered=found, now=timezone.now())


def emit_answer(account: ExchangeAccount, answer: Verified) -> None:
    """Emit what REST said, explain the gaps it opened, and weigh what it did not know."""
    told = [g for g in answer.gathered if g.evidence.statements or g.evidence.executions]
    emission = emit_trade_event(
        account_id=account.pk, gathered=told, now=timezone.now(), cursors=answer.cursors
    )
    explain_gaps(account, emission)
    note_not_found(account, answer.not_found)


def _questions(executions: Iterable[TradeExecution], orders: Iterable[OpenOrder]) -> list[Gathered]:
    """One question an order; an order still PENDING is not asked about."""
    asked = [_question(e, e.exchange_order_id, None) for e in executions]
    asked += [
        _question(o, o.exchange_order_id, None if o.exchange_order_id else o.client_order_id)
        for o in orders
        if o.status != OrderStatus.PENDING.value
    ]
    unique = {(q.market_type, q.symbol, q.id_space, q.label): q for q in asked}
    return list(unique.values())


def _question(
    row: TradeExecution | OpenOrder, exchange_order_id: str | None, client_order_id: str | None
) -> Gathered:
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        exchange_order_id=exchange_order_id,
        client_order_id=client_order_id,
        evidence=Evidence(),
    )


def _cursors_before(
    account: ExchangeAccount, executions: Iterable[TradeExecution], keys: set[SymbolKey]
) -> dict[SymbolKey, TradeCursor]:
    """Go back far enough for the trades query to show the fills in question.

    A guess stands for fills whose places nobody knows.
    """
    place_of = registry.adapter(account.exchange).place_of
    asked: dict[SymbolKey, list[TradeExecution]] = defaultdict(list)
    for execution in executions:
        if execution.source != Source.INFERRED.value:
            asked[execution.market_type, execution.symbol].append(execution)
    cursors = read_cursors(account.pk, keys, account.baseline_at)
    return {key: before(cursor, asked[key], place_of) for key, cursor in cursors.items()}


def _tell_impatience(account_id: int, executions: Sequence[TradeExecution]) -> None:
    old = [e for e in executions if e.verify_attempts == PATIENCE]
    if old:
        anomalies.report(
            account_id,
            [
                Noticed(
                    kind=AnomalyKind.UNVERIFIED,
                    key=f"{e.market_type}:{e.symbol}:{e.exchange_trade_id}",
                    detail=f"REST has not confirmed the execution in {PATIENCE} attempts",
                )
                for e in old
            ],
        )
