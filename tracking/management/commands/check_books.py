"""
`manage.py check_books`: are the books what the executions and the exchange say they must be?

Exit status: 0 they are; 1 they are not; 2 as far as could be seen they are, but the exchange could
not be read; 3 the command was not understood, or there was no database to read; 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from tracking.management.account_choice import add_account_option, chosen_accounts
from tracking.management.progress import ProgressBar
from tracking.models import AccountState
from tracking.services.books import AtExchange, recorded_check
from tracking.services.books.invariants import INVARIANTS
from tracking.services.books.records import UNREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.models import ExchangeAccount
    from tracking.services.books import Line, Record


class Status(IntEnum):
    """The exit status."""

    CLEAN = 0
    VIOLATED = 1
    UNREADABLE = 2
    NOT_UNDERSTOOD = 3
    INTERRUPTED = 130


class Command(BaseCommand):
    """Check accounts, one line an invariant."""

    help = "Recompute orders, trades and positions from the executions and compare."
    stealth_options = ("at_exchange",)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Have wrong options end with a status of their own: argparse's means something here."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def refuse(message: str) -> NoReturn:
            parser.exit(Status.NOT_UNDERSTOOD, f"{parser.format_usage()}{message}\n")

        parser.error = refuse  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Say whose books, and how."""
        add_account_option(parser)
        parser.add_argument("--exchange", action="store_true", help="ask the exchange as well")
        parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
        parser.add_argument(
            "--resume", action="store_true", help="go on with a check interrupted in the last hour"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check one account after the other; the exit status is the worst of them."""
        try:
            self._check(options)
        except KeyboardInterrupt:
            message = "interrupted; with --resume the check goes on where it was"
            raise CommandError(message, returncode=Status.INTERRUPTED) from None
        except OperationalError as error:
            # not 1: nothing is known of the books
            message = f"the database could not be read: {error}"
            raise CommandError(message, returncode=Status.NOT_UNDERSTOOD) from error

    def _check(self, options: dict[str, Any]) -> None:
        named = options["account"]
        accounts = chosen_accounts(named, returncode=Status.NOT_UNDERSTOOD)
        asked = options.get("at_exchange") or AtExchange() if options["exchange"] else None
        records = []
        total = (len(INVARIANTS) + 3 * bool(asked)) * len(accounts)
        with ProgressBar(total, quiet=options["json"]) as bar:
            for account in accounts:
                may_ask = named or account.state == AccountState.ACTIVE.value
                record = recorded_check(
                    account.pk,
                    asked if may_ask else None,
                    resume=options["resume"],
                    tell=partial(_advance, bar, account.name),
                )
                records.append(record)
                if not options["json"]:
                    self._tell(account, record)
        if options["json"]:
            self.stdout.write(as_json(accounts, records))
        elif not accounts:
            self.stdout.write("there are no accounts")
        if status := status_of(records):
            sys.exit(status)

    def _tell(self, account: ExchangeAccount, record: Record) -> None:
        self.stdout.write(f"{account}: {record.row.state}")
        for line in record.lines:
            self._tell_line(line)

    def _tell_line(self, line: Line) -> None:
        verdict = self.style.ERROR("WRONG") if line.violation_count else self.style.SUCCESS("ok   ")
        if line.invariant == UNREAD:
            verdict = self.style.WARNING("?    ")
        self.stdout.write(
            f"  {verdict} {line.invariant:<14}{line.rows_checked:>9} rows  {line.says}"
        )
        for violation in line.violations:
            self.stdout.write(f"        {violation.subject}  {violation.detail}")
        if left := line.violation_count - len(line.violations):
            self.stdout.write(f"        ... and {left} more")


def _advance(bar: ProgressBar, name: str, line: Line) -> None:
    bar.advance(f"{name}: {line.invariant}")


def as_json(accounts: Sequence[ExchangeAccount], records: Sequence[Record]) -> str:
    """Write what was found as one JSON object."""
    told = [
        {
            "account": account.pk,
            "name": account.name,
            "state": record.row.state,
            "rows_checked": record.row.rows_checked,
            "violations": record.row.violations,
            "lines": [line.to_json() for line in record.lines],
        }
        for account, record in zip(accounts, records, strict=True)
    ]
    sums = {
        "rows_checked": sum(record.row.rows_checked for record in records),
        "violations": sum(record.row.violations for record in records),
    }
    return json.dumps({**sums, "accounts": told}, ensure_ascii=False)


def status_of(records: Sequence[Record]) -> Status:
    """Give the worst: what is wrong weighs more than what could not be seen."""
    if any(record.row.violations for record in records):
        return Status.VIOLATED
    return Status.UNREADABLE if any(record.unread for record in records) else Status.CLEAN
