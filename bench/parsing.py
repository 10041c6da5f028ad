"""Part f: what reading one frame about an order costs, by exchange."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.stage import say
from exchanges import registry
from exchanges.errors import MalformedMessage
from ordertrack.environment import BASE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = BASE_DIR / "tests" / "data"
ROUNDS, ATTEMPTS = 300, 5


def measure() -> dict[str, float]:
    """Microseconds of the slowest sample frame, the best of some attempts, by exchange."""
    found = {name: max(_costs(name), default=0.0) for name in registry.names()}
    say(f"  {found}")
    return found


def _costs(name: str) -> Iterator[float]:
    spoken = registry.adapter(name)
    for market_type in sorted(spoken.market_types):
        for raw in _frames(name):
            try:
                spoken.parse(market_type, raw)
            except MalformedMessage:
                # a frame of another market type
                continue
            yield round(min(_microseconds(name, market_type, raw) for _ in range(ATTEMPTS)), 1)


def _frames(name: str) -> Iterator[bytes]:
    for path in sorted((SAMPLES / name.lower()).rglob("*.json")):
        if not path.name.startswith("rest_"):
            yield path.read_bytes()


def _microseconds(name: str, market_type: str, raw: bytes) -> float:
    began = time.perf_counter()
    for _ in range(ROUNDS):
        registry.parse(name, market_type, raw)
    return (time.perf_counter() - began) / ROUNDS * 1_000_000
