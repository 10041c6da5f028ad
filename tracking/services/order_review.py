"""
Requests a person settles, because asking could not: who, why, and what was there before and after.

Two things can be said of a placement: that it was not accepted, or which order it is. The first is
refused while it may still arrive, and undone by any later word of the order. The second is not
believed but asked: the exchange must know the order, and the order must name ours or nobody. A
cancel or an amendment can be said not to have been made. All of it goes the way of any evidence,
and is kept as a `Repair`.

Whoever calls decides who may: staff any request, a user their own.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from exchanges.errors import ExchangeError, OrderNotFound
from exchanges.messages import IdSpace, MarketType, OrderStatus
from exchanges.questions import OrderRef
from tracking.domain.evidence import Evidence
from tracking.domain.submit_rounds import SUBMIT_MAY_ARRIVE
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    RepairAction,
    RequestAction,
    RequestOutcome,
)
from tracking.services import clients, order_outcomes
from tracking.services.event_emitter import Emission, take_cancel_mark, write_books
from tracking.services.gaps import explain_gaps
from tracking.services.lost_cancels import order_of
from tracking.services.order_records import Gathered
from tracking.services.payloads import order_payload, request_payload, to_json
from tracking.services.repairs import RepairRefusedError, done, repairing
from tracking.services.unknown_submits import not_accepted

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from exchanges.messages import OrderSnapshot
    from tracking.models import Repair
    from tracking.services.repairs import Actor, Deed

#: what a person may settle; before two minutes are over that is rarely wise, but it is theirs
IN_DOUBT: Final = (RequestOutcome.UNKNOWN.value, RequestOutcome.NEEDS_REVIEW.value)
MOVED_ON: Final = "the request has moved on since it was looked at: look again"


def needing_review() -> QuerySet[OrderRequest]:
    """Give the requests that need a person, the oldest first."""
    rows = OrderRequest.objects.filter(outcome=RequestOutcome.NEEDS_REVIEW.value)
    return rows.order_by("created_at", "pk")


def say_not_accepted(request: OrderRequest, *, actor: Actor, reason: str) -> Repair:
    """Settle a request in doubt as not accepted. Raises RepairRefusedError.

    Not before it cannot arrive any more. An order that appears later is brought back all the same.
    """
    with repairing(request.account_id, RepairAction.SETTLE_REQUEST, actor, reason) as deed:
        current = _in_doubt(deed, request)
        _require_late(current)
        told = f"not accepted, as was settled by hand: {reason.strip()}"
        if current.action == RequestAction.PLACE.value:
            row = _order_in_flight(current)
            deed.moves = write_books(
                deed.account, deed.journal, [not_accepted(row, told)], Emission()
            )
        else:
            order_outcomes.end(deed.journal, current, RequestOutcome.NOT_ACCEPTED, told)
            _take_mark(deed, current)
        deed.after = _state_of(current)
    return done(deed)


def say_which_order(
    request: OrderRequest, exchange_order_id: str, *, actor: Actor, reason: str
) -> Repair:
    """Settle a placement in doubt as the order of this id, which the exchange is asked for.

    Raises RepairRefusedError, RuntimeError inside a transaction.
    """
    if request.action != RequestAction.PLACE.value:
        message = "only a placement can be an order"
        raise RepairRefusedError(message)
    account = ExchangeAccount.objects.get(pk=request.account_id)
    snapshot = _asked(account, request, exchange_order_id.strip())
    emission = Emission()
    with repairing(request.account_id, RepairAction.SETTLE_REQUEST, actor, reason) as deed:
        current = _in_doubt(deed, request)
        row = _order_in_flight(current)
        _require_ours(row, snapshot)
        deed.moves = write_books(deed.account, deed.journal, [_told(row, snapshot)], emission)
        deed.after = _state_of(current)
    explain_gaps(account, emission)
    return done(deed)


def _in_doubt(deed: Deed, request: OrderRequest) -> OrderRequest:
    """Lock the request as it is now."""
    rows = OrderRequest.objects.select_for_update(no_key=True)
    current = rows.filter(pk=request.pk, outcome__in=IN_DOUBT).first()
    if current is None:
        raise RepairRefusedError(MOVED_ON)
    deed.subject = f"request {current.pk} {current.action} {current.symbol}"
    deed.before = _state_of(current)
    return current


def _require_late(request: OrderRequest) -> None:
    earliest = (request.sent_at or request.created_at) + SUBMIT_MAY_ARRIVE
    left = (earliest - timezone.now()).total_seconds()
    if left > 0:
        message = f"it may still arrive: wait another {left:.0f} s"
        raise RepairRefusedError(message)


def _order_in_flight(request: OrderRequest) -> OpenOrder:
    row = OpenOrder.objects.filter(
        account_id=request.account_id,
        market_type=request.market_type,
        client_order_id=request.client_order_id,
        placed_by_us=True,
        status=OrderStatus.UNKNOWN.value,
    ).first()
    if row is None:
        raise RepairRefusedError(MOVED_ON)
    return row


def _asked(account: ExchangeAccount, request: OrderRequest, order_id: str) -> OrderSnapshot:
    if not clients.may_ask(account):
        raise RepairRefusedError(str(clients.AccountNotActiveError()))
    client, market_type = clients.rest_client(account), MarketType(request.market_type)
    row = _order_in_flight(request)
    try:
        market = client.markets.market_of(market_type, request.symbol)
        ref = OrderRef(
            market_type=market_type,
            symbol_id=market.symbol_id,
            exchange_order_id=order_id,
            id_space=IdSpace(row.id_space),
        )
        snapshot = client.fetch_order(ref)
    except OrderNotFound:
        message = f"the exchange knows no order {order_id} in {request.symbol}"
        raise RepairRefusedError(message) from None
    except ExchangeError as error:
        message = f"the exchange could not be asked for it: {type(error).__name__}"
        raise RepairRefusedError(message) from None
    return snapshot


def _require_ours(row: OpenOrder, snapshot: OrderSnapshot) -> None:
    """Refuse an order that names another, differs, or has its place in the books already."""
    message = ""
    if snapshot.client_order_id not in {None, "", row.client_order_id}:
        message = f"that order names itself {snapshot.client_order_id}, not {row.client_order_id}"
    elif snapshot.side != row.side:
        message = f"that order is a {snapshot.side}, ours is a {row.side}"
    elif _is_in_books(row, snapshot.exchange_order_id):
        message = (
            "the books hold that order already: adopt it into the strategy, then settle this "
            "request as not accepted"
        )
    if message:
        raise RepairRefusedError(message)


def _is_in_books(row: OpenOrder, exchange_order_id: str) -> bool:
    return any(
        model.objects.filter(
            account_id=row.account_id,
            market_type=row.market_type,
            symbol=row.symbol,
            id_space=row.id_space,
            exchange_order_id=exchange_order_id,
        ).exists()
        for model in (OpenOrder, ClosedOrder)
    )


def _told(row: OpenOrder, snapshot: OrderSnapshot) -> Gathered:
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        exchange_order_id=snapshot.exchange_order_id,
        client_order_id=row.client_order_id,
        evidence=Evidence(statements=(snapshot,)),
    )


def _take_mark(deed: Deed, request: OrderRequest) -> None:
    row = order_of(OpenOrder, request)
    if row is not None and request.action == RequestAction.CANCEL.value:
        take_cancel_mark(deed.journal, row.pk)


def _state_of(request: OrderRequest) -> dict[str, Any]:
    """Write down a request with its evidence and its order, as they are now."""
    request.refresh_from_db()
    order = order_of(OpenOrder, request) or order_of(ClosedOrder, request)
    return {
        "request": request_payload(request),
        "evidence": to_json(request.evidence),
        "order": order_payload(order) if order else None,
    }
