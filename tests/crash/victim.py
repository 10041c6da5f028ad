"""
A process that dies at one point, as by power failure: nothing is caught, nothing is tidied up.

Forked from a parent that has everything loaded and no connection to anything.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

PATIENCE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the victim does and where it dies."""

    database: str
    simulator_url: str
    weight_per_minute: int
    account_id: int
    scenario: str
    frames: tuple[str, ...]
    at: int
    mode: str


def forking() -> ForkServerContext:
    """Give the parent, with everything loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.preloaded"])
    return context


def survives(context: ForkServerContext, job: Job) -> bool:
    """Run a job in a process of its own; False if it was killed. Fails if it ended otherwise."""
    process = context.Process(target=run, args=(job,))
    process.start()
    process.join(PATIENCE)
    code = process.exitcode
    process.close()
    assert code in {0, -9}, f"the victim ended with {code}"
    return code == 0


def run(job: Job) -> None:
    """Act in the forked process."""
    django.setup()
    # Django's settings must stand before anything of ours is imported
    from tests.crash import acting  # noqa: PLC0415

    acting.act(job)
