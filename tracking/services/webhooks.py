"""
Accepting a webhook's call: requests and the delivery that names them, in one commit.

A call is one call however often it comes: by the caller's key, else by its nonce (signed); of a
token by the body's `id`, else by its key, else by its body within `SAME_BODY`. It gets the answer
of the first time. So this may be repeated at any step, by the caller or by us, and whoever was
answered finds the requests committed. The exchange is asked afterwards, by whoever is woken up.

Note [A nonce counts once]
~~~~~~~~~~~~~~~~~~~~~~~~~~
The idempotency key is not signed. Somebody who listens could send the same signed bytes under
another key: the nonce of every call that was answered is kept, and one that comes under another key
than before is refused. Deliveries are kept for days, signatures are good for a minute.

Note [At the end of the transaction]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
What two calls at once could both find to be allowed (the same body a moment ago; room in the rate)
is looked at once more under the lock of the webhook's row, and the lock lasts until the commit.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import IntegrityError
from django.db.models import Q

from tracking.models import OrderRequest, RequestSource, Webhook, WebhookDelivery, WebhookKind
from tracking.services import cancel_all, order_requests
from tracking.services.webhook_bodies import open_envelope
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused
from tracking.services.webhook_json import read_json
from tracking.services.webhook_orders import plan
from tracking.services.webhook_proofs import prove
from tracking.services.webhook_rows import write_delivery

if TYPE_CHECKING:
    from tracking.services.webhook_bodies import Envelope
    from tracking.services.webhook_calls import WebhookCall
    from tracking.services.webhook_orders import Plan

log = structlog.get_logger(__name__)

#: the same body of a token's caller that gives no `id` is the same call for so long
SAME_BODY: Final = timedelta(seconds=30)
MINUTE: Final = timedelta(minutes=1)
REQUESTS_URL: Final = "/api/order-requests"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,90}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the caller is told, and whether it was told before."""

    answer: dict[str, Any]
    is_repeated: bool
    #: to be handed to `order_dispatch`, cancels first
    request_ids: tuple[int, ...] = ()


class _AnsweredBeforeError(Exception):
    """The same call was accepted before."""


def receive(call: WebhookCall) -> Receipt:
    """Accept a call. Raises WebhookRefused; then nothing of it is stored."""
    # without any other proof the body has to be read for its token before its caller is known
    early = None if call.is_signed or call.token else open_envelope(read_json(call.body))
    token = call.token or (early.token if early else "")
    webhook = prove(call, token)
    if webhook.kind == WebhookKind.TOKEN.value:
        envelope = early or open_envelope(read_json(call.body))
        return _accept(_draft(webhook, call, key=_token_key(call, envelope), nonce=None), envelope)
    draft = _signed_draft(webhook, call)
    return _accept(draft, open_envelope(read_json(call.body)))


def _token_key(call: WebhookCall, envelope: Envelope) -> str:
    if envelope.id:
        return f"id:{envelope.id}"
    if not call.idempotency_key:
        return ""
    _check_key("Idempotency-Key", call.idempotency_key)
    return f"key:{call.idempotency_key}"


def _check_key(name: str, value: str) -> None:
    if not _KEY.fullmatch(value):
        detail = f"expected {name} to be 1 to 90 visible ASCII characters"
        raise WebhookRefused(WebhookRefusal.UNREADABLE, detail)


def _signed_draft(webhook: Webhook, call: WebhookCall) -> WebhookDelivery:
    _check_key("nonce", call.nonce)
    _check_key("Idempotency-Key", call.idempotency_key or "-")
    key = f"key:{call.idempotency_key}" if call.idempotency_key else f"nonce:{call.nonce}"
    return _draft(webhook, call, key=key, nonce=call.nonce)


def _draft(webhook: Webhook, call: WebhookCall, *, key: str, nonce: str | None) -> WebhookDelivery:
    digest = hashlib.sha256(call.body).hexdigest()
    moment = int(call.received_at.timestamp() * 1_000_000)
    return WebhookDelivery(
        webhook=webhook,
        key=key or f"body:{digest}:{moment}",
        nonce=nonce,
        body_sha256=digest,
        received_at=call.received_at,
    )


def _answered(draft: WebhookDelivery) -> Receipt | None:
    """Give the answer if the call was accepted before. Raises WebhookRefused if it was another."""
    same = Q(key=draft.key)
    if draft.nonce is not None:
        same |= Q(nonce=draft.nonce)
    elif _has_no_key(draft):
        since = draft.received_at - SAME_BODY
        same |= Q(body_sha256=draft.body_sha256, received_at__gt=since, key__startswith="body:")
    rows = WebhookDelivery.objects.filter(same, webhook_id=draft.webhook_id)
    known = sorted(rows, key=lambda row: (row.key != draft.key, -row.received_at.timestamp()))
    return _told_again(known[0], draft) if known else None


