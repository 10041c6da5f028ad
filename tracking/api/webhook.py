"""
`POST /api/webhook/<strategy slug>` and, for TradingView, `/api/webhook/<strategy slug>/<token>`.

Answers after the commit and before the exchange is asked: 202, or 200 for a call that was accepted
before. Its database work runs in few threads of its own, so that many callers at once take neither
threads nor connections from anybody; more than can be done in time are told to come again (503).
No session, no cookie, so no CSRF; the token is in no log (`ordertrack.scrubbing`).

@FEAT:order-tracking @COMP:api @TYPE:integration
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tracking import tasks
from tracking.api.client_origin import client_certificate, client_ip
from tracking.problems import CONTENT_TYPE, problem, problem_document
from tracking.services import webhooks
from tracking.services.database_threads import BusyThreadsError, DatabaseThreads
from tracking.services.webhook_calls import WebhookCall, WebhookRefusal, WebhookRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from tracking.services.webhooks import Receipt

log = structlog.get_logger(__name__)

LARGEST_BODY: Final = 64 * 1024
#: seconds a call may wait for a thread; the caller would have given up before it is accepted
LONGEST_WAIT: Final = 2.0
#: seconds until a caller is told to come again; TradingView waits for three
LONGEST_ANSWER: Final = 2.5
MOST_WAITING: Final = 400
STATUSES: Final = {
    WebhookRefusal.NOT_AUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    WebhookRefusal.STALE: HTTPStatus.UNAUTHORIZED,
    WebhookRefusal.UNREADABLE: HTTPStatus.BAD_REQUEST,
    WebhookRefusal.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebhookRefusal.NOT_AUTHORISED: HTTPStatus.FORBIDDEN,
    WebhookRefusal.KEY_REUSED: HTTPStatus.CONFLICT,
    WebhookRefusal.NONCE_USED: HTTPStatus.CONFLICT,
    WebhookRefusal.TOO_MANY_ORDERS: HTTPStatus.TOO_MANY_REQUESTS,
}

webhook_threads = DatabaseThreads(
    "webhook", count=settings.WEBHOOK_THREADS, most_waiting=MOST_WAITING
)
#: calls whose callers were told to come again; kept from being forgotten halfway
_late: set[asyncio.Task[Receipt]] = set()


@csrf_exempt
@require_POST
async def webhook(request: HttpRequest, slug: str, token: str = "") -> HttpResponse:
    """Accept a call, or say in one sentence why not."""
    try:
        call = _call(request, slug, token)
        receipt = await _received(call)
    except RequestDataTooBig:
        return too_large()
    except WebhookRefused as refused:
        return _refusal(refused, slug)
    except (BusyThreadsError, OperationalError, InterfaceError) as error:
        log.warning("webhook.postponed", strategy=slug, error=type(error).__name__)
        return _come_again()
    except Exception:
        log.exception("webhook.failed", strategy=slug)
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "something failed here", code="internal_error"
        )
    status = HTTPStatus.OK if receipt.is_repeated else HTTPStatus.ACCEPTED
    # the database keeps no order of names, and a repeated call is answered byte by byte alike
    return JsonResponse(receipt.answer, status=status, json_dumps_params={"sort_keys": True})


async def _received(call: WebhookCall) -> Receipt:
    """Have a call accepted. Raises BusyThreadsError if that takes too long for its caller.

    It may be accepted all the same a little later; the same call again is then told so.
    """
    task = asyncio.create_task(webhook_threads.run(_receive, call, time.monotonic() + LONGEST_WAIT))
    done, _ = await asyncio.wait({task}, timeout=LONGEST_ANSWER)
    if not done:
        _late.add(task)
        task.add_done_callback(_note_late)
        raise BusyThreadsError(BusyThreadsError.__doc__)
    return task.result()


def _note_late(task: asyncio.Task[Receipt]) -> None:
    _late.discard(task)
    error = task.exception()
    log.warning("webhook.late", error=type(error).__name__ if error else "")


def _wake_up(request_ids: Sequence[int]) -> None:
    """Have them sent now. They are committed: if nobody can be woken up, the sweep sends them."""
    try:
        tasks.send_requests(request_ids)
    except Exception:
        log.exception("webhook.unheard", requests=len(request_ids))


def too_large() -> HttpResponse:
    """Refuse a body beyond the limit, whoever sends it."""
    told = f"expected at most {LARGEST_BODY} bytes"
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told, code="too_large")


def _call(request: HttpRequest, slug: str, token: str) -> WebhookCall:
    """Read what was sent. Raises RequestDataTooBig."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and (len(length) > 9 or int(length) > LARGEST_BODY):  # noqa: PLR2004
        raise RequestDataTooBig
    if len(request.body) > LARGEST_BODY:
        raise RequestDataTooBig
    headers = request.headers
    return WebhookCall(
        slug=slug,
        token=token,
        body=request.body,
        timestamp=headers.get("X-OrderTrack-Timestamp", ""),
        nonce=headers.get("X-OrderTrack-Nonce", ""),
        signature=headers.get("X-OrderTrack-Signature", ""),
        idempotency_key=headers.get("Idempotency-Key", ""),
        client_ip=client_ip(request),
        client_certificate=client_certificate(request),
        received_at=timezone.now(),
    )


def _receive(call: WebhookCall, deadline: float) -> Receipt:
    if time.monotonic() > deadline:
        raise BusyThreadsError(BusyThreadsError.__doc__)
    receipt = webhooks.receive(call)
    if receipt.request_ids:
        _wake_up(receipt.request_ids)
    return receipt


def _refusal(refused: WebhookRefused, slug: str) -> HttpResponse:
    status = STATUSES[refused.kind]
    log.info("webhook.refused", strategy=slug, code=refused.kind.value, detail=refused.detail)
    document: dict[str, Any] = problem_document(status, refused.detail, code=refused.kind.value)
    if refused.index is not None:
        document["index"] = refused.index
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "OrderTrack-HMAC-SHA256"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "60"
    return JsonResponse(document, status=status, content_type=CONTENT_TYPE, headers=headers)


def _come_again() -> HttpResponse:
    told = "too busy, or the database does not answer: nothing is known to be accepted, call again"
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        told,
        code="try_again",
        headers={"Retry-After": "1"},
    )
