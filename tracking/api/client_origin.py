"""
Where a request really comes from, behind the proxies we trust and nobody else.

Each proxy appends whom it heard from to `X-Forwarded-For`; only the last `TRUSTED_PROXIES` entries
were written by proxies of ours, so the client is counted from the right. What stands further left
the client may have written. The headers count only on a connection from where our nearest proxy is
(`TRUSTED_PROXY_ADDRESSES`): whoever goes around it is who they are.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

Address = IPv4Address | IPv6Address

#: the name (CN) of the client's certificate, as a proxy that checked it tells
CERTIFICATE_HEADER = "HTTP_X_CLIENT_CERT_CN"


def client_ip(request: HttpRequest) -> Address | None:
    """Give the client's address; None where it cannot be told."""
    peer = request.META.get("REMOTE_ADDR", "")
    if not _is_our_proxy(peer):
        return _address(peer)
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    count: int = settings.TRUSTED_PROXIES
    return _address(hops[-count]) if len(hops) >= count else None


def client_certificate(request: HttpRequest) -> str:
    """Give the name of the client's certificate; "" without one, or without a proxy of ours."""
    if not _is_our_proxy(request.META.get("REMOTE_ADDR", "")):
        return ""
    name: str = request.META.get(CERTIFICATE_HEADER, "")
    return name


def _is_our_proxy(peer: str) -> bool:
    if settings.TRUSTED_PROXIES <= 0:
        return False
    address = _address(peer)
    # a Unix socket has no address, and only a proxy of this machine reaches it
    return address is None or any(
        address in ip_network(network, strict=False) for network in settings.TRUSTED_PROXY_ADDRESSES
    )


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is 192.0.2.1 on a socket that takes both
    return getattr(address, "ipv4_mapped", None) or address
