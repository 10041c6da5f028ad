"""
The refusals of an exchange, with its own codes, texts and HTTP statuses.

Anything an exchange refuses is an `ApiError`; how it is worded on the wire is the exchange's part
of the door (`rest_dialect`). The codes and texts here are those of Binance's error table.
"""

from __future__ import annotations

BAD_REQUEST = 400
UNAUTHORISED = 401
NOT_FOUND = 404
TEAPOT = 418
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503


class ApiError(Exception):
    """The exchange refuses; nothing happened."""

    def __init__(
        self,
        code: int | str,
        message: str,
        *,
        status: int = BAD_REQUEST,
        retry_after: int | None = None,
    ) -> None:
        """Keep the exchange's code and text, the HTTP status and, for limits, `Retry-After`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


class ControlError(ValueError):
    """A request to `/sim/` that makes no sense; answered with 400 and this text."""


def missing(parameter: str) -> ApiError:
    """A mandatory parameter was not sent (-1102)."""
    text = f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)


def bad_symbol() -> ApiError:
    """There is no such symbol (-1121)."""
    return ApiError(-1121, "Invalid symbol.")


def no_such_order() -> ApiError:
    """An order query found nothing (-2013)."""
    return ApiError(-2013, "Order does not exist.")


def unknown_order_sent() -> ApiError:
    """A cancel found nothing to cancel (-2011)."""
    return ApiError(-2011, "Unknown order sent.")


def no_listen_key() -> ApiError:
    """There is no active listen key (-1125)."""
    return ApiError(-1125, "This listenKey does not exist.")


def invalid_key() -> ApiError:
    """The API key is not known, or may not be used from here (-2015)."""
    text = "Invalid API-key, IP, or permissions for action."
    return ApiError(-2015, text, status=UNAUTHORISED)
