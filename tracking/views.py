"""
Pages and probes: the live page, signing in and out, whether the process is alive and ready.

The live page carries its first snapshot, which began with the journal number it streams on from.
Its scripts and styles are files of ours: the content security policy allows nothing else.

@FEAT:order-tracking @COMP:page @TYPE:core
"""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracking.problems import problem
from tracking.services.snapshots import live_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
PROBE_TIMEOUT = 1.0


def own_files_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let the page run and show nothing but our own files."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response

    return guarded


@require_GET
@login_required
@never_cache
@own_files_only
def live(request: HttpRequest) -> HttpResponse:
    """Show what is open, filled and held, and keep it so."""
    snapshot = live_snapshot(request.user.pk or 0)
    return render(request, "tracking/live.html", {"snapshot": snapshot, "words": _words()})


def _words() -> dict[str, str]:
    """Give the words the script writes."""
    return {
        "live": _("live"),
        "connecting": _("connecting"),
        "reconnecting": _("reconnecting"),
        "stale": _("stale"),
        "down": _("down"),
        "residual": _("no strategy"),
        "order_filled": _("filled"),
        "order_cancelled": _("cancelled"),
        "order_rejected": _("rejected"),
        "order_expired": _("expired"),
        "verified": _("confirmed by the exchange"),
        "unverified": _("not yet confirmed by the exchange"),
        "never": _("never"),
    }


@method_decorator(own_files_only, name="dispatch")
class Login(auth.LoginView):
    """Sign in."""

    template_name = "tracking/login.html"
    redirect_authenticated_user = True


@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """Say whether the stores answer; 503 names those that do not."""
    missing = [
        name for name, answers in (("database", _database), ("redis", _redis)) if not answers()
    ]
    if missing:
        detail = f"no answer from {' and '.join(missing)}"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, code="not_ready")
    return JsonResponse({"status": "ready"})


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    timeouts = {"socket_timeout": PROBE_TIMEOUT, "socket_connect_timeout": PROBE_TIMEOUT}
    server = redis.Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0), **timeouts)
    try:
        with server:
            return bool(server.ping())
    except redis.RedisError:
        return False
