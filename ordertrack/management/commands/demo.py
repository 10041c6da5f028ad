"""
Shows everything at once, against a simulated exchange: `make demo`.

With `--seconds` it also proves something: after that long nobody trades any more and prices stand
still, the system settles with all its faults still on, and its books must equal the exchange's
ledger. Exit status: 0 they do; 1 they do not; 2 they do, but too little happened for that to mean
anything; 3 the demo could not run.
"""

from __future__ import annotations

import secrets
import shlex
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

import structlog
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.errors import ExchangeError
from ordertrack.demo_home import env_file, login_file, write_down
from ordertrack.environment import BASE_DIR, env
from ordertrack.processes import programs
from ordertrack.supervisor import Program, Supervisor
from tracking.management.demo.cast import assemble
from tracking.management.demo.channels import Direct, Outside
from tracking.management.demo.exchange_control import ExchangeControlError
from tracking.management.demo.report import Verdict
from tracking.management.demo.show import Interrupted, Show
from tracking.management.demo.theatre import PLAYS, Theatre

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from tracking.management.demo.cast import Cast
    from tracking.management.demo.channels import Channel
    from tracking.management.demo.report import Report
    from tracking.management.demo.theatre import House

log = structlog.get_logger(__name__)

EXCHANGE_TIMEOUT = 30.0
#: a worker may be waiting for an exchange that hangs; whoever pressed Ctrl-C is not to wait for it
STOP_TIMEOUT = 5.0
SEEDS = 10_000
TRADERS = ("direct", "webhook")


@dataclass(frozen=True, slots=True)
class Course:
    """What one run of the demo is like."""

    seconds: float | None
    seed: int
    faults: str
    houses: tuple[House, ...]
    trader: str


