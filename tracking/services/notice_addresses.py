"""
Which addresses a channel may have. They come from users and are followed by our machine.

Only schemes of `NOTICE_SCHEMES`, never one that ends on this machine; no address that is plainly
private, unless `NOTICE_ALLOW_PRIVATE` (where a name leads to is seen when something is sent). No
refusal repeats the address: it holds tokens and passwords.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import re
from typing import Final

from django.conf import settings

from tracking.services import notice_messenger
from tracking.services.notice_delivery import schemes, why_not_understood

_ADDRESS: Final = re.compile(
    r"(?P<scheme>[a-z0-9]{1,32})://(?:[^/?#@]*@)?(?P<host>[^/?#]*)", re.IGNORECASE
)
_PORT: Final = re.compile(r":\d*$")
#: an address of IPv4, or of IPv6
_NUMBERS: Final = re.compile(r"\d+(\.\d+){3}|[0-9a-f]*(:[0-9a-f.]*)+")


def why_refused(url: str) -> str:
    """Say what is wrong with an address; "" if a notice may be sent there."""
    found = _ADDRESS.match(url)
    if found is None or found["scheme"].lower() not in schemes():
        offered = ", ".join(f"{name}://" for name in schemes())
        return f"expected an address that begins with one of {offered}"
    if not settings.NOTICE_ALLOW_PRIVATE and _is_plainly_private(found["host"]):
        return notice_messenger.IS_PRIVATE
    return why_not_understood(url)


def _is_plainly_private(host: str) -> bool:
    """Look at what can only be a host: with many services a token stands in its place."""
    name = _PORT.sub("", host).strip("[]").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    return bool(_NUMBERS.fullmatch(name)) and not notice_messenger.is_public((name, 0))
