"""
The fault switches: a closed list, and named sets of them in `PROFILES`.

A name that is no field of `Faults` is refused; faults that happen once are in `one_shots`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.errors import ControlError
from exchanges.simulator.switches import (
    Trigger,
    one_named,
    per_endpoint,
    probability,
    seconds,
    strike,
    switch,
    switch_or_current,
    switch_or_share,
    trigger,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Everything that can be made to go wrong, and stays so until it is switched off."""

    #: share of frames that never leave (every frame; only frames about fills)
    lose: float = 0.0
    lose_trade_frames: float = 0.0
    #: share of frames sent twice; share sent after the frame behind them
    repeat: float = 0.0
    reorder: float = 0.0
    #: share of frames that tell of fills without the ids of their trades
    hide_trade_ids: float = 0.0
    #: how long frames are held back (in order), and the share of frames that are
    delay_ms: int = 0
    delay: float = 1.0
    #: sockets stay open, pongs included, but say nothing / are neither read nor written;
    #: "current" strikes only the sockets that are open now
    mute: bool | str = False
    half_open: bool | str = False
    #: share of handshakes answered 503
    refuse_connect: float = 0.0
    #: drop the account's sockets about every so many seconds
    drop_every: float = 0.0
    #: one of `STRIKES` about every so many seconds
    now_and_then: Mapping[str, float] = field(default_factory=dict)
    rest_latency_ms: Mapping[str, int] = field(default_factory=dict)
    rest_status: Mapping[str, Trigger] = field(default_factory=dict)
    rest_empty: Mapping[str, Trigger] = field(default_factory=dict)
    rest_garbage: Mapping[str, Trigger] = field(default_factory=dict)
    #: done, but the answer is "drop" (connection cut), "503" or "timeout" (unknown); and not done
    accept_but_lose_answer: Mapping[str, Trigger] = field(default_factory=dict)
    refuse_and_lose_answer: Mapping[str, Trigger] = field(default_factory=dict)
    #: order queries, open orders and trade lists show the past
    stale_rest_ms: Mapping[str, int] = field(default_factory=dict)
    #: so long after it was accepted, an order is "not found" (-2013)
    not_found_window_ms: int = 0
    invalid_key: bool = False
    #: for everybody only: the exchange's clock is off; share of prices at which nobody else offers
    clock_skew_ms: int = 0
    thin_book: float = 0.0

    @property
    def disturbs_frames(self) -> bool:
        """Whether frames need a closer look before they are sent."""
        return bool(
            self.lose or self.lose_trade_frames or self.repeat or self.reorder or self.delay_ms
        )


#: what `now_and_then` may do, by itself to whoever is connected (a ban: to everybody, for a moment)
STRIKES: Final = ("mute", "half_open", "expire_listen_key", "ban")

#: what the exchanges call placing and cancelling an order
PLACING: Final = (
    "POST order", "POST algoOrder", "POST batchOrders",
    "POST order/create", "POST order/create-batch", "POST orders",
)  # fmt: skip
CANCELLING: Final = ("DELETE order", "DELETE algoOrder", "POST order/cancel")
#: what shows the past in a storm: orders by id, trades by account
LAGGING: Final = ("GET order", "userTrades", "myTrades", "order/realtime", "execution/list")

PROFILES: Final[Mapping[str, Mapping[str, object]]] = {
    "none": {},
    "demo": {"lose": 0.02, "repeat": 0.02, "reorder": 0.01, "drop_every": 12.0},
    "storm": {
        "lose": 0.1,
        "lose_trade_frames": 0.1,
        "repeat": 0.1,
        "reorder": 0.1,
        "hide_trade_ids": 0.05,
        "delay_ms": 300,
        "delay": 0.1,
        "refuse_connect": 0.2,
        "drop_every": 5.0,
        "now_and_then": {"mute": 20.0, "half_open": 40.0, "expire_listen_key": 45.0, "ban": 50.0},
        "rest_latency_ms": {"*": 50},
        "rest_status": {"*": {"status": 503, "probability": 0.03}},
        "rest_empty": {"*": 0.01},
        "rest_garbage": {"*": 0.01},
        "accept_but_lose_answer": {
            **{name: {"how": "drop", "probability": 0.05} for name in PLACING},
            **{name: {"how": "timeout", "probability": 0.05} for name in CANCELLING},
        },
        "refuse_and_lose_answer": {
            **{name: {"how": "503", "probability": 0.02} for name in PLACING},
            **{name: {"how": "502", "probability": 0.02} for name in CANCELLING},
        },
        "stale_rest_ms": dict.fromkeys(LAGGING, 500),
        "not_found_window_ms": 200,
        "clock_skew_ms": 1500,
        "thin_book": 0.1,
    },
}


READERS: Final[Mapping[str, Callable[[object], object]]] = {
    "lose": probability,
    "lose_trade_frames": probability,
    "repeat": probability,
    "reorder": probability,
    "hide_trade_ids": switch_or_share,
    "delay_ms": whole,
    "delay": probability,
    "mute": switch_or_current,
    "half_open": switch_or_current,
    "refuse_connect": switch_or_share,
    "drop_every": seconds,
    "now_and_then": one_named(*STRIKES),
    "rest_latency_ms": per_endpoint(whole),
    "rest_status": per_endpoint(trigger("status")),
    "rest_empty": per_endpoint(strike),
    "rest_garbage": per_endpoint(strike),
    "accept_but_lose_answer": per_endpoint(trigger("how")),
    "refuse_and_lose_answer": per_endpoint(trigger("how")),
    "stale_rest_ms": per_endpoint(whole),
    "not_found_window_ms": whole,
    "invalid_key": switch,
    "clock_skew_ms": whole,
    "thin_book": switch_or_share,
}
#: meaningless for one account alone
FOR_EVERYBODY: Final = frozenset({"clock_skew_ms", "thin_book"})


def read_switches(switches: Mapping[str, object]) -> dict[str, Any]:
    """The checked values of these switches. Raises `ControlError` for a name that is none."""
    unknown = sorted(set(switches) - set(READERS))
    if unknown:
        text = f"unknown switch: {', '.join(unknown)}"
        raise ControlError(text)
    return {name: READERS[name](value) for name, value in switches.items()}


def expand_profile(switches: Mapping[str, object]) -> dict[str, object]:
    """Replace `profile` by the switches it stands for; switches named beside it win."""
    rest = dict(switches)
    name = rest.pop("profile", "none")
    if name not in PROFILES:
        text = f"unknown profile: {name} (known: {', '.join(PROFILES)})"
        raise ControlError(text)
    return {**PROFILES[str(name)], **rest}
