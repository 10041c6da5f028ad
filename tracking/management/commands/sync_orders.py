"""`manage.py sync_orders`: make the books agree with the exchange now."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from exchanges.errors import ExchangeError
from tracking.models import AccountState, ExchangeAccount
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Sync one account, or all that are tracked, and say what changed."""

    help = "Compare open orders, holdings and trades with the exchange and book the differences."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--account`."""
        parser.add_argument("--account", type=int, help="one account's id; without it, all")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sync and report; fails if any account could not be read."""
        accounts = ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value).order_by("pk")
        if options["account"] is not None:
            accounts = accounts.filter(pk=options["account"])
            if not accounts:
                message = f"no tracked account has the id {options['account']}"
                raise CommandError(message)
        failed = 0
        for account in accounts:
            try:
                result = asdict(sync_open_orders(account.pk, full=True, force=True))
            except ExchangeError as error:
                failed += 1
                self.stderr.write(f"{account}: {error}")
                continue
            counts = ", ".join(f"{name} {n}" for name, n in result.items() if type(n) is int)
            self.stdout.write(f"{account}: {counts}")
        if failed:
            message = f"{failed} account(s) could not be synced"
            raise CommandError(message)
