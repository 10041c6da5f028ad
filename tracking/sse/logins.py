"""
Who opened a stream, and whether that login still holds an hour later.

A session (browsers) or a knox token in the Authorization header (programs); never a token in the
URL, where logs and histories keep it. A stream outlives the request that checked its login, so the
login is kept as what can be looked up again: the session's key or the token's digest.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user and how they proved who they are: exactly one of the two is set."""

    user_id: int
    session_key: str | None = None
    token_digest: str | None = None


def login_of(request: HttpRequest) -> Login | None:
    """Give the request's login; None if there is none or it does not hold."""
    if request.headers.get("Authorization"):
        return _token_login(request)
    user = get_user(request)
    if not user.is_authenticated or user.pk is None:
        return None
    return Login(user_id=user.pk, session_key=request.session.session_key)


def login_holds(login: Login) -> bool:
    """Whether the session has not ended, the token not been revoked, the user not been locked."""
    if login.token_digest is not None:
        unexpired = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
        tokens = AuthToken.objects.filter(unexpired, digest=login.token_digest)
        found: bool = tokens.filter(user_id=login.user_id, user__is_active=True).exists()
        return found
    request = HttpRequest()
    request.session = _session(login.session_key)
    return get_user(request).pk == login.user_id


def _token_login(request: HttpRequest) -> Login | None:
    try:
        found = TokenAuthentication().authenticate(request)
    except (AuthenticationFailed, UnicodeDecodeError):
        return None
    if found is None:
        return None
    user, token = found
    return Login(user_id=user.pk, token_digest=token.digest)


def _session(session_key: str | None) -> SessionBase:
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return store
