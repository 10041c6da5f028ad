"""
The one send of a request, and its answer as evidence. See Note [Commit, claim, send once].

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from exchanges.errors import ExchangeError, OutcomeUnknown, PermanentError, TransientError
from exchanges.messages import IdSpace, OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.models import OrderRequest, RequestOutcome
from tracking.services import clients, verification
from tracking.services.event_emitter import emit_trade_event, withdraw_cancel
from tracking.services.gaps import PATIENT, explain_gaps
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from exchanges.questions import NewOrder
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount, OpenOrder

log = structlog.get_logger(__name__)


def claim_send(request: OrderRequest) -> bool:
    """Claim the one send of a request, in a commit of its own. False: someone has, or it failed."""
    rows = OrderRequest.objects.filter(
        pk=request.pk, sent_at__isnull=True, outcome=RequestOutcome.PENDING.value
    )
    return bool(rows.update(sent_at=timezone.now()))


def send_order(
    account: ExchangeAccount,
    client: RestClient,
    request: OrderRequest,
    order: NewOrder,
    symbol: str,
) -> None:
    """Send the order and emit the answer, whatever it is."""
    try:
        snapshot = client.place_order(order)
    except OutcomeUnknown as error:
        evidence = _verdict(OrderStatus.UNKNOWN, str(error))
    except PermanentError as error:
        evidence = _verdict(OrderStatus.REJECTED, _in_words(error))
    except TransientError as error:
        # the adapter is sure that nothing was sent
        evidence = _verdict(OrderStatus.FAILED, _in_words(error))
    else:
        evidence = Evidence(statements=(snapshot,))
    told = evidence.statements[0].exchange_order_id if evidence.statements else None
    emission = emit_trade_event(
        account_id=account.pk,
        gathered=[
            Gathered(
                market_type=order.market_type.value,
                symbol=symbol,
                id_space=IdSpace.ORDER.value,
                exchange_order_id=told,
                client_order_id=order.client_order_id,
                evidence=evidence,
            )
        ],
        now=timezone.now(),
    )
    log.info("order.sent", client_order_id=request.client_order_id, account=account.pk)
    if evidence.verdict:
        # the order's own reason is only about its end
        OrderRequest.objects.filter(pk=request.pk, detail="").update(detail=evidence.verdict.reason)
    explain_gaps(account, emission)


def _verdict(status: OrderStatus, reason: str) -> Evidence:
    return Evidence(verdict=Verdict(status=status, reason=reason[:200]))


def _in_words(error: ExchangeError) -> str:
    return f"{error} ({error.code})" if error.code else str(error)


def send_cancel(account: ExchangeAccount, request: OrderRequest, order: OpenOrder) -> None:
    """Send the cancel and emit what it says of the order; a refusal is a question."""
    client = clients.rest_client(account)
    question = Gathered(
        market_type=order.market_type,
        symbol=order.symbol,
        id_space=order.id_space,
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        evidence=Evidence(),
    )
    outcome, detail = RequestOutcome.ACCEPTED, ""
    told: Gathered | None
    try:
        answer = client.cancel_order(verification.ref_of(client, question))
        told = replace(
            question,
            exchange_order_id=answer.exchange_order_id,
            evidence=Evidence(statements=(answer,)),
        )
    except ExchangeError as error:
        outcome, detail = _cancel_outcome(error), _in_words(error)
        told = _asked(client, question)
    if told is not None:
        emission = emit_trade_event(account_id=account.pk, gathered=[told], now=timezone.now())
        explain_gaps(account, emission)
    if outcome in {RequestOutcome.REJECTED, RequestOutcome.FAILED}:
        withdraw_cancel(account.pk, order.pk, timezone.now())
    # unless the end of the order, told beside a lost answer, has settled it
    OrderRequest.objects.filter(pk=request.pk, outcome=RequestOutcome.PENDING.value).update(
        outcome=outcome.value, detail=detail[:300], answered_at=timezone.now()
    )


def _cancel_outcome(error: ExchangeError) -> RequestOutcome:
    if isinstance(error, OutcomeUnknown):
        return RequestOutcome.UNKNOWN
    return RequestOutcome.REJECTED if isinstance(error, PermanentError) else RequestOutcome.FAILED


def _asked(client: RestClient, question: Gathered) -> Gathered | None:
    """Find out what became of an order whose cancel was refused: it may have filled."""
    try:
        return verification.with_trades_of_order(client, question, time.monotonic() + PATIENT)
    except ExchangeError as error:
        log.warning("cancel.unexplained", order=question.label, error=type(error).__name__)
        return None
