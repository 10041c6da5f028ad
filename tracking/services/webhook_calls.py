"""
A call of a webhook as it came in, and the ways of refusing it.

Nothing here is trusted yet. `WebhookRefused` says why in a sentence for the caller; nothing secret
is in it, and a caller who has proved nothing learns nothing.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from ipaddress import IPv4Address, IPv6Address


class WebhookRefusal(StrEnum):
    """Why a call was refused, for programs."""

    NOT_AUTHENTICATED = "not_authenticated"
    STALE = "stale_timestamp"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    NOT_AUTHORISED = "not_authorised"
    KEY_REUSED = "key_reused"
    NONCE_USED = "nonce_used"
    TOO_MANY_ORDERS = "too_many_orders"


class WebhookRefused(Exception):
    """The call is refused as a whole and nothing of it is stored.

    `index` is the place, from 0, of the order that was refused in a list of orders.
    """

    def __init__(self, kind: WebhookRefusal, detail: str, *, index: int | None = None) -> None:
        """`detail` is shown to the caller."""
        super().__init__(detail)
        self.kind, self.detail, self.index = kind, detail, index


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCall:
    """What the caller sent, and from where; texts are "" where there was none.

    `client_ip` and `client_certificate` are what trusted proxies tell, or the connection itself.
    """

    slug: str
    received_at: datetime
    #: exactly as it came
    body: bytes = field(repr=False)
    #: of the path
    token: str = field(default="", repr=False)
    timestamp: str = ""
    nonce: str = ""
    signature: str = field(default="", repr=False)
    idempotency_key: str = ""
    client_ip: IPv4Address | IPv6Address | None = None
    client_certificate: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether it claims to be signed, rightly or not."""
        return bool(self.timestamp or self.nonce or self.signature)
