"""
How the API says no: a problem document (RFC 9457), the same shape for every error.

`code` is for programs, `detail` for people; `errors` names the fields of a refused body.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.views import exception_handler

if TYPE_CHECKING:
    from rest_framework.response import Response


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what DRF understands into a problem document; leave the rest to Django."""
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem(error, response.status_code)
    response.content_type = "application/problem+json"
    return response


def problem(error: Exception, status: int) -> dict[str, Any]:
    """Return the document."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": getattr(error, "default_code", "not_found"),
    }
    if isinstance(error, ValidationError):
        return told | {"detail": "The request was not understood.", "errors": error.detail}
    if isinstance(error, APIException):
        return told | {"detail": str(error.detail)}
    return told