def _has_no_key(draft: WebhookDelivery) -> bool:
    return draft.key.startswith("body:")


def _told_again(held: WebhookDelivery, draft: WebhookDelivery) -> Receipt:
    if held.body_sha256 != draft.body_sha256:
        detail = "the key or nonce was used for another body"
        raise WebhookRefused(WebhookRefusal.KEY_REUSED, detail)
    if held.key != draft.key and not _has_no_key(draft):
        detail = "the nonce was used under another key"
        raise WebhookRefused(WebhookRefusal.NONCE_USED, detail)
    if draft.nonce not in {None, held.nonce}:
        _keep_nonce(held, draft)
    return Receipt(answer=held.answer, is_repeated=True)


def _keep_nonce(held: WebhookDelivery, draft: WebhookDelivery) -> None:
    """See Note [A nonce counts once]."""
    draft.key, draft.answer = f"nonce:{draft.nonce}", held.answer
    WebhookDelivery.objects.bulk_create([draft], ignore_conflicts=True)


def _accept(draft: WebhookDelivery, envelope: Envelope) -> Receipt:
    """Accept a call, or find that it was: looked up only if it cannot be accepted any more."""
    try:
        return _accept_new(draft, envelope)
    except (IntegrityError, WebhookRefused, _AnsweredBeforeError):
        known = _answered(draft)
        if known is None:
            raise
        return known


def _accept_new(draft: WebhookDelivery, envelope: Envelope) -> Receipt:
    asked = plan(draft.webhook, envelope, _stem(draft))
    try:
        receipt = _committed(draft, asked)
    except order_requests.RequestMismatchError:
        # of a call that was forgotten, or whose delivery was never committed
        detail = "the key was used for something else"
        raise WebhookRefused(WebhookRefusal.KEY_REUSED, detail) from None
    _note_use(draft)
    log.info(
        "webhook.accepted",
        webhook=draft.webhook_id,
        delivery=draft.pk,
        orders=len(asked.orders),
        cancels=len(asked.cancels),
    )
    return receipt


def _stem(draft: WebhookDelivery) -> str:
    digest = hashlib.sha256(draft.key.encode()).hexdigest()
    return f"webhook:{draft.webhook_id}:{digest[:32]}"


def _committed(draft: WebhookDelivery, asked: Plan) -> Receipt:
    """Commit cancels, each by itself: they hurt nobody; then the orders with the delivery."""
    if asked.cancels and _answered(draft) is not None:
        # repeated, it would cancel what was ordered since
        raise _AnsweredBeforeError
    user_id = draft.webhook.strategy.user_id
    cancels: list[OrderRequest] = []
    for wanted in asked.cancels:
        cancels += cancel_all.accept_cancel_all(
            user_id, wanted.which, key=wanted.key, source=RequestSource.WEBHOOK
        )

    def commit_delivery(orders: list[OrderRequest]) -> None:
        _check_again(draft, len(orders))
        draft.answer = {
            "requests": [_told(request) for request in orders],
            "cancels": [_told(request) for request in cancels],
        }
        write_delivery(draft, [request.pk for request in orders])

    orders = order_requests.accept(asked.orders, beside=commit_delivery)
    return Receipt(
        answer=draft.answer,
        is_repeated=False,
        request_ids=tuple(request.pk for request in [*cancels, *orders]),
    )


def _told(request: OrderRequest) -> dict[str, Any]:
    return {
        "id": request.pk,
        "client_order_id": request.client_order_id,
        "outcome": request.outcome,
        "url": f"{REQUESTS_URL}/{request.pk}",
    }


def _check_again(draft: WebhookDelivery, count: int) -> None:
    """See Note [At the end of the transaction]."""
    allowed = draft.webhook.max_orders_per_minute
    if allowed is None and not _has_no_key(draft):
        return
    Webhook.objects.select_for_update(no_key=True).only("pk").get(pk=draft.webhook_id)
    if _has_no_key(draft) and _answered(draft) is not None:
        raise _AnsweredBeforeError
    if allowed is None:
        return
    since = draft.received_at - MINUTE
    lately = OrderRequest.objects.filter(
        delivery__webhook_id=draft.webhook_id, delivery__received_at__gt=since
    )
    if count and lately.count() + count > allowed:
        detail = f"this webhook may order {allowed} times a minute"
        raise WebhookRefused(WebhookRefusal.TOO_MANY_ORDERS, detail)


def _note_use(draft: WebhookDelivery) -> None:
    """Note that the webhook is used, once a minute: the row is not to be written by every call."""
    webhook = draft.webhook
    if webhook.last_used_at is None or draft.received_at - webhook.last_used_at > MINUTE:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at=webhook.last_used_at)
        Webhook.objects.filter(stale, pk=webhook.pk).update(last_used_at=draft.received_at)
