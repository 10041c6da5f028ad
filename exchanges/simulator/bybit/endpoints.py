"""How end points of v5 are described: all below `/v5`, named by the rest of their path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.call import Endpoint, Security

if TYPE_CHECKING:
    from exchanges.simulator.call import Handler

#: ceilings per account, end point and second
READS: Final = "reads"
ORDERS: Final = "orders"
AMENDS: Final = "amends"


def private(name: str, method: str, handler: Handler, pool: str = READS) -> Endpoint:
    """An end point for one account."""
    return Endpoint(name=name, method=method, handler=handler, root="", version="v5", pools=(pool,))


def public(name: str, handler: Handler) -> Endpoint:
    """An end point for everybody."""
    return Endpoint(
        name=name, method="GET", handler=handler, root="", version="v5", security=Security.NONE
    )
