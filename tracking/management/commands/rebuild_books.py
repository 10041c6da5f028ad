"""
`manage.py rebuild_books`: trades and positions again from executions and postings.

Shows the difference first. Exit status: 0 there is none, or it was written; 1 `--dry-run` found
some.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from tracking.management.account_choice import add_account_option, chosen_accounts
from tracking.management.progress import ProgressBar
from tracking.services.books import rebuild

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tracking.services.books.rebuild import Plan


class Command(BaseCommand):
    """Rebuild the derived tables of accounts."""

    help = "Recompute trades and positions from executions and postings; shows what differs first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say whose books, and whether to write."""
        add_account_option(parser)
        deed = parser.add_mutually_exclusive_group(required=True)
        deed.add_argument("--dry-run", action="store_true", help="only show what differs")
        deed.add_argument("--apply", action="store_true", help="write it; what is right is left")
        parser.add_argument(
            "--reason",
            default="rebuilt from executions and postings",
            help="kept with each repair",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Compare, show, and write if asked to."""
        plans = self._plans(options["account"])
        differing = sum(plan.size for plan in plans)
        if options["apply"] and differing:
            self._apply(plans, rebuild.Warrant(actor=getpass.getuser(), reason=options["reason"]))
        elif differing:
            sys.exit(1)

    def _plans(self, named: list[str]) -> list[Plan]:
        accounts = chosen_accounts(named)
        plans = []
        with ProgressBar(len(accounts)) as bar:
            for account in accounts:
                plan = rebuild.plan(account.pk)
                plans.append(plan)
                bar.advance(f"{account.name}: compared")
                self.stdout.write(
                    f"{account}: {len(plan.trade_ids)} trades and {len(plan.positions)} positions "
                    "differ"
                )
                for subject, text in plan.differences:
                    self.stdout.write(f"  {subject}  {text}")
        return plans

    def _apply(self, plans: list[Plan], warrant: rebuild.Warrant) -> None:
        repairs = 0
        with ProgressBar(sum(plan.size for plan in plans)) as bar:
            for plan in plans:
                repairs += len(rebuild.apply(plan, warrant, bar.advance))
        self.stdout.write(f"{repairs} rows written")
