"""The parts that run the system: ours, the naive variant, and ours within the exchange's limits."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench import figures
from bench.history import FIRST_ID, LIMIT_ORDERS, TRADES
from bench.stage import Stage, Usage, say
from ordertrack import processes
from ordertrack.environment import BASE_DIR
from ordertrack.supervisor import Program
from tracking.management.demo.comparison import compare, our_books
from tracking.management.demo.theatre import Theatre
from tracking.models import ExchangeAccount, OrderTrackingSession, SessionStatus, TradeExecution

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.figures import Percentiles, Phase

RATES = (20, 200)
BUDGET_FILLS_IN = 15.0
LATENCY_SECONDS = 12.0
WARM_UP = 200
#: fills of the probe that tells how many make `--seconds` of saturation
PROBE = 4000
#: how much more is offered than the probe managed: the backlog must grow
OVERLOAD = 2.0
ENFORCED_RATE = 200
ENFORCED_SECONDS = 40.0
NAIVE_FILLS = 3000
NAIVE_RATE = 1500
NAIVE_SECONDS = 10.0


class BooksDifferError(RuntimeError):
    """What we have is not what the exchange's ledger has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Part b."""

    latency: dict[int, Percentiles]
    probe_per_second: float
    phase: Phase
    cpu_ms_per_fill: dict[str, float]
    rest_calls_per_fill: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """Part d."""

    phase: Phase
    weight_per_minute: float
    weight_per_fill: float
    too_many_requests: int


def programs() -> list[Program]:
    """Return the processes that take part in tracking."""
    return [
        processes.web(),
        processes.worker("worker", "events"),
        processes.orders(),
        processes.worker("sync", "sync"),
        processes.beat(),
        processes.streams(),
    ]


def ours(
    folder: Path, accounts: list[ExchangeAccount], servers: Mapping[str, int], seconds: float
) -> Ours:
    """Measure latency at low rates, then the rate at saturation."""
    with Stage(folder, accounts, programs(), servers=servers, enforced=False) as stage:
        get_ready(stage)
        # a budget begins a quarter full, and below half of it no fill waits for REST
        time.sleep(BUDGET_FILLS_IN)
        latency = {rate: _latency(stage, rate) for rate in RATES}
        probe, _ = _run(stage, rate=0, fills=PROBE)
        say(f"  probe: {probe.per_second:.0f} fills/s over {probe.seconds:.1f} s")
        fills = max(PROBE, int(probe.per_second * seconds))
        phase, used = _run(stage, rate=probe.per_second * OVERLOAD, fills=fills)
        say(f"  saturation: {phase.per_second:.0f} fills/s over {phase.seconds:.1f} s")
        compare_books(stage)
    return Ours(
        latency=latency,
        probe_per_second=probe.per_second,
        phase=phase,
        cpu_ms_per_fill=used.cpu_ms_per_fill(phase.verified),
        rest_calls_per_fill=used.requests / phase.verified,
    )


def enforced(folder: Path, accounts: list[ExchangeAccount], servers: Mapping[str, int]) -> Enforced:
    """Measure once more with the limits on, longer than the burst budget lasts."""
    with Stage(folder, accounts, programs(), servers=servers, enforced=True) as stage:
        get_ready(stage)
        fills = int(ENFORCED_RATE * ENFORCED_SECONDS)
        phase, used = _run(stage, rate=ENFORCED_RATE, fills=fills)
        compare_books(stage)
        refused = stage.usage().too_many_requests
    return Enforced(
        phase=phase,
        weight_per_minute=used.weight / used.at * 60,
        weight_per_fill=used.weight / fills,
        too_many_requests=refused,
    )


def naive(
    folder: Path, accounts: list[ExchangeAccount], servers: Mapping[str, int]
) -> tuple[float, dict[str, float]]:
    """Measure the naive variant while it has a backlog: fills a second, CPU per fill."""
    worker = processes.worker("worker", "events")
    worker = replace(worker, argv=(*worker.argv, "--include=bench.naive"))
    ids = [str(account.pk) for account in accounts]
    reader = Program(
        name="reader",
        argv=(sys.executable, "-m", "bench.naive_reader", *ids),
        environment={"PYTHONPATH": str(BASE_DIR)},
    )
    with Stage(folder, accounts, [worker, reader], servers=servers, enforced=False) as stage:
        stage.wait(lambda: stage.exchange.summary()["open_sockets"] == len(ids), "the streams")
        stage.burst(rate=WARM_UP, fills=WARM_UP // 4)
        stage.wait(lambda: _naive_count(stage) >= WARM_UP // 4, "the first naive fills")
        before, since = stage.usage(), time.time()
        stage.burst(rate=NAIVE_RATE, fills=NAIVE_FILLS)
        end = time.time() + NAIVE_SECONDS
        enough = NAIVE_FILLS + WARM_UP // 4
        stage.wait(lambda: time.time() > end or _naive_count(stage) >= enough, "naive fills")
        used = stage.usage() - before
        count, seconds = figures.committed(stage.account_ids, since)
    return count / seconds, used.cpu_ms_per_fill(count)


def _naive_count(stage: Stage) -> int:
    rows = TradeExecution.objects.filter(account__in=stage.account_ids, is_history=False)
    return rows.count()


def get_ready(stage: Stage) -> None:
    """Wait until every stream is connected and synced, then let everything run warm."""
    stage.wait(lambda: _is_connected(stage), "streams connected and accounts synced")
    _run(stage, rate=WARM_UP, fills=WARM_UP)


def _is_connected(stage: Stage) -> bool:
    connected = OrderTrackingSession.objects.filter(
        account__in=stage.account_ids, status=SessionStatus.CONNECTED.value
    )
    synced = ExchangeAccount.objects.filter(
        pk__in=stage.account_ids, baseline_at__isnull=False, synced_at__isnull=False
    )
    return connected.count() == synced.count() == len(stage.accounts)


def _latency(stage: Stage, rate: int) -> Percentiles:
    phase, _ = _run(stage, rate=rate, fills=int(rate * LATENCY_SECONDS))
    say(f"  {rate}/s: commit p50 {phase.commit.p50} ms, p99 {phase.commit.p99} ms")
    return phase.commit


def _run(stage: Stage, *, rate: float, fills: int) -> tuple[Phase, Usage]:
    before, since = stage.usage(), time.time()
    report = stage.burst(rate=rate, fills=fills)
    stage.frames_are_in(report["fills"], since)
    stage.settle()
    used = stage.usage() - before
    phase = figures.of_phase(stage.account_ids, since)
    if phase.verified != report["fills"]:
        message = f"{report['fills']} fills were made, {phase.verified} are verified"
        raise BooksDifferError(message)
    return phase, used


def compare_books(stage: Stage) -> None:
    """Compare with the exchange's ledger. Raises BooksDifferError."""
    booked = our_books(stage.accounts)
    mine = [fill for fill in booked.fills if not _is_history(fill)]
    theirs = Theatre(stage.exchange.url).books(stage.accounts)
    found = compare(theirs, replace(booked, fills=type(booked.fills)(mine)))
    if found:
        message = "; ".join(found.examples())
        raise BooksDifferError(message)
    say(f"  books equal: {len(mine)} executions")


def _is_history(fill: Any) -> bool:
    return FIRST_ID <= int(fill.exchange_order_id) <= FIRST_ID + TRADES + LIMIT_ORDERS
