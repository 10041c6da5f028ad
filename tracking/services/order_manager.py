"""
Placing and cancelling: what left the building is always known.

Note [Commit, claim, send once]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An `OrderRequest` and its `OpenOrder` (PENDING, with the client order id) are committed before
anything is sent. The send is claimed in a commit of its own: `sent_at` goes from NULL to now. Then
the order is sent, once. No answer means UNKNOWN, which is resolved by asking and never by sending
again; claimed without a recorded answer means the same after a crash. Never claimed and too old
means FAILED. The answer is evidence and takes the write path of every other evidence.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError
from django.utils import timezone

from exchanges import registry
from exchanges.errors import (
    ExchangeError,
    OutcomeUnknown,
    PermanentError,
    TransientError,
)
from exchanges.messages import (
    IdSpace,
    MarketType,
    NewOrder,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from tracking.domain import client_ids
from tracking.domain.orders import Evidence, Verdict
from tracking.models import (
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
    StrategyAccount,
)
from tracking.services import clients, verification
from tracking.services.baseline import ensure_baseline
from tracking.services.event_emitter import (
    emit_trade_event,
    open_pending,
    request_cancel,
    withdraw_cancel,
)
from tracking.services.order_fill_monitor import explain_gaps
from tracking.services.order_records import Gathered
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.messages import Market
    from exchanges.rest import RestClient

log = structlog.get_logger(__name__)

#: Without a recorded answer an order is asked about after this long (a request takes 10 s at most).
ANSWER_IS_LATE = timedelta(seconds=15)


class RequestMismatchError(Exception):
    """The idempotency key was used for another request."""


class InvalidOrderError(Exception):
    """The order cannot be sent as it is: a quantity or price the market does not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """What a strategy wants. Amounts are rounded down to the market's steps, prices to the next."""

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    market_type: MarketType = MarketType.FUTURES
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False

    def body(self) -> dict[str, str | bool | None]:
        """Write the intent as JSON, amounts as plain strings."""
        return {
            name: plain(value) if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }


class OrderManager:
    """Places and cancels the orders of one strategy account."""

    def __init__(self, strategy_account: StrategyAccount) -> None:
        """Bind to a strategy's use of an account."""
        self.strategy_account = strategy_account
        self.account: ExchangeAccount = strategy_account.account

    def execute(self, intent: OrderIntent, *, idempotency_key: str) -> OrderRequest:
        """Place an order, once. The same key again returns the same request.

        Raises RequestMismatchError, InvalidOrderError, and ExchangeError if nothing could be asked
        before anything was committed. What happens after that is in the request's outcome.
        """
        known = self._known(idempotency_key, intent.body())
        if known is not None:
            return known
        self.account = ensure_baseline(self.account)
        client = clients.rest_client(self.account)
        order = self._rounded(client, intent)
        try:
            request = self._commit(intent, order, idempotency_key)
        except IntegrityError:
            # the same key at the same moment: the other one's request is ours
            return self._require(idempotency_key, intent.body())
        if claim_send(request):
            _send(self.account, client, request, order, intent.symbol)
        request.refresh_from_db()
        return request

    def cancel(self, order: OpenOrder, *, idempotency_key: str) -> OrderRequest:
        """Ask for an order's cancellation, once. Its answer is evidence like any other."""
        body = {"cancel": order.exchange_order_id or order.client_order_id, "symbol": order.symbol}
        known = self._known(idempotency_key, body)
        if known is not None:
            return known
        request = self._commit_cancel(order, idempotency_key, body)
        if claim_send(request):
            _send_cancel(self.account, request, order)
        request.refresh_from_db()
        return request

    def _known(self, key: str, body: Mapping[str, object]) -> OrderRequest | None:
        user_id = self.account.user_id
        request = OrderRequest.objects.filter(user_id=user_id, idempotency_key=key).first()
        if request is not None and request.body != body:
            raise RequestMismatchError(RequestMismatchError.__doc__)
        return request

    def _require(self, key: str, body: Mapping[str, object]) -> OrderRequest:
        request = self._known(key, body)
        if request is None:
            message = "the request exists in no committed state; send it again"
            raise RequestMismatchError(message)
        return request

    def _rounded(self, client: RestClient, intent: OrderIntent) -> NewOrder:
        market = client.markets.market_of(intent.market_type, intent.symbol)
        rules = registry.adapter(self.account.exchange).client_order_ids
        random_part = "".join(
            secrets.choice(client_ids.ALPHABET) for _ in range(client_ids.RANDOM_LENGTH)
        )
        return NewOrder(
            market_type=intent.market_type,
            symbol_id=market.symbol_id,
            client_order_id=client_ids.compose(
                self.strategy_account.token, random_part, prefix=rules.prefix
            ),
            side=intent.side,
            order_type=intent.order_type,
            quantity=_checked_quantity(intent, market),
            price=_checked_price(intent, market),
            time_in_force=intent.time_in_force,
            position_side=intent.position_side,
            reduce_only=intent.reduce_only,
        )

    def _commit(self, intent: OrderIntent, order: NewOrder, key: str) -> OrderRequest:
        now = timezone.now()
        request = OrderRequest(
            user_id=self.account.user_id,
            account=self.account,
            strategy_account=self.strategy_account,
            idempotency_key=key,
            action=RequestAction.PLACE.value,
            body=intent.body(),
            market_type=intent.market_type.value,
            symbol=intent.symbol,
            client_order_id=order.client_order_id,
            created_at=now,
        )
        open_pending(request, self._new_row(intent, order, now), now)
        return request

    def _new_row(self, intent: OrderIntent, order: NewOrder, now: datetime) -> OpenOrder:
        return OpenOrder(
            account=self.account,
            strategy_account=self.strategy_account,
            market_type=intent.market_type.value,
            symbol=intent.symbol,
            client_order_id=order.client_order_id,
            placed_by_us=True,
            side=order.side.value,
            position_side=order.position_side.value,
            order_type=order.order_type.value,
            time_in_force=order.time_in_force.value,
            price=order.price,
            quantity=order.quantity,
            reduce_only=order.reduce_only,
            status=OrderStatus.PENDING.value,
            next_verify_at=now + ANSWER_IS_LATE,
            version=1,
            created_at=now,
            updated_at=now,
        )

    def _commit_cancel(
        self, order: OpenOrder, key: str, body: Mapping[str, object]
    ) -> OrderRequest:
        now = timezone.now()
        request = OrderRequest(
            user_id=self.account.user_id,
            account=self.account,
            strategy_account=self.strategy_account,
            idempotency_key=key,
            action=RequestAction.CANCEL.value,
            body=body,
            market_type=order.market_type,
            symbol=order.symbol,
            client_order_id=order.client_order_id,
            exchange_order_id=order.exchange_order_id,
            created_at=now,
        )
        request_cancel(request, order.pk, now)
        return request


