"""
`GET /api/sse/events`: the user's journal, live.

Where to begin: the `Last-Event-ID` header (a browser's own reconnect), else `lastEventId` or
`last_event_id` (reconnecting-eventsource.js, which opens anew), else `from` (a page that has just
read its snapshot), else now. Whose events is never a parameter.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from tracking.problems import problem
from tracking.sse.client import Client, stream
from tracking.sse.hub import hub
from tracking.sse.logins import login_of
from tracking.sse.threads import client_thread

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)

CONNECTIONS_PER_USER = 5
RETRY_AFTER = "5"
UNREADABLE = -1
LARGEST_SEQ = 2**63 - 1


def requested_seq(request: HttpRequest) -> int | None:
    """Give the last event the client has; None if it asks for none, UNREADABLE if for nonsense."""
    asked = (
        request.headers.get("Last-Event-ID")
        or request.GET.get("lastEventId")
        or request.GET.get("last_event_id")
        or request.GET.get("from")
    )
    if asked is None:
        return None
    is_number = asked.isascii() and asked.isdigit() and int(asked) <= LARGEST_SEQ
    return int(asked) if is_number else UNREADABLE


@require_GET
async def events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Open the stream: 401 without a login, 429 beyond five streams of one user."""
    login = await client_thread.run(login_of, request)
    if login is None:
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "expected a session or a token",
            code="not_authenticated",
            headers={"WWW-Authenticate": "Token"},
        )
    if hub.client_count(login.user_id) >= CONNECTIONS_PER_USER:
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"expected at most {CONNECTIONS_PER_USER} streams of one user in this process",
            code="too_many_streams",
            headers={"Retry-After": RETRY_AFTER},
        )
    client = Client(login.user_id)
    hub.join(client)
    log.info("stream.opened", user=login.user_id, after=requested_seq(request))
    return StreamingHttpResponse(
        stream(client, login, requested_seq(request)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
