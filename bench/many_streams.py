"""Part e: one `run_streams` process on one core, holding two hundred private streams."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.parts import get_ready, programs
from bench.stage import Stage, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.models import ExchangeAccount

STREAMS = 200
#: a fill is three frames, and an order of four fills one more
FILLS_PER_SECOND = 310
SECONDS = 40.0
#: so that one missed pong ends a connection, and is counted
PINGS = {"ping_interval": 5.0, "pong_timeout": 6.0}
CORE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyStreams:
    """What it came to."""

    streams: int
    frames_per_second_each: float
    #: connections beyond the first of each stream: a missed pong makes one
    reconnects: int
    #: of one core
    cpu_share: float


def measure(
    folder: Path, accounts: list[ExchangeAccount], servers: Mapping[str, int]
) -> ManyStreams:
    """Hold the streams while frames come. Raises what a stage raises."""
    with Stage(folder, accounts, programs(), servers=servers, enforced=False) as stage:
        stage.exchange.configure(**PINGS)
        pin(stage.pids()["streams"], CORE)
        get_ready(stage)
        before, began = stage.exchange.summary(), stage.usage()
        stage.burst(rate=FILLS_PER_SECOND, fills=int(FILLS_PER_SECOND * SECONDS))
        used, after = stage.usage() - began, stage.exchange.summary()
    frames = after["frames_sent"] - before["frames_sent"]
    found = ManyStreams(
        streams=after["open_sockets"],
        frames_per_second_each=round(frames / used.at / len(accounts), 2),
        reconnects=after["connections"] - len(accounts),
        cpu_share=round(used.cpu["streams"] / used.at, 3),
    )
    say(f"  {found}")
    return found


def pin(pid: int, core: int) -> None:
    """Leave a process one core, all its threads."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
