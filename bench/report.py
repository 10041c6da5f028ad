"""All figures of a run: gathered part by part, shown as a table for people or as JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.management import call_command

from bench import history, many_streams, parsing, parts, placing, transaction
from bench.stage import say

if TYPE_CHECKING:
    from pathlib import Path

    from bench.transaction import Limit
    from ordertrack.embedded import EmbeddedServers

LIMIT_SECONDS = 5.0
MOST = 16


@dataclass(slots=True)
class Figures:
    """What was measured; None for a part that was not asked for."""

    limit: Limit | None = None
    ours: parts.Ours | None = None
    naive_per_s: float | None = None
    naive_cpu: dict[str, float] | None = None
    enforced: parts.Enforced | None = None
    enforced_lone: parts.Enforced | None = None
    streams: many_streams.ManyStreams | None = None
    placing: placing.Placing | None = None
    #: microseconds of the slowest sample frame, by exchange
    parsing: dict[str, float] = field(default_factory=dict)

    def measure(
        self, folder: Path, servers: EmbeddedServers, wanted: set[str], seconds: float
    ) -> None:
        """Measure the wanted parts, the naive variant last: it leaves messages behind."""
        say(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors")
        call_command("migrate", verbosity=0)
        call_command("sync_schedules", verbosity=0, stdout=sys.stderr)
        accounts = history.make_accounts()
        history.load(accounts)
        pids = {
            {"valkey": "redis"}.get(server.name, server.name): server.process.pid
            for server in servers.servers
            if server.process
        }
        groups = accounts.groups
        if "a" in wanted:
            say("a: the canonical transaction")
            self.limit = transaction.measure(accounts, folder, LIMIT_SECONDS)
            say(f"  per second, by connections: {_rounded(self.limit.per_second)}")
        if "b" in wanted:
            say("b: ours")
            self.ours = parts.ours(folder, groups["ours"], pids, seconds)
        if self.limit:
            # neighbours on the machine come and go: the better of two is nearer to its limit
            again = transaction.measure(
                accounts, folder, LIMIT_SECONDS, connections=[MOST], attempt=1
            )
            self.limit.per_second[MOST] = max(self.limit.per_second[MOST], again.per_second[MOST])
            say(f"  the limit again: {_rounded(again.per_second)}")
        self._measure_more(folder, accounts, pids, wanted)

    def _measure_more(
        self, folder: Path, accounts: history.Accounts, pids: dict[str, int], wanted: set[str]
    ) -> None:
        """Measure the parts that nothing is compared with."""
        groups = accounts.groups
        if "d" in wanted:
            say("d: with the exchange's limits")
            self.enforced = parts.enforced(folder, groups["enforced"], pids)
            self.enforced_lone = parts.enforced(folder, accounts.lone, pids)
        if "g" in wanted:
            say("g: placing by webhook")
            self.placing = placing.measure(folder, groups["placing"], pids)
        if "f" in wanted:
            say("f: reading a frame, microseconds")
            self.parsing = parsing.measure()
        if "e" in wanted:
            say("e: many streams")
            self.streams = many_streams.measure(folder, accounts.streamed, pids)
        if "c" in wanted:
            say("c: the naive variant")
            self.naive_per_s, self.naive_cpu = parts.naive(folder, groups["naive"], pids)
            say(f"  {self.naive_per_s:.0f} fills/s")

    def show(self, *, as_json: bool) -> None:
        """Print the table, and the object as the last line if asked for."""
        for line in self.lines():
            print(line)
        if as_json:
            print(json.dumps(self.as_json()), flush=True)

    def as_json(self) -> dict[str, Any]:
        """Give every figure under the name it is promised by."""
        limit = self.limit.per_second[MOST] if self.limit else None
        rate = self.ours.phase.per_second if self.ours else None
        return {
            "fills_per_s": _figure(rate),
            "limit_per_s": _figure(limit),
            "ratio_to_limit": _ratio(rate, limit),
            "naive_per_s": _figure(self.naive_per_s),
            "ratio_to_naive": _ratio(rate, self.naive_per_s),
            "latency_ms": {str(rate): asdict(latency) for rate, latency in self._latency().items()},
            "cpu_ms_per_fill": self.ours.cpu_ms_per_fill if self.ours else {},
            "rest_calls_per_fill": _figure(self.ours.rest_calls_per_fill if self.ours else None, 4),
            "limit_kind": self.limit.kind if self.limit else None,
            "enforced": _told(self.enforced),
            "enforced_lone": _told(self.enforced_lone),
            "streams": asdict(self.streams) if self.streams else {},
            "parse_us": self.parsing,
            "placing": asdict(self.placing) if self.placing else {},
        }

    def _latency(self) -> dict[int, Any]:
        return self.ours.latency if self.ours else {}

    def lines(self) -> list[str]:
        """Write the figures for people."""
        told = self.as_json()
        lines = [f"{name:22} {value}" for name, value in told.items() if value not in (None, {})]
        if self.limit:
            lines.append(f"limit by connections   {_rounded(self.limit.per_second)}")
        if self.ours:
            lines.append(f"cpu_ms_per_fill, sum   {sum(self.ours.cpu_ms_per_fill.values()):.3f}")
            lines.append(f"probe, fills/s         {self.ours.probe_per_second:.0f}")
        if self.naive_cpu:
            lines.append(f"naive cpu_ms_per_fill  {self.naive_cpu}")
        return lines


def _told(part: parts.Enforced | None) -> dict[str, float]:
    if part is None:
        return {}
    return {
        "commit_p99": part.phase.commit.p99,
        "verified_p99": part.phase.verification.p99,
        "weight_per_minute": round(part.weight_per_minute),
        "weight_per_fill": round(part.weight_per_fill, 3),
        "too_many_requests": part.too_many_requests,
    }


def _rounded(values: dict[int, float]) -> dict[int, int]:
    return {key: round(value) for key, value in values.items()}


def _figure(value: float | None, places: int = 1) -> float | None:
    return None if value is None else round(value, places)


def _ratio(value: float | None, other: float | None) -> float | None:
    return round(value / other, 3) if value and other else None
