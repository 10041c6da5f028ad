"""
Accepting what is asked for: committed before anything else happens to it, and once per key.

Nothing is asked of an exchange here, no market is looked up and no account is locked for a
placement: whoever calls has an answer within a few milliseconds. What becomes of a request is the
matter of `order_dispatch`.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from exchanges import registry
from tracking.domain import client_ids
from tracking.models import (
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestSource,
    StrategyAccount,
)
from tracking.services.event_emitter import request_amend, request_cancel
from tracking.services.order_intents import InvalidOrderError, OrderIntent, check_amount
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

LONGEST_KEY: Final = 100


class RequestMismatchError(Exception):
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One order to be placed, as somebody asked for it under a key of theirs."""

    use: StrategyAccount
    intent: OrderIntent
    #: the same key of the same user is the same request
    key: str
    source: RequestSource
    #: among those that wait for room, the greatest goes first
    priority: int = 0
    retry_of: OrderRequest | None = None


def accept(
    wanted: Sequence[Wanted],
    *,
    beside: Callable[[list[OrderRequest]], None] | None = None,
) -> list[OrderRequest]:
    """Commit requests to place orders, all or none, in the order they were asked for.

    A key that was used before gives the request it was used for. `beside` is called inside the
    transaction, and what it writes is committed with them; what it raises undoes all.

    Raises RequestMismatchError for a key that was used for something else, and InvalidOrderError
    for a key that is none. Any number of callers may use one key at once: there is one request.
    """
    _check_keys(one.key for one in wanted)
    now = timezone.now()
    new = [_placement(one, now) for one in wanted]
    with transaction.atomic(durable=True):
        requests = _inserted(new)
        if beside is not None:
            beside(requests)
    return requests


def _inserted(new: Sequence[OrderRequest]) -> list[OrderRequest]:
    """Insert what is not there yet; give the row of each key. In key order, so none can deadlock.

    A transaction that inserts the same key at the moment is waited for.
    """
    rows = sorted(new, key=_key_of)
    OrderRequest.objects.bulk_create(rows, ignore_conflicts=True)
    found: dict[tuple[int, str], OrderRequest] = {}
    for user_id in {row.user_id for row in rows}:
        keys = [row.idempotency_key for row in rows if row.user_id == user_id]
        held = OrderRequest.objects.filter(user_id=user_id, idempotency_key__in=keys)
        found |= {_key_of(row): row for row in held}
    return [_same(found[_key_of(row)], row) for row in new]


def _key_of(request: OrderRequest) -> tuple[int, str]:
    return request.user_id, request.idempotency_key


def _same(held: OrderRequest, asked: OrderRequest) -> OrderRequest:
    """Give the request that is held under a key. Raises RequestMismatchError if it is another."""
    for column in ("body", "action", "account_id", "strategy_account_id", "retry_of_id"):
        if getattr(held, column) != getattr(asked, column):
            raise RequestMismatchError(RequestMismatchError.__doc__)
    return held


def _placement(wanted: Wanted, now: datetime) -> OrderRequest:
    account = wanted.use.account
    return OrderRequest(
        user_id=account.user_id,
        account_id=account.pk,
        strategy_account_id=wanted.use.pk,
        idempotency_key=wanted.key,
        action=RequestAction.PLACE.value,
        source=wanted.source.value,
        body=wanted.intent.body(),
        market_type=account.market_type,
        symbol=wanted.intent.symbol,
        client_order_id=new_client_order_id(wanted.use),
        priority=wanted.priority,
        retry_of=wanted.retry_of,
        created_at=now,
    )


def new_client_order_id(use: StrategyAccount) -> str:
    """Compose a client order id that nobody has used, and that says whose order it is."""
    rules = registry.adapter(use.account.exchange).client_order_ids
    random_part = "".join(
        secrets.choice(client_ids.ALPHABET) for _ in range(client_ids.RANDOM_LENGTH)
    )
    return client_ids.compose(use.token, random_part, prefix=rules.prefix)


def accept_cancel(
    order: OpenOrder, *, key: str, source: RequestSource = RequestSource.API
) -> OrderRequest:
    """Commit the intent to cancel an order, which shows as CANCELLING from then on.

    Raises RequestMismatchError and InvalidOrderError as `accept` does.
    """
    body = {"cancel": _name_of(order), "symbol": order.symbol}
    return _accept_of(order, RequestAction.CANCEL, body, key, source, request_cancel)


def accept_amend(
    order: OpenOrder,
    *,
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    key: str,
    source: RequestSource = RequestSource.API,
) -> OrderRequest:
    """Commit the intent to change an order; what is None stays as it is.

    `quantity` counts what was already filled. Raises RequestMismatchError and InvalidOrderError as
    `accept` does, the latter for a change that makes no sense as well.
    """
    check_amount("quantity", quantity)
    check_amount("price", price)
    if quantity is None and price is None:
        message = "expected a quantity or a price to change"
        raise InvalidOrderError(message)
    body = {
        "amend": _name_of(order),
        "symbol": order.symbol,
        "quantity": None if quantity is None else plain(quantity),
        "price": None if price is None else plain(price),
    }
    return _accept_of(order, RequestAction.AMEND, body, key, source, request_amend)


def _accept_of(  # noqa: PLR0917 - what a request is made of
    order: OpenOrder,
    action: RequestAction,
    body: Mapping[str, Any],
    key: str,
    source: RequestSource,
    commit: Callable[[OrderRequest, int, datetime], None],
) -> OrderRequest:
    """Commit a request about an order that is known, unless its key was used before."""
    _check_keys([key])
    now = timezone.now()
    account = order.account
    asked = OrderRequest(
        user_id=account.user_id,
        account_id=account.pk,
        strategy_account_id=order.strategy_account_id,
        idempotency_key=key,
        action=action.value,
        source=source.value,
        body=body,
        market_type=order.market_type,
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        exchange_order_id=order.exchange_order_id,
        created_at=now,
    )
    held = _held(asked)
    if held is None:
        try:
            commit(asked, order.pk, now)
        except IntegrityError:
            # the same key at the same moment: the other one's request is ours
            held = _held(asked)
            if held is None:
                raise
    return asked if held is None else _same_order(held, asked)


def _held(asked: OrderRequest) -> OrderRequest | None:
    return OrderRequest.objects.filter(
        user_id=asked.user_id, idempotency_key=asked.idempotency_key
    ).first()


def _same_order(held: OrderRequest, asked: OrderRequest) -> OrderRequest:
    # an order may have got its exchange's id, or its owner, since it was asked about
    for column in ("action", "account_id", "symbol", "client_order_id"):
        if getattr(held, column) != getattr(asked, column):
            raise RequestMismatchError(RequestMismatchError.__doc__)
    for name in ("quantity", "price"):
        if held.body.get(name) != asked.body.get(name):
            raise RequestMismatchError(RequestMismatchError.__doc__)
    if held.exchange_order_id not in {None, asked.exchange_order_id}:
        raise RequestMismatchError(RequestMismatchError.__doc__)
    return held


def _name_of(order: OpenOrder) -> str | None:
    return order.exchange_order_id or order.client_order_id


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            message = f"expected an idempotency key of 1 to {LONGEST_KEY} printable characters"
            raise InvalidOrderError(message)
