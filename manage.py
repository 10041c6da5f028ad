#!/usr/bin/env python
"""Django's entry. Commands run on the embedded servers wherever no URL names other ones."""

import os
import sys
import traceback

from django.core.management import execute_from_command_line

from ordertrack.binaries import NoServerBinaryError
from ordertrack.demo_home import DemoHome, DemoHomeError
from ordertrack.embedded import EmbeddedServerError, EmbeddedServers

#: these neither read nor write rows: starting a database for them would be waste
WITHOUT_SERVERS = frozenset(
    {
        "",
        "--help",
        "--version",
        "check",
        "collectstatic",
        "help",
        "simulate_exchange",
        "spectacular",
        "version",
    },
)
COULD_NOT_RUN = 3


def main() -> None:
    """Run one command, inside the embedded servers if it needs them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in {"demo", "simulate_exchange"}:
        # nothing here is worth a secret of the operator's own
        os.environ.setdefault("GENERATE_SECRETS", "on")
    if command in WITHOUT_SERVERS or "--help" in sys.argv:
        execute_from_command_line(sys.argv)
    elif command == "demo":
        run_demo()
    else:
        with EmbeddedServers():
            execute_from_command_line(sys.argv)


def run_demo() -> None:
    """Run the demo in its own home; exit 3 where it cannot begin."""
    try:
        with DemoHome():
            execute_from_command_line(sys.argv)
    except (DemoHomeError, EmbeddedServerError, NoServerBinaryError) as error:
        sys.stderr.write(f"The demo could not run: {error}\n")
        sys.exit(COULD_NOT_RUN)
    except Exception:  # noqa: BLE001  (whatever it is, it was no verdict)
        # Python's own status would be 1, which says that the books differ
        traceback.print_exc()
        sys.exit(COULD_NOT_RUN)


if __name__ == "__main__":
    main()
