"""The books follow from what was heard: replayed from nothing they come out the same."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests.integration.services.conftest import make_due
from tests.integration.services.test_chaos import Chaos
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tests.integration.services.test_order_manager import market
from tracking.models import (
    ClosedOrder,
    OrderEvidence,
    Repair,
    StrategyPosition,
    StreamEvent,
    TradeExecution,
)
from tracking.services.order_tracking import sync_open_orders
from tracking.services.replay import Replayed, replay
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager


def long_ago() -> datetime:
    return timezone.now() - timedelta(days=1)


def replayed(exchange: Exchange) -> Replayed:
    return replay(exchange.account.pk, long_ago())


def everything() -> dict[str, Any]:
    """Every row of every table with the transaction that wrote it, and the scratch schemas."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("tracking").get_models():
            table = model._meta.db_table
            cursor.execute(f'SELECT t::text, xmin::text FROM "{table}" t ORDER BY 1')  # noqa: S608
            found[table] = cursor.fetchall()
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replay%'")
        found["schemas"] = cursor.fetchall()
    return found


def dictionaries(cursor: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def a_filled_order(exchange: Exchange) -> int:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.2", counterparties=2)
    exchange.deliver(*exchange.frames(4))
    drain(exchange)
    return order_id


def test_a_filled_order_comes_out_the_same(exchange: Exchange) -> None:
    a_filled_order(exchange)

    result = replayed(exchange)

    assert result.differences == []
    assert result.compared == {"order": 1, "trade": 1, "execution": 3, "position": 1}
    assert (result.frames, result.unreadable, result.skipped) == (4, 0, {})
    assert result.answers > 0


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happened_comes_out_the_same(
    exchange: Exchange, manager: OrderManager, seed: int
) -> None:
    chaos = Chaos(exchange, manager, seed)
    chaos.run()
    chaos.settle()

    result = replayed(exchange)

    assert result.differences == []
    assert result.compared["execution"] > 5
    assert result.skipped == {}


def test_what_only_rest_told_comes_out_the_same(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    fill(exchange, order_id, "0.3", counterparties=3)
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    sync_open_orders(exchange.account.pk, force=True)
    exchange.simulator.faults(reset=True)
    for _ in range(3):
        make_due()
        verify_due(exchange.account.pk)

    result = replayed(exchange)

    assert result.frames == 0
    assert result.compared["execution"] == 3
    assert result.differences == []


def test_no_live_row_is_touched_and_nothing_is_published(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(market(), idempotency_key="1")
    a_filled_order(exchange)
    before = everything()
    with redis.Redis.from_url(settings.REDIS_STATE_URL) as server, server.pubsub() as heard:
        heard.psubscribe("*")
        heard.get_message(timeout=1)

        result = replayed(exchange)

        assert heard.get_message(timeout=0.2) is None
    assert result.differences == []
    assert everything() == before
    assert before["schemas"] == []


def test_a_fill_that_was_taken_away_is_a_difference(exchange: Exchange) -> None:
    order_id = a_filled_order(exchange)
    taken = TradeExecution.objects.order_by("pk")[0]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_tradeexecution WHERE id = %s", [taken.pk])

    result = replayed(exchange)

    found = {(d.kind, d.column): d for d in result.differences}
    assert found.keys() == {("execution", ""), ("position", "quantity")}
    missing = found["execution", ""]
    assert missing.live is None
    assert str(order_id) in missing.key
    assert taken.exchange_trade_id in missing.key


def test_a_column_that_was_changed_is_a_difference(exchange: Exchange) -> None:
    a_filled_order(exchange)
    ClosedOrder.objects.update(status="CANCELLED")

    (found,) = replayed(exchange).differences

    assert (found.kind, found.column) == ("order", "status")
    assert (found.live, found.replayed) == ("CANCELLED", "FILLED")


def test_an_order_that_is_gone_is_a_difference(exchange: Exchange) -> None:
    a_filled_order(exchange)
    ClosedOrder.objects.all().delete()

    found = [d for d in replayed(exchange).differences if d.kind == "order"]

    assert [d.live for d in found] == [None]


def test_orders_that_cannot_be_replayed_are_counted_with_the_reason(exchange: Exchange) -> None:
    gone, repaired, old, whole = (a_filled_order(exchange) for _ in range(4))
    StreamEvent.objects.filter(
        pk=OrderEvidence.objects.filter(exchange_order_id=str(gone))[0].stream_event_ids[0]
    ).delete()
    OrderEvidence.objects.filter(exchange_order_id=str(old)).update(status_before="NEW")
    Repair.objects.create(
        account=exchange.account,
        actor="anna",
        action="VOID_EXECUTION",
        subject=f"FUTURES:BTC/USDT:USDT:{repaired} execution 5",
        reason="never happened",
        before={},
        after={},
        created_at=timezone.now(),
    )

    result = replayed(exchange)

    assert result.skipped == {
        "frames no longer kept": 1,
        "changed by hand": 1,
        "began before": 1,
    }
    assert result.compared["order"] == 1
    assert result.differences == []
    assert whole


def test_the_scratch_schema_can_be_kept_and_holds_no_keys(exchange: Exchange) -> None:
    a_filled_order(exchange)

    result = replay(exchange.account.pk, long_ago(), keep=True)

    with connection.cursor() as cursor:
        cursor.execute(f'TABLE "{result.schema}".tracking_tradeexecution')
        assert len(cursor.fetchall()) == 3
        cursor.execute(f'TABLE "{result.schema}".tracking_exchangeaccount')
        (account,) = dictionaries(cursor)
        assert (account["api_key"], account["api_secret"]) == ("", "")
        cursor.execute(f'DROP SCHEMA "{result.schema}" CASCADE')
    assert StrategyPosition.objects.get().quantity > 0


def test_a_replay_that_fails_leaves_no_schema_and_the_live_tables_in_sight(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_filled_order(exchange)
    before = everything()

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("tracking.services.replay._replay", fail)
    with pytest.raises(RuntimeError):
        replayed(exchange)

    assert everything() == before


def command(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("replay", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_by_its_exit_whether_the_books_agree(exchange: Exchange) -> None:
    a_filled_order(exchange)
    account = ("--account", str(exchange.account.pk))

    assert command(*account)[0] == 0
    assert command("--account", exchange.account.name)[0] == 0
    ClosedOrder.objects.update(status="CANCELLED")
    code, told = command(*account, "--since", "2h")
    as_json = json.loads(command(*account, "--json")[1])

    assert code == 1
    assert "1 difference(s)" in told
    assert "CANCELLED  FILLED" in told
    assert as_json["compared"]["execution"] == 3
    assert as_json["differences"][0]["column"] == "status"
    since = timezone.now() + timedelta(minutes=1)
    assert command(*account, "--since", since.isoformat())[0] == 0


@pytest.mark.django_db
def test_the_command_refuses_what_it_cannot_read() -> None:
    with pytest.raises(CommandError, match="expected a time such as"):
        command("--account", "1", "--since", "soon")
    with pytest.raises(CommandError, match="no account has the name or id '1'"):
        command("--account", "1")
