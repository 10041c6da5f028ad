"""`manage.py replay`: do the books follow from what was heard? Exit 0 if they do, 1 if not."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tracking.management.account_choice import add_one_account_option, chosen_account
from tracking.management.printing import Printer
from tracking.services.replay import replay
from tracking.services.scratch_schema import ScratchUnavailableError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tracking.services.replay import Replayed

_AGO = re.compile(r"([0-9]+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_HEADS = ("what", "which", "column", "live", "replayed")


class Command(BaseCommand):
    """Replay an account's inbox and kept answers into a scratch schema and compare."""

    help = "Replay an account's frames and kept answers into a scratch schema; compare the books."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, and since when."""
        add_one_account_option(parser, required=True, purpose="the one that is replayed")
        parser.add_argument(
            "--since", help="a time (ISO 8601) or how long ago (30m, 12h, 7d); default: all kept"
        )
        parser.add_argument("--keep", action="store_true", help="leave the scratch schema")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Replay and report; exits 1 if anything differs."""
        since = _moment(options["since"] or f"{settings.EVIDENCE_RETENTION_DAYS}d")
        account = chosen_account(options["account"])
        try:
            result = replay(account.pk, since, keep=options["keep"])
        except ScratchUnavailableError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json(), indent=2))
        else:
            _tell(Printer(self.stdout), result)
        if result.differences:
            sys.exit(1)


def _moment(text: str) -> datetime:
    if found := _AGO.fullmatch(text):
        return timezone.now() - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"expected a time such as 2026-11-22T10:00 or 12h, got {text!r}"
        raise CommandError(message) from None
    return at if at.tzinfo else timezone.make_aware(at)


def _tell(printer: Printer, result: Replayed) -> None:
    printer.line(f"replayed {result.frames} frame(s) and {result.answers} kept answer(s)")
    compared = ", ".join(f"{count} {kind}(s)" for kind, count in result.compared.items())
    printer.line(f"compared {compared}")
    for reason, count in result.skipped.items():
        printer.line(f"left out {count} order(s): {reason}")
    if result.unreadable:
        printer.line(f"{result.unreadable} frame(s) or answer(s) cannot be read")
    rows = [
        (d.kind, d.key, d.column or "row", _shown(d.live), _shown(d.replayed))
        for d in result.differences
    ]
    printer.table(f"{len(rows)} difference(s)", _HEADS, rows)
    if result.schema:
        printer.line(f"kept in schema {result.schema}")


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
