"""Which processes the system is made of, and how each is started. Any number of each may run."""

from __future__ import annotations

import os
import sys

from django.conf import settings

from ordertrack.environment import BASE_DIR, env, is_set
from ordertrack.supervisor import Program

#: uvicorn waits for open live streams otherwise, for ever
GRACEFUL_SHUTDOWN_SECONDS = 3
#: threads of the worker that sends orders
ORDERS_AT_ONCE = 16


def programs() -> tuple[Program, ...]:
    """Return all processes of one host; Flower only where FLOWER_BASIC_AUTH guards it."""
    workers = (worker("worker", "events"), orders(), worker("sync", "sync"))
    always = (web(), *workers, beat(), streams())
    return (*always, flower()) if is_set("FLOWER_BASIC_AUTH") else always


def web() -> Program:
    """Return the pages, the API and the live stream."""
    where = [f"--host={settings.HOST}", f"--port={settings.PORT}"]
    wait = f"--timeout-graceful-shutdown={GRACEFUL_SHUTDOWN_SECONDS}"
    # whose word counts for where a request comes from is ours to say: TRUSTED_PROXIES
    how = ["--no-access-log", "--lifespan=off", "--no-proxy-headers", wait]
    return _python("web", "-m", "uvicorn", "ordertrack.asgi:application", *where, *how)


def orders() -> Program:
    """Return the worker that sends orders: threads, since it waits for exchanges and little else.

    A send that hangs for ten seconds holds up one of them.
    """
    return worker("orders", "orders", "--pool=threads", f"--concurrency={ORDERS_AT_ONCE}")


def worker(name: str, queues: str, *options: str) -> Program:
    """Return a Celery worker of some queues."""
    # gossip and mingle keep workers informed of each other, which nothing here asks for
    how = ["--without-gossip", "--without-mingle", *options]
    return _celery(name, "worker", f"--queues={queues}", f"--hostname={name}@%h", *how)


def beat() -> Program:
    """Return the clock; it answers pings, so that readiness can tell a beat that hangs."""
    return _celery("beat", "beat", "--pidfile=", "--enable-remote-control")


def streams() -> Program:
    """Return the holder of the exchanges' private streams."""
    return _python("streams", str(BASE_DIR / "manage.py"), "run_streams")


def flower() -> Program:
    """Return the view on the workers: loopback only, because its metrics ask for no password.

    The password is read from FLOWER_BASIC_AUTH by Flower itself: argv would show it to everyone.
    """
    # switching task events on in every worker would double what each task costs
    events = f"--enable_events={env.bool('CELERY_SEND_EVENTS', default=False)}"
    return _celery("flower", "flower", "--address=127.0.0.1", events, "--logging=none")


def _celery(name: str, command: str, *options: str) -> Program:
    return _python(name, "-m", "celery", "--app=ordertrack", "--quiet", command, *options)


def _python(name: str, *arguments: str) -> Program:
    environment = {
        # Celery would check the whole project at each start, loading every page into every worker
        "CELERY_SKIP_CHECKS": "1",
        "PGAPPNAME": f"ordertrack {name}",
        "PYTHONPATH": str(BASE_DIR),
        "PYTHONUNBUFFERED": "1",
        # our children write into a pipe, but a person may be reading its other end
        "LOG_FORMAT": os.environ.get("LOG_FORMAT") or _console_format(),
    }
    return Program(name=name, argv=(sys.executable, *arguments), environment=environment)


def _console_format() -> str:
    return "pretty" if sys.stderr.isatty() else "json"
