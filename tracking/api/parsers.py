"""
Bodies that order something: JSON whose numbers are exact, and no more of it than an order needs.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tracking.services.webhook_calls import WebhookRefused
from tracking.services.webhook_json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

#: fifty orders with every field are a quarter of it
LONGEST_BODY: Final = 64 * 1024


class ExactJson(BaseParser):
    """Numbers come as Decimal, never by way of a float; what could be read in two ways is not."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Raise ParseError for what is no JSON, and for more than LONGEST_BODY of anything."""
        del media_type, parser_context
        raw = stream.read(LONGEST_BODY + 1)
        if len(raw) > LONGEST_BODY:
            message = f"expected at most {LONGEST_BODY} bytes"
            raise ParseError(message)
        try:
            return read_json(raw)
        except WebhookRefused as error:
            raise ParseError(error.detail) from error
