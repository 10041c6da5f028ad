"""
What one exchange's REST does not share with another's: the part it brings to the door.

`rest.RestDoor` does the same for every request of every exchange, in this order: ban, weight,
faults that strike before anything happens, whose request it is, ceilings per account, the end
point itself, faults that strike the answer, headers, latency. A `RestDialect` says what only the
exchange knows. To add an exchange: a table of `call.Endpoint`s (`table(...)`), a class with the
methods below, and in its front

    door = RestDoor(MyRest(houses))
    app.router.add_route("*", "/v5/{rest:.*}", door.handle)

- A request concerns one of several houses: `route` picks it (Bybit: by `category`).
- An end point is a function of a `Call`; what it returns is handed to `success`, which wraps it
  (an envelope, a status). It refuses by raising `ApiError(code, text, status=...)`; the code may be
  a number or a name, and `refusal` words it.
- Limits: the weight of an end point counts against the address (`config.weight_limit` per
  `config.weight_window` seconds; who goes on is banned as `config.ban_after` says). Ceilings per
  account, key, pocket or group of end points are `charges`. Houses behind one address share one
  `Limits` (`limits.share`). `limited` words what was reached.
- An end point that places orders says by `Endpoint.submits` which client order ids a request
  names; the door counts them before anything else (`/sim/.../submissions`).
- Fault switches name an end point by `"POST order/create"`, `"order/create"` or `"*"`: the method
  and the `name` of the `Endpoint`.
- Binance's parts are `binance_rest` (HTTP) and `binance_spot.calls` (the same end points over a
  socket).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from exchanges.simulator.errors import BAD_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.call import Asked, Endpoint
    from exchanges.simulator.errors import ApiError
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.limits import Charge, LimitReached

JSON: Final = "application/json"
HTML: Final = "text/html"
OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer on its way out; `is_cut` drops the connection instead."""

    status: int = OK
    body: bytes = b""
    content_type: str = JSON
    retry_after: int | None = None
    is_cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


#: what a server in trouble says instead of JSON
GARBAGE: Final = b"<html><body>Bad gateway</body></html>"
#: the connection breaks before the answer
CUT: Final = Reply(status=BAD_REQUEST, is_cut=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which end point of which house a request means, and with which parameters."""

    asked: Asked
    house: SimulatedExchange
    endpoint: Endpoint
    params: Mapping[str, str]


class RestDialect(Protocol):
    """One exchange's REST in words. Implementations keep no state of a request."""

    def route(self, asked: Asked) -> Route | None:
        """The end point a request means; None if there is none. Raises ApiError."""

    def nowhere(self, asked: Asked) -> Reply:
        """What a path that does not exist is answered."""

    def caller(self, asked: Asked) -> str | None:
        """The API key a request names, unchecked: whose faults it meets."""

    def authenticate(self, route: Route) -> Account:
        """Whose request it is, by key, signature and time; not called for `Security.NONE`.

        Raises ApiError.
        """

    def charges(self, route: Route, account: Account | None) -> Sequence[Charge]:
        """What this request counts against, beside its weight; counted before it is run."""

    def invalid_key(self) -> ApiError:
        """The key is not, or no more, valid (switch `invalid_key`)."""

    def limited(self, reached: LimitReached) -> ApiError:
        """A limit was reached, or the address is banned."""

    def success(self, route: Route, answer: object) -> Reply:
        """What an end point answered."""

    def refusal(self, asked: Asked, error: ApiError) -> Reply:
        """What the exchange says when it refuses."""

    def failure(self, asked: Asked, status: int, retry_after: int | None) -> Reply:
        """A failure of the servers in front (switch `rest_status`): nothing has happened."""

    def lost(self, asked: Asked, how: str) -> Reply:
        """What comes instead of the answer: `how` is one of `switches.WAYS_TO_LOSE`.

        "drop" cuts, "502" is no JSON; "503" and "timeout" say that the outcome is not known.
        """

    def headers(self, route: Route) -> Mapping[str, str]:
        """What every answer's headers tell, such as what is left of a limit."""


def table(endpoints: Iterable[Endpoint]) -> dict[tuple[str, str], Endpoint]:
    """End points by method and path."""
    return {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}


def bad_gateway(status: int = 502) -> Reply:
    """A page instead of JSON."""
    return Reply(status=status, body=GARBAGE, content_type=HTML)
