"""
`manage.py sync_orders`: make the books agree with the exchange now, or say what that would change.

With `--json` every account is one line of output: what was done, what would be, or why not.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from exchanges.errors import ExchangeError, TransientError
from tracking.management.account_choice import add_account_option, chosen_accounts
from tracking.models import AccountState
from tracking.services.clients import rest_client, told_plainly
from tracking.services.order_tracking import sync_open_orders
from tracking.services.rehearsal import rehearse_sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.core.management.base import CommandParser

    from tracking.models import ExchangeAccount
    from tracking.services.sync_plan import SyncPlan


class Command(BaseCommand):
    """Sync one account, or all that are tracked, and say what changed."""

    help = "Compare open orders, holdings and trades with the exchange and book the differences."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--account`, `--dry-run` and `--json`."""
        add_account_option(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object an account")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sync and report; fails if any account could not be read."""
        tell = self._rehearse if options["dry_run"] else self._sync
        failed = 0
        for account in _tracked(options["account"]):
            try:
                tell(account, as_json=options["json"])
            except TransientError as error:
                failed += 1
                plain = told_plainly(error, rest_client(account))
                self._tell_failure(account, plain, as_json=options["json"])
            except ExchangeError as error:
                failed += 1
                self._tell_failure(account, error, as_json=options["json"])
        if failed:
            message = (
                f"{failed} account(s) could not be {'read' if options['dry_run'] else 'synced'}"
            )
            raise CommandError(message)

    def _sync(self, account: ExchangeAccount, *, as_json: bool) -> None:
        result = asdict(sync_open_orders(account.pk, full=True, force=True))
        if as_json:
            self.stdout.write(json.dumps({"account_id": account.pk, **result}))
            return
        counts = ", ".join(f"{name} {n}" for name, n in result.items() if type(n) is int)
        self.stdout.write(f"{account}: {counts}")

    def _rehearse(self, account: ExchangeAccount, *, as_json: bool) -> None:
        plan = rehearse_sync(account.pk)
        if as_json:
            self.stdout.write(json.dumps(plan.payload()))
            return
        self.stdout.write(f"{account}: {_headline(plan)}")
        for line in _table(plan):
            self.stdout.write(line)

    def _tell_failure(
        self, account: ExchangeAccount, error: ExchangeError, *, as_json: bool
    ) -> None:
        if as_json:
            told = {"account_id": account.pk, "error": type(error).__name__, "detail": str(error)}
            self.stdout.write(json.dumps(told))
        self.stderr.write(f"{account}: {error}")


def _tracked(named: Sequence[str]) -> list[ExchangeAccount]:
    """Give the accounts that are tracked; one that is named and is not is an error."""
    accounts = chosen_accounts(named)
    active = [account for account in accounts if account.state == AccountState.ACTIVE.value]
    if named and len(active) < len(accounts):
        idle = ", ".join(f"{row} ({row.pk})" for row in accounts if row not in active)
        message = f"not tracked, so not synced: {idle}"
        raise CommandError(message)
    return active


def _headline(plan: SyncPlan) -> str:
    if plan.opens_books:
        return "a sync would first open the books with these holdings"
    if not plan.lines:
        return "a sync would change nothing"
    counts = ", ".join(f"{name} {n}" for name, n in plan.counts.items() if n)
    return f"a sync would change: {counts}"


def _table(plan: SyncPlan) -> Iterable[str]:
    """Write a line a thing, in columns."""
    widths = [
        max((len(text) for text in column), default=0)
        for column in ([line.action for line in plan.lines], [line.subject for line in plan.lines])
    ]
    for line in plan.lines:
        yield f"  {line.action:<{widths[0]}}  {line.subject:<{widths[1]}}  {line}"
