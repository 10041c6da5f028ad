"""`manage.py rebuild_books`: the difference first; then it is gone, and kept as a repair."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from tests.books import FILLED, ORDER, POSITION, assert_clean, example_books, run
from tests.factories import StrategyPositionFactory
from tracking.models import (
    EventKind,
    OrderEvent,
    Repair,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services.books import rebuild
from tracking.services.position_rows import write_recomputed

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount


@pytest.fixture
def account(transactional_db: None) -> ExchangeAccount:
    return example_books()


def rebuilt(*options: str) -> tuple[int, str]:
    """Run it; give status and output."""
    out = io.StringIO()
    try:
        call_command("rebuild_books", *options, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def spoil() -> None:
    Trade.objects.filter(exchange_order_id=FILLED).update(filled_quote=1)
    run(
        "UPDATE tracking_strategyposition SET quantity = quantity + 7, version = version + 1",
    )


def test_right_books_are_left_alone(account: ExchangeAccount) -> None:
    versions = dict(StrategyPosition.objects.values_list("pk", "version"))

    assert rebuilt("--apply") == (
        0,
        f"{account}: 0 trades and 0 positions differ\n",
    )
    assert dict(StrategyPosition.objects.values_list("pk", "version")) == versions
    assert not Repair.objects.exists()


def test_a_dry_run_shows_the_difference_and_writes_nothing(account: ExchangeAccount) -> None:
    spoil()

    status, out = rebuilt("--dry-run")

    assert status == 1
    assert f"{account}: 1 trades and 2 positions differ" in out
    assert f"{ORDER}  trade for 1, its executions are for 306" in out
    assert f"{POSITION} (residual)  quantity is 6, rebuilt -1" in out
    assert Trade.objects.get(exchange_order_id=FILLED).filled_quote == 1
    assert not Repair.objects.exists()


def test_what_differs_is_written_told_and_kept(account: ExchangeAccount) -> None:
    spoil()
    last = OrderEvent.objects.order_by("-seq").values_list("seq", flat=True)[0]

    status, out = rebuilt("--apply", "--reason", "a disk lied")

    assert status == 0
    assert out.endswith("3 rows written\n")
    assert_clean(account.pk)
    repair = Repair.objects.get(subject=ORDER)
    assert (repair.action, repair.reason) == ("REBUILD_BOOKS", "a disk lied")
    assert (repair.before["trade"]["filled_quote"], repair.after["trade"]["filled_quote"]) == (
        "1",
        "306",
    )
    told = OrderEvent.objects.filter(seq__gt=last).order_by("seq")
    assert [event.kind for event in told] == [EventKind.TRADE, *[EventKind.POSITION] * 2]


def test_a_rebuild_that_was_interrupted_goes_on(
    account: ExchangeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil()

    def once(*terms: object) -> StrategyPosition:
        if Repair.objects.count() > 1:
            raise KeyboardInterrupt
        return write_recomputed(*terms)  # type: ignore[arg-type]  # whatever it was given

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "write_recomputed", once)
        with pytest.raises(KeyboardInterrupt):
            rebuilt("--apply")
    assert Repair.objects.count() == 2

    status, out = rebuilt("--apply")

    assert (status, out.splitlines()[-1]) == (0, "1 rows written")
    assert_clean(account.pk)


def test_a_position_that_is_gone_comes_back_and_an_invented_one_is_emptied(
    account: ExchangeAccount,
) -> None:
    StrategyPosition.objects.filter(strategy_account=None).delete()
    invented = StrategyPositionFactory.create(account=account, symbol="ETH/USDT:USDT")

    rebuilt("--apply")

    assert_clean(account.pk)
    invented.refresh_from_db()
    assert (invented.quantity, invented.execution_count) == (Decimal(0), 0)
    assert Repair.objects.get(subject=f"{POSITION} (residual)").before == {"position": None}


def test_a_trade_none_of_whose_executions_counts_is_emptied(account: ExchangeAccount) -> None:
    fills = TradeExecution.objects.filter(exchange_order_id=FILLED)
    fills.update(voided_at=account.created_at)

    rebuilt("--apply")

    trade = Trade.objects.get(exchange_order_id=FILLED)
    assert (trade.filled_quantity, trade.execution_count, trade.commissions) == (0, 0, {})
    assert rebuild.plan(account.pk).size == 0


def test_either_look_or_write_has_to_be_said(account: ExchangeAccount) -> None:
    with pytest.raises(CommandError):
        call_command("rebuild_books")
