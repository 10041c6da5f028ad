"""Which accounts a command means: those named by name or id, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import CommandError
from django.db.models import Q

from tracking.models import ExchangeAccount
from tracking.selectors import SECRETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser


def add_account_option(parser: CommandParser) -> None:
    """Take `--account NAME_OR_ID …`, as often as one likes."""
    parser.add_argument(
        "--account",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME_OR_ID",
        help="names or ids of accounts; without it, all",
    )


def add_one_account_option(parser: CommandParser, *, required: bool = False, purpose: str) -> None:
    """Take `--account NAME_OR_ID`, once."""
    parser.add_argument(
        "--account",
        required=required,
        metavar="NAME_OR_ID",
        help=f"name or id of an account, {purpose}",
    )


def chosen_account(name: str) -> ExchangeAccount:
    """Give the one account. Raises CommandError for none and for several of one name."""
    found = chosen_accounts([name])
    if len(found) > 1:
        ids = ", ".join(str(account.pk) for account in found)
        message = f"several accounts have the name or id {name!r}; give the id of one: {ids}"
        raise CommandError(message)
    return found[0]


def chosen_accounts(named: Sequence[str], *, returncode: int = 1) -> list[ExchangeAccount]:
    """Give the accounts; several of one name are all meant. Raises CommandError for none."""
    rows = ExchangeAccount.objects.defer(*SECRETS).order_by("pk")
    if not named:
        return list(rows)
    found: dict[int, ExchangeAccount] = {}
    for name in named:
        is_id = Q(pk=int(name)) if name.isascii() and name.isdigit() else Q()
        fitting = list(rows.filter(Q(name=name) | is_id)) if is_id else list(rows.filter(name=name))
        if not fitting:
            message = f"no account has the name or id {name!r}"
            raise CommandError(message, returncode=returncode)
        found |= {row.pk: row for row in fitting}
    return [found[pk] for pk in sorted(found)]
