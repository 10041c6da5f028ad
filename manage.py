#!/usr/bin/env python
"""Django's entry. Commands run on the embedded servers wherever no URL names other ones."""

import os
import sys

from django.core.management import execute_from_command_line

from ordertrack.embedded import EmbeddedServers

#: these neither read nor write rows: starting a database for them would be waste
WITHOUT_SERVERS = frozenset(
    {"", "--help", "--version", "check", "collectstatic", "help", "spectacular", "version"},
)
#: the demo is for one person on one machine: secrets of its own, no TLS in front of it
DEMO_ENVIRONMENT = {"GENERATE_SECRETS": "on", "HTTPS": "off"}


def main() -> None:
    """Run one command, inside the embedded servers if it needs them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "demo":
        os.environ |= {n: v for n, v in DEMO_ENVIRONMENT.items() if n not in os.environ}
    if command in WITHOUT_SERVERS:
        execute_from_command_line(sys.argv)
        return
    with EmbeddedServers():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