def _checked_quantity(intent: OrderIntent, market: Market) -> Decimal:
    quantity = _to_step(intent.quantity, market.quantity_step, ROUND_DOWN)
    if quantity <= 0 or quantity < market.minimum_quantity:
        message = f"quantity {intent.quantity:f} is below {market.minimum_quantity:f}"
        raise InvalidOrderError(message)
    return quantity


def _checked_price(intent: OrderIntent, market: Market) -> Decimal | None:
    if intent.order_type is OrderType.MARKET:
        return None
    if intent.order_type is not OrderType.LIMIT or intent.price is None or intent.price <= 0:
        message = "expected a MARKET order, or a LIMIT order with a price"
        raise InvalidOrderError(message)
    return _to_step(intent.price, market.price_step, ROUND_HALF_EVEN)


def _to_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (amount / step).quantize(Decimal(1), rounding=rounding) * step


def claim_send(request: OrderRequest) -> bool:
    """Claim the one send of a request, in a commit of its own. False: someone has, or it failed."""
    rows = OrderRequest.objects.filter(
        pk=request.pk, sent_at__isnull=True, outcome=RequestOutcome.PENDING.value
    )
    return bool(rows.update(sent_at=timezone.now()))


def _send(
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
    explain_gaps(account, emission)


def _verdict(status: OrderStatus, reason: str) -> Evidence:
    return Evidence(verdict=Verdict(status=status, reason=reason[:200]))


def _in_words(error: ExchangeError) -> str:
    return f"{error} ({error.code})" if error.code else str(error)


def _send_cancel(account: ExchangeAccount, request: OrderRequest, order: OpenOrder) -> None:
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
    OrderRequest.objects.filter(pk=request.pk).update(
        outcome=outcome.value, detail=detail[:300], answered_at=timezone.now()
    )


def _cancel_outcome(error: ExchangeError) -> RequestOutcome:
    if isinstance(error, OutcomeUnknown):
        return RequestOutcome.UNKNOWN
    return RequestOutcome.REJECTED if isinstance(error, PermanentError) else RequestOutcome.FAILED


def _asked(client: RestClient, question: Gathered) -> Gathered | None:
    """Find out what became of an order whose cancel was refused: it may have filled."""
    try:
        return verification.with_trades_of_order(client, question)
    except ExchangeError as error:
        log.warning("cancel.unexplained", order=question.label, error=type(error).__name__)
        return None
