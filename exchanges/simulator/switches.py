"""
How the value of a fault switch is read: every kind of value checks itself.

Endpoint switches are keyed by `"POST order"`, by `"order"` or by `"*"`; the most exact one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from exchanges.simulator.errors import ControlError

if TYPE_CHECKING:
    import random

Value = TypeVar("Value")

#: "timeout" is the exchange's own word for an unknown outcome (Binance: -1007)
WAYS_TO_LOSE: Final = ("drop", "502", "503", "timeout", "-1007")
#: what a trigger does when it is not told
DEFAULTS: Final[Mapping[str, int | str]] = {"status": 503, "how": "drop", "strike": 1}


@dataclass(slots=True, kw_only=True)
class Trigger:
    """How often something strikes: with a probability, and at most `count` times."""

    value: int | str = 0
    probability: float = 1.0
    count: int | None = None
    retry_after: int | None = None

    def strikes(self, chance: random.Random) -> bool:
        """Whether it strikes now; a strike is used up."""
        if self.count == 0 or chance.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


def probability(value: object) -> float:
    """A share from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        text = f"expected a probability from 0 to 1, was {value!r}"
        raise ControlError(text)
    return float(value)


def whole(value: object) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        text = f"expected a whole number, was {value!r}"
        raise ControlError(text)
    return value


def seconds(value: object) -> float:
    """A number of seconds, not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        text = f"expected seconds, was {value!r}"
        raise ControlError(text)
    return float(value)


def switch(value: object) -> bool:
    """On or off."""
    if not isinstance(value, bool):
        text = f"expected true or false, was {value!r}"
        raise ControlError(text)
    return value


def switch_or_share(value: object) -> float:
    """On (1), off (0), or how often it is."""
    return float(value) if isinstance(value, bool) else probability(value)


def switch_or_current(value: object) -> bool | str:
    """On, off, or only for the sockets that are open now."""
    return value if value == "current" and isinstance(value, str) else switch(value)


def per_endpoint(read: Callable[[object], Value]) -> Callable[[object], Mapping[str, Value]]:
    """A reader of `{endpoint: value}`; a bare value means every endpoint."""

    def read_all(value: object) -> Mapping[str, Value]:
        named = value if isinstance(value, Mapping) else {"*": value}
        return {str(name): read(each) for name, each in named.items()}

    return read_all


def one_named(*names: str) -> Callable[[object], Mapping[str, float]]:
    """A reader of `{name: seconds}` for these names."""

    def read_all(value: object) -> Mapping[str, float]:
        if not isinstance(value, Mapping) or not set(value) <= set(names):
            text = f"expected seconds for some of {', '.join(names)}, was {value!r}"
            raise ControlError(text)
        return {str(name): seconds(each) for name, each in value.items()}

    return read_all


def trigger(kind: str) -> Callable[[object], Trigger]:
    """A reader of `true`, a share (float), a value, or `{kind: value, probability, count}`."""

    def read(value: object) -> Trigger:
        if isinstance(value, Mapping):
            return _trigger_of(kind, dict(value))
        if isinstance(value, bool | float):
            return Trigger(probability=probability(float(value)), value=DEFAULTS[kind])
        return Trigger(value=checked(kind, value))

    return read


def strike(value: object) -> Trigger:
    """A reader of `true`, a share (float), a count (int), or `{probability, count}`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Trigger(count=value)
    return trigger("strike")(value)


def _trigger_of(kind: str, terms: dict[str, Any]) -> Trigger:
    count, retry_after = terms.pop("count", None), terms.pop("retry_after", None)
    found = Trigger(
        value=checked(kind, terms.pop(kind, DEFAULTS[kind])),
        probability=probability(terms.pop("probability", 1)),
        count=None if count is None else whole(count),
        retry_after=None if retry_after is None else whole(retry_after),
    )
    if terms:
        text = f"unknown: {', '.join(sorted(terms))}"
        raise ControlError(text)
    return found


def checked(kind: str, value: object) -> int | str:
    """The value of a trigger, refused if it is none."""
    if kind != "how":
        return whole(value)
    if str(value) not in WAYS_TO_LOSE:
        text = f"expected one of {', '.join(WAYS_TO_LOSE)}, was {value!r}"
        raise ControlError(text)
    return str(value)


def pick(named: Mapping[str, Value], method: str, name: str) -> Value | None:
    """The entry for this endpoint: exact, then by name, then for all."""
    if not named:
        return None
    found = named.get(f"{method} {name}")
    found = named.get(name) if found is None else found
    return named.get("*") if found is None else found
