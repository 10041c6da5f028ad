"""One REST request on its way to its end point, and the table entry that describes an end point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from exchanges.simulator.errors import ApiError, invalid_key
from exchanges.simulator.switches import pick

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.faults import Faults
    from exchanges.simulator.rest_dialect import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came: nothing decoded, nothing re-ordered, for signatures cover that."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    #: names in any case
    headers: Mapping[str, str] = field(default_factory=dict)


class Security(Enum):
    """What an end point asks of a request."""

    NONE = 0
    KEY = 1
    SIGNED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read and authenticated."""

    exchange: SimulatedExchange
    params: Mapping[str, str]
    method: str
    name: str
    faults: Faults
    asked: Asked
    signer: Account | None = None

    @property
    def account(self) -> Account:
        """Who asks; only for end points that authenticate."""
        if self.signer is None:
            raise invalid_key()
        return self.signer

    @property
    def cutoff(self) -> int:
        """The moment whose state this end point shows: now, or earlier when REST is stale."""
        lag = pick(self.faults.stale_rest_ms, self.method, self.name) or 0
        return self.exchange.clock.now() - lag

    @property
    def is_stale(self) -> bool:
        """Whether this end point shows the past."""
        return bool(pick(self.faults.stale_rest_ms, self.method, self.name))

    def whole(self, name: str) -> int | None:
        """A parameter that is a whole number, if it was sent (-1102 if it is none)."""
        text = self.params.get(name)
        if text in {None, ""}:
            return None
        if not str(text).lstrip("-").isdigit():
            message = f"Illegal characters found in parameter '{name}'."
            raise ApiError(-1100, message)
        return int(str(text))


#: bytes are JSON already
Handler: TypeAlias = Callable[[Call], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One end point: what it does, what it costs, what it asks for."""

    name: str
    method: str
    handler: Handler
    version: str = "v1"
    #: what its path begins with: one exchange has one such tree per house, another one for all
    root: str = "/fapi"
    weight: int = 1
    #: weight that is given back when the request succeeds
    refund: int = 0
    #: for lists that may be asked for without a symbol
    weight_without_symbol: int | None = None
    #: for lists that may be asked for one order
    weight_with_order: int | None = None
    security: Security = Security.SIGNED
    counts_as_order: bool = False
    #: which ceilings per account it counts against, by the names the exchange's part gives them
    pools: tuple[str, ...] = ()
    #: names the client order ids of the orders that a request would place; it never raises
    submits: Callable[[Route], Iterable[str]] | None = None

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self.root}/{self.version}/{self.name}"

    def cost(self, params: Mapping[str, str]) -> int:
        """The weight of this request."""
        if self.weight_without_symbol is not None and not params.get("symbol"):
            return self.weight_without_symbol
        if self.weight_with_order is not None and params.get("orderId"):
            return self.weight_with_order
        return self.weight


def encode(answer: object) -> bytes:
    """JSON text; bytes are taken to be JSON already."""
    return answer if isinstance(answer, bytes) else orjson.dumps(answer)


Json: TypeAlias = dict[str, Any]
