"""
Cancelling and amending: sent once as orders are; the answer is evidence, a refusal is a question.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from exchanges.errors import ExchangeError, OutcomeUnknown, PermanentError
from exchanges.messages import OrderSnapshot
from exchanges.questions import Amendment
from tracking.domain.evidence import Evidence
from tracking.models import RequestOutcome
from tracking.services import verification
from tracking.services.event_emitter import Emission, emit_trade_event, withdraw_cancel
from tracking.services.gaps import PATIENT, explain_gaps
from tracking.services.order_attempts import record_outcome
from tracking.services.order_records import Gathered
from tracking.services.order_sending import claim_send, time_left
from tracking.services.refusals import in_words

if TYPE_CHECKING:
    from exchanges.questions import OrderRef
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount, OpenOrder, OrderRequest
    from tracking.services.order_amendments import NewTerms

log = structlog.get_logger(__name__)


class Cancellation:
    """The cancel of one order. It withdraws the mark of a cancel that did not happen."""

    def __init__(
        self, account: ExchangeAccount, client: RestClient, request: OrderRequest, order: OpenOrder
    ) -> None:
        """Of an order that was open when it was read."""
        self._account, self._client = account, client
        self._request, self._order = request, order
        self._claimed_at = 0.0
        self._outcome, self._detail = RequestOutcome.UNKNOWN, ""
        self._told: Gathered | None = None
        self._emission = Emission()

    def claim(self) -> bool:
        """Claim it."""
        self._claimed_at = time.monotonic()
        return claim_send(self._request)

    def ask(self) -> None:
        """Send it; if that was refused or nobody answered, ask what became of the order."""
        question = Gathered(
            market_type=self._order.market_type,
            symbol=self._order.symbol,
            id_space=self._order.id_space,
            exchange_order_id=self._order.exchange_order_id,
            client_order_id=self._order.client_order_id,
            evidence=Evidence(),
        )
        try:
            answer = self._sent(verification.ref_of(self._client, question))
        except ExchangeError as error:
            self._outcome, self._detail = _outcome_of(error), in_words(error)
            self._told = self._asked(question)
        else:
            self._outcome = RequestOutcome.ACCEPTED
            self._told = replace(
                question,
                exchange_order_id=answer.exchange_order_id,
                evidence=Evidence(statements=(answer,)),
            )

    def _sent(self, ref: OrderRef) -> OrderSnapshot:
        return self._answer(ref, time_left(self._claimed_at))

    def _answer(self, ref: OrderRef, timeout: float) -> OrderSnapshot:
        return self._client.cancel_order(ref, timeout=timeout)

    def _asked(self, question: Gathered) -> Gathered | None:
        """Find out what became of an order whose change was refused: it may have filled."""
        deadline = time.monotonic() + PATIENT
        try:
            return verification.with_trades_of_order(self._client, question, deadline)
        except ExchangeError as error:
            log.warning("order.unexplained", order=question.label, error=type(error).__name__)
            return None

    def book(self) -> None:
        """Emit what was said of the order, and record what became of the request."""
        if self._told is not None:
            self._emission = emit_trade_event(
                account_id=self._account.pk, gathered=[self._told], now=timezone.now()
            )
        self._settle()
        # unless the end of the order, told beside a lost answer, has settled it
        record_outcome(self._request, self._outcome, self._detail)

    def _settle(self) -> None:
        if self._outcome in {RequestOutcome.REJECTED, RequestOutcome.FAILED}:
            withdraw_cancel(
                self._account.pk, self._order.pk, timezone.now(), request_id=self._request.pk
            )

    def explain(self) -> None:
        """Ask for fills that an answer spoke of and did not tell."""
        explain_gaps(self._account, self._emission)


class Amending(Cancellation):
    """The amendment of one order: a change as a cancel is, that leaves the order working."""

    def __init__(
        self,
        account: ExchangeAccount,
        client: RestClient,
        request: OrderRequest,
        order: OpenOrder,
        terms: NewTerms,
    ) -> None:
        """`terms`: what the order is to be from now on."""
        super().__init__(account, client, request, order)
        self._terms = terms

    def _answer(self, ref: OrderRef, timeout: float) -> OrderSnapshot:
        return self._client.amend_order(
            Amendment(
                ref=ref,
                side=self._terms.side,
                quantity=self._terms.quantity,
                price=self._terms.price,
            ),
            timeout=timeout,
        )

    def _settle(self) -> None:
        """A question may show that an amendment nobody answered was made."""
        shown = self._told.evidence.statements if self._told else ()
        if self._outcome is RequestOutcome.UNKNOWN and any(map(self._is_so, shown)):
            self._outcome, self._detail = RequestOutcome.ACCEPTED, "the exchange shows it so"

    def _is_so(self, shown: object) -> bool:
        return isinstance(shown, OrderSnapshot) and (shown.quantity, shown.price) == (
            self._terms.quantity,
            self._terms.price,
        )


def _outcome_of(error: ExchangeError) -> RequestOutcome:
    if isinstance(error, OutcomeUnknown):
        return RequestOutcome.UNKNOWN
    return RequestOutcome.REJECTED if isinstance(error, PermanentError) else RequestOutcome.FAILED
