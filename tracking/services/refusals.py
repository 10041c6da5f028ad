"""
A refusal by our own checks, or by the exchange: a value, so that nothing has to be raised.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchanges.refusals import RefusalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an order is not sent, or was not taken; `reason` is for a trader to read."""

    kind: RefusalKind
    reason: str
    #: the exchange's own code
    code: str = ""
