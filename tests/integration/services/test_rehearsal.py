"""A dry run tells what a sync would do, does nothing, and is right."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from exchanges.errors import AuthenticationError
from tests.factories import StaffFactory
from tests.integration.services.test_order_fill_monitor import fill, place_resting
from tests.integration.services.test_order_manager import limit
from tracking.api.staff_serializers import SyncResultSerializer
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    Posting,
    StrategyPosition,
    TradeExecution,
)
from tracking.services import verification
from tracking.services.clients import AccountNotActiveError
from tracking.services.order_tracking import sync_open_orders
from tracking.services.rehearsal import rehearse_sync
from tracking.services.sync_plan import PlanAction, PlanLine, SyncPlan

if TYPE_CHECKING:
    from django.test import Client

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

LONG_AGO = timedelta(hours=1)
SYNC = "/admin/system/order-tracking/sync-orders"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer may be late; here it is about what is concluded from it."""
    monkeypatch.setattr(verification, "PATIENT", 60.0)


def database() -> dict[str, str | None]:
    """Hash every row of every table."""
    hashes = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"  # noqa: S608
            )
            hashes[table] = cursor.fetchone()[0]
    return hashes


def rehearse(exchange: Exchange) -> SyncPlan:
    """Rehearse a sync, and see that not a byte of the database is another."""
    before = database()
    plan = rehearse_sync(exchange.account.pk)
    assert database() == before
    return plan


def of(plan: SyncPlan, action: str) -> list[PlanLine]:
    return [line for line in plan.lines if line.action == action]


def after(line: PlanLine, name: str) -> Any:
    return {change.name: change.after for change in line.changes}[name]


def orders() -> dict[str, dict[str, str]]:
    """Every order as the database has it, by exchange order id."""
    rows = [*OpenOrder.objects.all(), *ClosedOrder.objects.all()]
    return {
        str(row.exchange_order_id): {
            "status": row.status,
            "filled_quantity": f"{row.filled_quantity.normalize():f}",
        }
        for row in rows
    }


