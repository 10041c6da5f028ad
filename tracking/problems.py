"""
How we say no over HTTP: a problem document (RFC 9457), the same shape for every error.

`code` is for programs, `detail` for people.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"


def problem_document(status: int, detail: str, *, code: str) -> dict[str, Any]:
    """Give the members every problem has."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


def problem(
    status: int, detail: str, *, code: str, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """Answer with a problem, outside the REST framework."""
    return JsonResponse(
        problem_document(status, detail, code=code),
        status=status,
        content_type=CONTENT_TYPE,
        headers=dict(headers or {}),
    )
