"""
The one send of a request, and its answer as evidence. See Note [Commit, claim, send once].

A sending is claimed, asks and books. Only asking uses the network, and it uses nothing else: many
ask at once in threads that know no database, while whoever dispatches claims and books.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from django.db.models import Exists
from django.utils import timezone

from exchanges.errors import ExchangeError, OutcomeUnknown, PermanentError, TransientError
from exchanges.messages import OrderStatus
from exchanges.rest import TIMEOUT
from tracking.domain.evidence import Evidence, Verdict
from tracking.models import OrderRequest, RequestAction, RequestOutcome
from tracking.services import halts
from tracking.services.event_emitter import Emission, emit_trade_event
from tracking.services.gaps import explain_gaps
from tracking.services.order_attempts import age_limit
from tracking.services.order_records import Gathered
from tracking.services.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchanges.messages import IdSpace, OrderSnapshot
    from exchanges.questions import NewOrder
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount

log = structlog.get_logger(__name__)

#: Sends of one dispatch that are under way at once.
AT_ONCE: Final = 8
#: What was claimed longer ago is not sent: nobody would wait for it long enough.
CLAIM_HOLDS: Final = 5.0
_THREADS: Final = 32


class Sending(Protocol):
    """Something that is to be sent once."""

    def claim(self) -> bool:
        """Claim it, in a commit of its own. False: there is nothing for us to send."""

    def ask(self) -> None:
        """Send it and keep the answer. Uses no database."""

    def book(self) -> None:
        """Write what the answer means."""

    def explain(self) -> None:
        """Ask for what the answer left open."""


def claim_send(request: OrderRequest) -> bool:
    """Claim the one send of a request, in a commit of its own. False: it is not to be sent by us.

    Someone has, or it failed, or is too old; or, if it is no cancel, a halt stands.
    """
    rows = OrderRequest.objects.filter(
        pk=request.pk, sent_at__isnull=True, outcome=RequestOutcome.PENDING.value
    )
    if request.action != RequestAction.CANCEL.value:
        if timezone.now() > age_limit(request):
            return False
        rows = rows.filter(~Exists(halts.standing()))
    return bool(rows.update(sent_at=timezone.now()))


def time_left(claimed_at: float) -> float:
    """Give the seconds left to send what was claimed then, on the monotonic clock.

    Whatever is sent is signed within `TIMEOUT` of its claim: Note [Proof of absence] rests on that.
    Raises TransientError if it is too late to begin.
    """
    passed = time.monotonic() - claimed_at
    if passed > CLAIM_HOLDS:
        message = "we came too late to send it"
        raise TransientError(message)
    return TIMEOUT - passed


def send_all(sendings: Sequence[Sending]) -> None:
    """Claim, send and book each of these; several at once. Raises what went wrong last, if any."""
    if len(sendings) == 1:
        sent = [one for one in sendings if one.claim()]
        for one in sent:
            one.ask()
            one.book()
    else:
        sent = _sent_at_once(sendings)
    for one in sent:
        one.explain()


def _sent_at_once(sendings: Iterable[Sending]) -> list[Sending]:
    waiting, running = deque(sendings), dict[Future[None], Sending]()
    sent: list[Sending] = []
    failed: Exception | None = None
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            one = waiting.popleft()
            if one.claim():
                running[_threads(os.getpid()).submit(one.ask)] = one
        for done in wait(running, return_when=FIRST_COMPLETED).done if running else ():
            one = running.pop(done)
            try:
                done.result()
                one.book()
                sent.append(one)
            except Exception as error:
                # what the others were answered is booked first
                log.exception("sending.failed")
                failed = error
    if failed is not None:
        raise failed
    return sent


@cache
def _threads(_pid: int) -> ThreadPoolExecutor:
    """Keep the threads: each has its own connection to the exchange. They survive no fork."""
    return ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="order-send")


class Placement:
    """Orders of one account that go out together: one, or as many as its exchange takes at once."""

    def __init__(
        self,
        account: ExchangeAccount,
        client: RestClient,
        orders: Sequence[tuple[OrderRequest, NewOrder]],
        id_space: IdSpace,
    ) -> None:
        """`id_space` is that of all of them, until they trigger."""
        self._account, self._client, self._id_space = account, client, id_space
        self._orders = orders
        self._answers: Sequence[OrderSnapshot | ExchangeError] = ()
        self._claimed_at = 0.0
        self._emission = Emission()

    def claim(self) -> bool:
        """Claim each; leave out what is not ours to send."""
        self._claimed_at = time.monotonic()
        self._orders = [pair for pair in self._orders if claim_send(pair[0])]
        return bool(self._orders)

    def ask(self) -> None:
        """Send what was claimed; a failure of the whole is the same of each."""
        try:
            self._answers = self._asked([order for _, order in self._orders])
        except ExchangeError as error:
            self._answers = [error] * len(self._orders)

    def _asked(self, orders: Sequence[NewOrder]) -> Sequence[OrderSnapshot | ExchangeError]:
        left = time_left(self._claimed_at)
        if len(orders) == 1:
            return [self._client.place_order(orders[0], timeout=left)]
        return self._client.place_orders(orders, timeout=left)

    def book(self) -> None:
        """Emit the answers, whatever they are."""
        told = zip(self._orders, self._answers, strict=True)
        self._emission = emit_trade_event(
            account_id=self._account.pk,
            gathered=[
                _gathered(self._account, request, order, self._id_space, answer)
                for (request, order), answer in told
            ],
            now=timezone.now(),
        )
        for request, _ in self._orders:
            log.info(
                "order.sent", client_order_id=request.client_order_id, account=self._account.pk
            )

    def explain(self) -> None:
        """Ask for fills that an answer spoke of and did not tell."""
        explain_gaps(self._account, self._emission)


def _gathered(
    account: ExchangeAccount,
    request: OrderRequest,
    order: NewOrder,
    id_space: IdSpace,
    answer: OrderSnapshot | ExchangeError,
) -> Gathered:
    told = Gathered(
        market_type=account.market_type,
        symbol=request.symbol,
        id_space=id_space.value,
        client_order_id=order.client_order_id,
        evidence=Evidence(),
    )
    if isinstance(answer, ExchangeError):
        return replace(told, evidence=_verdict(answer), refusal=refusal_of(answer))
    return replace(
        told,
        exchange_order_id=answer.exchange_order_id,
        evidence=Evidence(statements=(answer,)),
    )


def _verdict(error: ExchangeError) -> Evidence:
    """What an error means for an order: where it is transient, nothing was sent."""
    status = OrderStatus.FAILED
    if isinstance(error, OutcomeUnknown):
        status = OrderStatus.UNKNOWN
    elif isinstance(error, PermanentError):
        status = OrderStatus.REJECTED
    return Evidence(verdict=Verdict(status=status, reason=refusal_of(error).reason[:200]))
