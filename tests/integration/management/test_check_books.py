"""`manage.py check_books`: a line an invariant, JSON for programs, a status that can be used."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from tests.factories import ExchangeAccountFactory, StrategyPositionFactory
from tracking.management.commands import check_books
from tracking.models import BooksCheck, ExchangeAccount
from tracking.services.books import AtExchange
from tracking.services.books import check as books_check
from tracking.services.books.invariants import INVARIANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = AtExchange(settled_after=0, patience=0)


def check(*options: str) -> tuple[int, str]:
    """Run it; give status and output."""
    out = io.StringIO()
    try:
        call_command("check_books", *options, stdout=out, at_exchange=QUICK)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def two_accounts() -> Sequence[ExchangeAccount]:
    made: Sequence[ExchangeAccount] = ExchangeAccountFactory.create_batch(2)
    return made


def test_clean_books_are_told_line_by_line() -> None:
    two_accounts()

    status, out = check()

    assert status == 0
    assert out.count("CLEAN") == 2
    assert out.count(" ok ") == 2 * len(INVARIANTS)
    assert "what an order filled is the sum of its live executions" in out


def test_a_violation_is_told_and_ends_with_one() -> None:
    StrategyPositionFactory.create()

    status, out = check()

    assert status == 1
    assert "WRONG RE-14" in out
    assert "FUTURES:BTC/USDT:USDT:NET (residual)  holds 0.5" in out


def test_programs_get_one_object() -> None:
    StrategyPositionFactory.create()

    status, out = check("--json")

    told: dict[str, Any] = json.loads(out)
    (account,) = told["accounts"]
    assert status == 1
    assert told["violations"] == account["violations"] > 0
    assert told["rows_checked"] == sum(line["rows_checked"] for line in account["lines"])
    assert account["state"] == "VIOLATED"


@pytest.mark.parametrize("by", ["name", "id"])
def test_only_the_accounts_that_are_named_are_checked(by: str) -> None:
    _, second = two_accounts()

    check("--account", second.name if by == "name" else str(second.pk))

    assert [row.account_id for row in BooksCheck.objects.all()] == [second.pk]


def test_an_account_nobody_knows_is_no_clean_account() -> None:
    with pytest.raises(CommandError) as refused:
        check("--account", "nobody's")

    assert refused.value.returncode == 3


def test_an_exchange_that_cannot_be_read_ends_with_two() -> None:
    disabled = ExchangeAccountFactory.create(state="DISABLED")

    status, out = check("--exchange", "--account", disabled.name)

    assert status == 2
    assert "?     exchange" in out
    assert "the exchange could not be read" in out


def test_disabled_accounts_are_not_asked_about_unless_named() -> None:
    ExchangeAccountFactory.create(state="DISABLED")

    assert check("--exchange")[0] == 0


def test_what_is_wrong_after_an_interrupted_check_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = ExchangeAccountFactory.create(baseline_at=timezone.now())

    def interrupted(*_args: object, **_terms: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(books_check, "Reader", interrupted)
        with pytest.raises(CommandError, match="interrupted; with --resume") as ended:
            check("--exchange")
    StrategyPositionFactory.create(account=account)

    assert ended.value.returncode == 130
    assert check("--exchange")[0] == 1


def test_a_database_that_cannot_be_read_says_nothing_about_the_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_args: object, **_terms: object) -> None:
        raise OperationalError

    monkeypatch.setattr(check_books, "chosen_accounts", away)

    with pytest.raises(CommandError, match="the database could not be read") as ended:
        check()

    assert ended.value.returncode == 3


def test_no_accounts_are_told_of() -> None:
    assert check() == (0, "there are no accounts\n")
