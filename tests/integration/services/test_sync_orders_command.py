"""`manage.py sync_orders`: for people a table, for programs JSON, dry or not."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import ExchangeAccountFactory
from tests.integration.services.conftest import fill_budget
from tests.integration.services.test_order_fill_monitor import fill, place_resting
from tracking.models import OpenOrder

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("sync_orders", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_dry_run_shows_a_table_and_books_nothing(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")

    told = run("--dry-run")

    assert "a sync would change: insert 1, position 1, holding 1, executions 1" in told
    assert f"INSERT    FUTURES:BTC/USDT:USDT:{order_id}" in told
    assert "+ BUY 0.1 @" in told
    assert not OpenOrder.objects.exists()


def test_a_dry_run_of_equal_books_says_so(exchange: Exchange) -> None:
    assert "a sync would change nothing" in run("--dry-run", "--account", str(exchange.account.pk))


def test_json_has_the_plan_and_then_the_result(exchange: Exchange) -> None:
    place_resting(exchange)

    plan: dict[str, Any] = json.loads(run("--dry-run", "--json"))
    result: dict[str, Any] = json.loads(run("--json"))

    assert plan["account_id"] == result["account_id"] == exchange.account.pk
    assert plan["counts"]["insert"] == result["inserted"] == 1


def test_an_exchange_that_cannot_be_read_is_an_error(exchange: Exchange) -> None:
    exchange.simulator.faults(account=exchange.key, invalid_key=True)
    out = StringIO()

    with pytest.raises(CommandError, match="1 account\\(s\\) could not be read"):
        call_command("sync_orders", "--dry-run", "--json", stdout=out, stderr=StringIO())

    assert json.loads(out.getvalue())["error"] == "AuthenticationError"


@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_a_spent_budget_is_told_plainly(exchange: Exchange, how: list[str]) -> None:
    fill_budget(-1_000_000)
    err = StringIO()

    with pytest.raises(CommandError):
        call_command("sync_orders", *how, stdout=StringIO(), stderr=err)

    fill_budget()
    assert "the request budget is spent by live trading: try again later" in err.getvalue()


def test_an_account_nobody_tracks_is_an_error(exchange: Exchange) -> None:
    idle = ExchangeAccountFactory.create(state="DISABLED")

    with pytest.raises(CommandError, match="no account has the name or id"):
        run("--account", str(exchange.account.pk + 1000))
    with pytest.raises(CommandError, match=f"not tracked, so not synced: .* \\({idle.pk}\\)"):
        run("--account", exchange.account.name, idle.name)


def test_only_the_accounts_that_are_named_are_synced(exchange: Exchange) -> None:
    other = ExchangeAccountFactory.create(
        api_key=exchange.account.api_key, api_secret=exchange.account.api_secret
    )

    by_name = json.loads(run("--dry-run", "--json", "--account", exchange.account.name))
    both = run("--dry-run", "--json", "--account", exchange.account.name, str(other.pk))

    assert by_name["account_id"] == exchange.account.pk
    assert [json.loads(line)["account_id"] for line in both.splitlines()] == sorted(
        [exchange.account.pk, other.pk]
    )
