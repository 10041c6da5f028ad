"""
What an exchange brings to the contract suite: one `Case` for each of its market types.

A file `case_<exchange>.py` beside this one holds `CASES`; every test of this folder then runs for
them, on the real adapter over real sockets. The usual values are those of the simulator's control
end points, which speak of every house in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from exchanges.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from exchanges.messages import MarketType


class Trait(Enum):
    """What not every exchange has."""

    #: the exchange closes positions by orders of its own
    LIQUIDATION = auto()
    #: an order may get another price or quantity and keep its id
    AMENDMENT = auto()
    #: requests carry a time, which can be refused
    CLOCK = auto()
    #: the stream tells of changed holdings
    HOLDINGS_STREAM = auto()
    #: the same client order id is refused while its order is open
    UNIQUE_CLIENT_IDS = auto()
    #: a wrong secret is noticed where the stream begins (a listen key needs no signature)
    SIGNED_STREAM = auto()


def usual_credentials(number: int) -> Credentials:
    """Return keys of the usual length, another pair for every number."""
    return Credentials(api_key=f"c{number:0>63}", api_secret=f"s{number:0>63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One market type of one exchange."""

    exchange: str
    market_type: MarketType
    symbol_id: str
    #: the unified symbol
    symbol: str
    #: a price to buy at, far below the market, and another one
    price: Decimal
    other_price: Decimal
    #: an order's quantity, a part of it that may fill alone, and one that is refused
    quantity: Decimal
    part: Decimal
    refused_quantity: Decimal
    #: an order that rests in another market: its id, price and quantity
    elsewhere: tuple[str, Decimal, Decimal]
    #: what is held in spot once something was bought; "" where positions are held
    asset: str = ""
    #: an order id that no order has
    unknown_order_id: str = "999999999"
    lacks: frozenset[Trait] = frozenset()
    #: accounts may keep long and short positions apart
    hedges: bool = False
    #: whether what is finer than a step is refused before it is sent
    refuses_itself: bool = False
    #: what the endpoints are called in the simulator's switches
    place_endpoint: str = "POST order"
    cancel_endpoint: str = "DELETE order"
    #: the switches that end a session while its connection is sound
    end_session: Mapping[str, object] = field(default_factory=lambda: {"disconnect": 1001})
    #: frames that cannot be read, whoever sends them
    broken_frames: tuple[str, ...] = ("{", "nothing", '{"e":"', "[1,", "\ufffd")
    credentials: Callable[[int], Credentials] = usual_credentials
    #: the simulator's events that a stream must be listening for before it hears; named where it
    #: counts as connected sooner
    listens_for: frozenset[str] = frozenset()
    #: whose protocol the simulator speaks to it; "": that of an exchange of the same name
    spoken_by: str = ""

    @property
    def house(self) -> tuple[str, str]:
        """Return the simulator's house of it."""
        return self.spoken_by or self.exchange, self.market_type.value

    @property
    def name(self) -> str:
        """Return what the tests of this case are called."""
        return f"{self.exchange}-{self.market_type}".lower()