class Command(BaseCommand):
    """`manage.py demo`."""

    help = "Run all processes with a simulated exchange and a trader; prints URL and login."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Have wrong options end with a status of their own: argparse's means something here."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def refuse(message: str) -> NoReturn:
            parser.exit(Verdict.COULD_NOT_RUN, f"{parser.format_usage()}{message}\n")

        parser.error = refuse  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say how long, which course, and what goes wrong."""
        parser.add_argument("--seconds", type=float, help="trade so long, then compare the books")
        parser.add_argument("--json", action="store_true", help="only the JSON object on stdout")
        parser.add_argument("--seed", type=int, help="of prices, faults and trading")
        parser.add_argument("--faults", default="demo", metavar="PROFILE|JSON")
        parser.add_argument(
            "--exchange", default="binance", choices=PLAYS, help="whose protocol is spoken"
        )
        parser.add_argument(
            "--trader",
            default=TRADERS[0],
            choices=TRADERS,
            help="orders are handed in by calls in this process, or by signed webhooks and the API",
        )

    def handle(
        self,
        *,
        seconds: float | None,
        json: bool,
        seed: int | None,
        faults: str,
        exchange: str,
        trader: str,
        **_options: Any,
    ) -> None:
        """Run the demo; the exit status is the verdict."""
        began = time.monotonic()
        seed = secrets.randbelow(SEEDS) if seed is None else seed
        self._say(f"Order Track demo, seed {seed}: starting everything (some seconds) ...")
        try:
            report = self._run(Course(seconds, seed, faults, PLAYS[exchange], trader), began)
        except Interrupted:
            self._say("Stopped.")
            return
        except (ExchangeControlError, ExchangeError, TimeoutError) as error:
            message = f"The demo could not run: {error}"
            raise CommandError(message, returncode=Verdict.COULD_NOT_RUN) from error
        if report is not None and seconds is not None:
            self._conclude(report, seconds, only_json=json)

    def _run(self, course: Course, began: float) -> Report | None:
        theatre = Theatre(settings.SIMULATOR_URL, course.houses)
        with ExitStack() as stack:
            exchange = stack.enter_context(Supervisor([simulated_exchange(course)]))
            call_command("migrate", verbosity=0, skip_checks=True)
            call_command("sync_schedules", stdout=self.stderr)
            wait_for_exchange(exchange, theatre)
            cast = assemble(theatre)
            system = stack.enter_context(Supervisor(programs()))
            stack.callback(system.stop, STOP_TIMEOUT)
            write_down(login_file(), login(cast))
            self._say(*invitation(cast))
            show = Show(
                cast=cast,
                theatre=theatre,
                seed=course.seed,
                url=web_url(),
                tend=lambda: tend(exchange, system),
                say=self._say,
                channel=channel(course, cast),
            )
            with show:
                show.open(began)
                report = show.for_seconds(
                    float("inf") if course.seconds is None else course.seconds
                )
            self._tell_deaths(system)
            return report

    def _tell_deaths(self, system: Supervisor) -> None:
        """The books are equal even then; but nobody asked for it."""
        for name, child in system.children.items():
            if child.restarts:
                self._say(f"{name} died and was started again {child.restarts} times.")

    def _conclude(self, report: Report, seconds: float, *, only_json: bool) -> None:
        verdict = report.verdict(seconds)
        wrong, too_little = report.wrong(), report.too_little(seconds)
        for what, names in (("Not equal", wrong), ("Too little happened", too_little)):
            if names:
                self._say(f"{what}: {', '.join(names)}")
        if verdict is Verdict.EQUAL:
            self._say("The books equal the exchange's ledger.")
        if not only_json:
            self.stdout.write("\n".join(report.lines()))
        self.stdout.write(report.to_json())
        self.stdout.flush()
        if verdict is not Verdict.EQUAL:
            sys.exit(verdict)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.stderr.write(line)
        self.stderr.flush()


def simulated_exchange(course: Course) -> Program:
    """Return the exchange in a process of its own, on the port of SIMULATOR_URL."""
    port = settings.SIMULATOR_URL.rpartition(":")[2]
    houses = ",".join(house.name for house in course.houses)
    options = (
        f"--port={port}",
        f"--seed={course.seed}",
        f"--faults={course.faults}",
        f"--exchanges={houses}",
    )
    # not `manage.py simulate_exchange`: Django would double its memory
    return Program(
        name="exchange",
        argv=(sys.executable, "-m", "exchanges.simulator", *options),
        environment={"PYTHONPATH": str(BASE_DIR)},
    )


def channel(course: Course, cast: Cast) -> Channel:
    """Return how the strategies hand in their orders."""
    if course.trader == TRADERS[0]:
        return Direct()
    return Outside(web_url(), cast, Random(f"{course.seed}:channel"))  # noqa: S311


def wait_for_exchange(exchange: Supervisor, theatre: Theatre) -> None:
    """Wait until it answers. Raises TimeoutError if it does not, or has given up."""
    deadline = time.monotonic() + EXCHANGE_TIMEOUT
    while not theatre.is_up():
        if exchange.stop_requested:
            raise Interrupted
        if time.monotonic() > deadline or not exchange.pids():
            message = "the simulated exchange did not start"
            raise TimeoutError(message)
        time.sleep(0.05)


def tend(exchange: Supervisor, system: Supervisor) -> None:
    """Look after all processes. Raises Interrupted once somebody wants to stop."""
    if exchange.stop_requested or system.stop_requested:
        raise Interrupted
    exchange.poll()
    system.poll()


def web_url() -> str:
    """Return where the pages are."""
    return f"http://{settings.HOST}:{settings.PORT}"


def _short(path: Path) -> str:
    """Write a path as one types it here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def login(cast: Cast) -> dict[str, str]:
    """Say how to call the API and a webhook, as shell variables."""
    slug, secret = next(iter(cast.webhook_secrets.items()))
    return {
        "URL": web_url(),
        "USERNAME": cast.username,
        "PASSWORD": cast.password,
        "STRATEGY": slug,
        "ACCOUNT": cast.accounts[0].name,
        "SECRET": secret,
    }


def invitation(cast: Cast) -> list[str]:
    """Say, in a box, where to look and how to log in."""
    flower = f"http://127.0.0.1:{env.str('FLOWER_PORT')}"
    rows = [
        ("Live page", f"{web_url()}/"),
        ("Log in as", cast.username),
        ("Password", cast.password),
        ("Admin", f"{web_url()}/admin/"),
        ("Workers (Flower)", flower),
        ("Flower's login", env.str("FLOWER_BASIC_AUTH")),
        ("Exchange's ledger", f"{settings.SIMULATOR_URL}/sim/ledger"),
        ("Full log", f"{settings.LOGGING['directory']}/app.log"),
    ]
    texts = [f"{name:<18} {value}" for name, value in rows]
    width = max(map(len, texts))
    return [
        "",
        f"╭{'─' * (width + 2)}╮",
        *(f"│ {text:<{width}} │" for text in texts),
        f"╰{'─' * (width + 2)}╯",
        "Every command works on it from another terminal, for instance:",
        f"  ENV_FILE={_short(env_file())} .venv/bin/python manage.py check_books --exchange",
        f"`. {_short(login_file())}` sets what the README's curl lines ask for.",
        "Ctrl-C stops everything.",
        "",
    ]
