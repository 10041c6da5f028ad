"""
Tokens for programs: made with name and password, sent as `Authorization: Token …`, revocable.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from knox import views as knox
from rest_framework.authentication import BasicAuthentication
from rest_framework.throttling import SimpleRateThrottle

from tracking.api.serializers import TokenSerializer

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView


class LoginThrottle(SimpleRateThrottle):
    """Ten attempts a minute from one address."""

    scope = "login"
    rate = "10/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Count by address: who they are is what they are trying to say."""
        del view
        return f"throttle-login-{self.get_ident(request)}"


class Login(knox.LoginView):
    """Make a token; name and password come as HTTP basic authentication."""

    authentication_classes = (BasicAuthentication,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Throttle before the password is looked at; DRF alone would do it only after."""
        throttle = LoginThrottle()
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait())
        super().initial(request, *args, **kwargs)

    @extend_schema(request=None, responses=TokenSerializer, operation_id="login")
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Answer with a token, shown only this once."""
        response: Response = super().post(request, format)
        return response


class Logout(knox.LogoutView):
    """Revoke the token the request came with."""

    @extend_schema(request=None, responses={204: None}, operation_id="logout")
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Streams opened with the token end within a minute."""
        response: Response = super().post(request, format)
        return response
