"""How end points of v5 are described: all below `/v5`, named by the rest of their path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator.call import Endpoint, Security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchanges.simulator.call import Handler, Json
    from exchanges.simulator.rest_dialect import Route

#: ceilings per account, end point and second
READS: Final = "reads"
ORDERS: Final = "orders"
AMENDS: Final = "amends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """An answer with something in `retExtInfo`."""

    result: Json
    extra: Json


def private(
    name: str,
    method: str,
    handler: Handler,
    pool: str = READS,
    *,
    submits: Callable[[Route], Iterable[str]] | None = None,
) -> Endpoint:
    """An end point for one account; one that places orders says which a request names."""
    return Endpoint(
        name=name,
        method=method,
        handler=handler,
        root="",
        version="v5",
        pools=(pool,),
        submits=submits,
    )


def public(name: str, handler: Handler) -> Endpoint:
    """An end point for everybody."""
    return Endpoint(
        name=name, method="GET", handler=handler, root="", version="v5", security=Security.NONE
    )
