"""
The webhook's door in front of Django: bodies are bounded in size and in time before anything else.

Django's handler would read a body of any size, for as long as its sender likes, and then give each
call a thread and ten middlewares, of which a call without session, cookie or page needs none. Here
a call costs a buffer of at most the limit until it is complete; then the view itself is called. No
database work begins before the last byte is here.

@FEAT:order-tracking @COMP:api @TYPE:integration
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

from tracking.api.webhook import LARGEST_BODY, too_large, webhook
from tracking.problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from django.http import HttpResponse

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATH: Final = re.compile(
    r"/api/webhook/(?P<slug>[-a-zA-Z0-9_]{1,64})(?:/(?P<token>[-a-zA-Z0-9_]{1,200}))?/?"
)


class _TooLargeError(Exception):
    """The body has more bytes than it may have."""


class _GoneError(Exception):
    """The caller went away before the body was complete."""


class WebhookGate:
    """Our ASGI application: calls of webhooks go straight to their view, all else to Django."""

    def __init__(self, application: Application) -> None:
        """Stand before `application`."""
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        path = _PATH.fullmatch(scope["path"]) if is_post else None
        if path is None:
            await self._application(scope, receive, send)
            return
        try:
            response = await _answer(scope, receive, path["slug"], path["token"] or "")
        except _GoneError:
            return
        await _respond(response, send)


async def _answer(scope: Scope, receive: Receive, slug: str, token: str) -> HttpResponse:
    try:
        async with asyncio.timeout(settings.WEBHOOK_BODY_TIMEOUT):
            body = await _body(scope, receive)
    except _TooLargeError:
        return _closing(too_large())
    except TimeoutError:
        told = f"the body was not complete after {settings.WEBHOOK_BODY_TIMEOUT} s"
        return _closing(problem(HTTPStatus.REQUEST_TIMEOUT, told, code="too_slow"))
    with BytesIO(body) as stream:
        return await webhook(ASGIRequest(scope, stream), slug, token)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Read the whole body, but never more than the limit."""
    for name, value in scope["headers"]:
        # servers pass on no other length than a number
        if name == b"content-length" and int(value) > LARGEST_BODY:
            raise _TooLargeError
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _closing(response: HttpResponse) -> HttpResponse:
    """What is still to come of the body is not waited for."""
    response.headers["Connection"] = "close"
    return response


async def _respond(response: HttpResponse, send: Send) -> None:
    headers = [
        (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()
    ]
    headers += [
        (b"content-length", str(len(response.content)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
