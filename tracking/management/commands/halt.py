"""
`manage.py halt`: stop sending new orders, or go on; without a reason, say what is halted.

It asks the database and nothing else, so it works while the web process, the workers or Redis do
not. Orders that are open stay open, and can be cancelled.

@FEAT:order-tracking @COMP:command @TYPE:core
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from tracking.management.account_choice import add_one_account_option, chosen_account
from tracking.models import Halt
from tracking.services import halts

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tracking.models import ExchangeAccount


class Command(BaseCommand):
    """Halt one account, or all, and lift it again."""

    help = "Stop sending new orders on one account or on all; lift it; or show what is halted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--account`, `--reason`, `--lift` and `--by`."""
        add_one_account_option(parser, purpose="which alone is meant; without it, all are")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--reason", metavar="TEXT", help="halt, and say why")
        what.add_argument("--lift", action="store_true", help="let new orders be sent again")
        parser.add_argument("--by", metavar="NAME", help="who does it (default: your login)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Halt, lift or show."""
        account = chosen_account(options["account"]) if options["account"] else None
        by = options["by"] or _login()
        if options["lift"]:
            self._lift(account, by)
        elif options["reason"] is None:
            self._show(account)
        else:
            self._halt(account, options["reason"].strip(), by)

    def _halt(self, account: ExchangeAccount | None, reason: str, by: str) -> None:
        if not reason:
            message = "give a reason: --reason TEXT"
            raise CommandError(message)
        halt = halts.set_halt(account_id=_id(account), reason=reason, actor=by)
        self.stdout.write(_line(halt))

    def _lift(self, account: ExchangeAccount | None, by: str) -> None:
        if halts.lift_halt(account_id=_id(account), actor=by) is None:
            message = f"{_where(account)} is not halted"
            raise CommandError(message)
        self.stdout.write(f"{_where(account)} is not halted any more")
        self._show(account)

    def _show(self, account: ExchangeAccount | None) -> None:
        """Say what stops an account, or what stops anything."""
        every = Halt.objects.filter(lifted_at__isnull=True)
        rows = every if account is None else halts.standing(account.pk)
        for halt in rows.select_related("account").order_by("set_at"):
            self.stdout.write(_line(halt))


def _line(halt: Halt) -> str:
    return (
        f"{_where(halt.account)} halted since {halt.set_at:%F %T} UTC by {halt.set_by}: "
        f"{halt.reason}"
    )


def _where(account: ExchangeAccount | None) -> str:
    return "everything" if account is None else f"account {account}"


def _id(account: ExchangeAccount | None) -> int | None:
    return account.pk if account else None


def _login() -> str:
    """Name who is at the keyboard; in a container there may be no such user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "manage.py"
