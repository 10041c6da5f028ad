"""
How the API says no: a problem document for every error (`tracking.problems`).

`errors` names the fields of a refused body; `Problem` is what our own views raise.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as UnfitValueError
from django.db import DataError
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import exception_handler

from tracking.problems import CONTENT_TYPE, problem_document

if TYPE_CHECKING:
    from rest_framework.response import Response


class Problem(APIException):
    """A refusal with a status, a sentence and a code of its own."""

    def __init__(self, status: int, detail: str, *, code: str) -> None:
        """`detail` is shown to whoever asked: nothing secret in it."""
        super().__init__(detail, code)
        self.status_code = status


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what DRF understands into a problem document; leave the rest to Django.

    Reading, a value no column can hold is the caller's: of a cursor made up, of a time out of time.
    """
    is_read = context["request"].method in SAFE_METHODS
    if is_read and isinstance(error, UnfitValueError | DataError):
        error = ParseError("expected other values in the address")
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = document_of(error, response.status_code)
    response.content_type = CONTENT_TYPE
    return response


def document_of(error: Exception, status: int) -> dict[str, Any]:
    """Give what is told of an error that is answered with this status."""
    if isinstance(error, ValidationError):
        told = "expected other values, see errors"
        return problem_document(status, told, code="invalid") | {"errors": error.detail}
    if isinstance(error, APIException):
        code = error.get_codes()
        return problem_document(
            status, str(error.detail), code=code if isinstance(code, str) else error.default_code
        )
    # Django's own Http404 and PermissionDenied, which DRF has given their status
    code = "not_found" if status == HTTPStatus.NOT_FOUND else "permission_denied"
    return problem_document(status, HTTPStatus(status).phrase, code=code)