def predicted_orders(plan: SyncPlan, before: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Every order as the plan would leave it."""
    result = {order_id: dict(row) for order_id, row in before.items()}
    for line in plan.lines:
        if line.action in {"INSERT", "UPDATE", "CLOSE", "REOPEN"}:
            row = result.setdefault(line.subject.rsplit(":", 1)[1], {"filled_quantity": "0"})
            row |= {c.name: str(c.after) for c in line.changes if c.name in row | {"status": 1}}
    return result


def fills() -> set[tuple[str, Decimal, Decimal]]:
    live = TradeExecution.objects.filter(voided_at__isnull=True)
    return {(e.exchange_trade_id, e.execution_price, e.execution_quantity) for e in live}


def predicted_fills(plan: SyncPlan) -> set[tuple[str, Decimal, Decimal]]:
    return {
        (e.exchange_trade_id, Decimal(str(e.price)), Decimal(str(e.quantity)))
        for line in plan.lines
        for e in line.executions
        if not e.changes
    }


def positions() -> dict[str, tuple[Decimal, Decimal]]:
    return {
        _position_name(p): (p.quantity, p.average_price) for p in StrategyPosition.objects.all()
    }


def _position_name(row: StrategyPosition) -> str:
    owner = row.strategy_account_id
    name = f"strategy account {owner}" if owner else "residual"
    return f"{row.market_type}:{row.symbol}:{row.position_side} ({name})"


def assert_comes_true(exchange: Exchange, plan: SyncPlan) -> None:
    """Sync, and find exactly what was predicted."""
    orders_before, fills_before, positions_before = orders(), fills(), positions()

    sync_open_orders(exchange.account.pk, full=True, force=True)

    assert orders() == predicted_orders(plan, orders_before)
    assert fills() - fills_before == predicted_fills(plan)
    changed = {k: v for k, v in positions().items() if positions_before.get(k) != v}
    assert set(changed) == {line.subject for line in of(plan, "POSITION")}
    for line in of(plan, "POSITION"):
        told = {
            change.name: Decimal(str(change.after))
            for change in line.changes
            if change.name in {"quantity", "average_price"}
        }
        was = positions_before.get(line.subject, (Decimal(0), Decimal(0)))
        assert changed[line.subject] == (
            told.get("quantity", was[0]),
            told.get("average_price", was[1]),
        )
    assert rehearse_sync(exchange.account.pk).lines == ()
    exchange.assert_equal_books()


def test_a_sync_of_equal_books_would_change_nothing(exchange: Exchange) -> None:
    place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)

    assert rehearse(exchange).lines == ()


def test_everything_a_sync_finds_is_told_and_comes_true(
    exchange: Exchange, manager: OrderManager
) -> None:
    working, ended, cancelled = (place_resting(exchange) for _ in range(3))
    manager.execute(limit(), idempotency_key="one")
    sync_open_orders(exchange.account.pk, full=True, force=True)
    ours = OpenOrder.objects.get(placed_by_us=True)
    fill(exchange, working, "0.1")
    fill(exchange, ended, "0.3", counterparties=3)
    fill(exchange, int(ours.exchange_order_id or 0), "0.2")
    exchange.act("cancel", symbol="BTCUSDT", orderId=cancelled)
    unknown = place_resting(exchange)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.act("place", symbol="SOLUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.act("place", symbol="SOLUSDT", side="SELL", type="MARKET", quantity="1")
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - LONG_AGO)

    plan = rehearse(exchange)

    counts = plan.counts
    assert (counts["insert"], counts["update"], counts["close"]) == (1, 1, 6)
    (inserted,) = of(plan, "INSERT")
    assert inserted.subject.endswith(str(unknown))
    assert after(inserted, "status") == "NEW"
    (updated,) = of(plan, "UPDATE")
    assert after(updated, "status") == "PARTIALLY_FILLED"
    assert [str(e.quantity) for e in updated.executions] == ["0.1"]
    assert "status NEW → PARTIALLY_FILLED" in str(updated)
    assert {str(line) for line in of(plan, "HOLDING")} >= {"booked 0 → 1; held 1, then equal"}
    assert_comes_true(exchange, plan)


def test_an_order_whose_trades_rest_does_not_show_yet_is_told_as_a_guess(
    exchange: Exchange,
) -> None:
    order_id = place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    fill(exchange, order_id, "0.3")
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})

    plan = rehearse(exchange)

    (closed,) = of(plan, "CLOSE")
    assert [(e.exchange_trade_id, e.source) for e in closed.executions] == [
        ("inferred", "INFERRED")
    ]
    sync_open_orders(exchange.account.pk, full=True, force=True)
    assert fills() == predicted_fills(plan)


def test_an_order_the_exchange_does_not_know_is_told_and_not_counted(exchange: Exchange) -> None:
    place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    OpenOrder.objects.update(exchange_order_id="77", created_at=timezone.now() - LONG_AGO)

    plan = rehearse(exchange)

    (line,) = of(plan, "NOT_FOUND")
    assert str(line) == "not_found_count 0 → 1; asked about again"
    assert OpenOrder.objects.filter(not_found_count=0).exists()


def test_the_answer_that_would_be_the_third_ends_the_order_in_the_plan(exchange: Exchange) -> None:
    place_resting(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    OpenOrder.objects.update(
        exchange_order_id="77",
        created_at=timezone.now() - LONG_AGO,
        not_found_count=2,
        not_found_at=timezone.now() - timedelta(seconds=20),
    )

    plan = rehearse(exchange)

    (line,) = of(plan, "CLOSE")
    assert (line.subject, after(line, "status")) == ("FUTURES:BTC/USDT:USDT:77", "CANCELLED")
    assert any("NOT_FOUND" in str(told) for told in of(plan, "ANOMALY"))
    sync_open_orders(exchange.account.pk, full=True, force=True)
    assert ClosedOrder.objects.get(exchange_order_id="77").status == "CANCELLED"


def test_a_drift_is_told_and_not_booked(exchange: Exchange) -> None:
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    sync_open_orders(exchange.account.pk, full=True, force=True)
    StrategyPosition.objects.update(quantity=5)

    plan = rehearse(exchange)

    assert [str(line) for line in of(plan, "HOLDING")] == ["booked 5 → 5; held 1, still apart"]
    assert [line.subject for line in of(plan, "ANOMALY")] == ["FUTURES:ETH/USDT:USDT:NET"]
    assert not Anomaly.objects.exists()


def test_many_unknown_orders_are_asked_for_as_a_sync_would(exchange: Exchange) -> None:
    sync_open_orders(exchange.account.pk, full=True, force=True)
    for _ in range(25):
        fill(exchange, place_resting(exchange), "0.1")

    plan = rehearse(exchange)

    assert plan.counts["insert"] == 25
    assert_comes_true(exchange, plan)


def test_books_that_are_not_open_yet_would_be_opened(
    account: ExchangeAccount, exchange: Exchange
) -> None:
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    ExchangeAccount.objects.update(baseline_at=None)

    plan = rehearse(exchange)

    assert plan.opens_books
    assert [(line.action, line.subject, str(line)) for line in plan.lines] == [
        (PlanAction.OPENING, "FUTURES:ETH/USDT:USDT:NET", "quantity nothing → 1")
    ]


def test_a_refused_key_is_said_and_stops_nothing(exchange: Exchange) -> None:
    exchange.simulator.faults(account=exchange.key, invalid_key=True)
    before = database()

    with pytest.raises(AuthenticationError):
        rehearse_sync(exchange.account.pk)

    assert database() == before


def test_an_account_that_is_not_tracked_is_not_asked_about(exchange: Exchange) -> None:
    ExchangeAccount.objects.update(state="DISABLED")

    with pytest.raises(AccountNotActiveError):
        rehearse_sync(exchange.account.pk)


def test_a_plan_is_json(exchange: Exchange) -> None:
    fill(exchange, place_resting(exchange), "0.1")

    told = json.loads(json.dumps(rehearse(exchange).payload()))

    assert told["counts"]["insert"] == 1
    (line,) = (line for line in told["lines"] if line["action"] == "INSERT")
    assert line["executions"][0]["quantity"] == "0.1"
    assert {"name": "status", "before": None, "after": "PARTIALLY_FILLED"} in line["changes"]


def test_a_plan_is_shown_in_the_admin(exchange: Exchange, client: Client) -> None:
    client.force_login(StaffFactory.create())
    order_id = place_resting(exchange)
    before = database()

    page = client.post(
        reverse("admin:tracking_exchangeaccount_changelist"),
        {"action": "rehearse_sync", "_selected_action": [str(exchange.account.pk)]},
    )

    shown = page.content.decode()
    assert f"<td>INSERT</td><td>FUTURES:BTC/USDT:USDT:{order_id}</td>" in shown
    assert database() == before


@pytest.mark.parametrize("by_account", [True, False])
def test_the_api_plans_and_then_does(exchange: Exchange, *, by_account: bool) -> None:
    staff = APIClient()
    staff.force_authenticate(StaffFactory.create())
    pk = exchange.account.pk
    path = f"/api/v1/accounts/{pk}/sync/" if by_account else SYNC
    fill(exchange, place_resting(exchange), "0.1")
    before = database()

    planned = staff.post(path, {"account_id": pk, "dry_run": True}, format="json").json()

    assert database() == before
    done = staff.post(path, {"account_id": pk}, format="json").json()
    counts = ("inserted", "updated", "closed", "executions")
    assert [planned[name] for name in counts] == [done[name] for name in counts] == [1, 0, 0, 1]
    assert (planned["dry_run"], done["dry_run"], done["plan"]) == (True, False, None)
    assert {line["action"] for line in planned["plan"]["lines"]} == {
        "INSERT",
        "POSITION",
        "HOLDING",
    }
    serializer = SyncResultSerializer(planned)
    assert json.loads(json.dumps(serializer.data)) == planned


def test_money_that_moved_is_told_and_booked_by_the_sync_only(exchange: Exchange) -> None:
    sync_open_orders(exchange.account.pk, full=True, force=True)
    exchange.act("transfer", amount="50")
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - LONG_AGO)

    plan = rehearse(exchange)

    (line,) = plan.lines
    assert (line.action, line.subject) == ("POSTING", "FUTURES:USDT")
    assert "TRANSFER 50 USDT" in str(line)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    assert Posting.objects.get().key in str(line)
    assert rehearse(exchange).lines == ()
