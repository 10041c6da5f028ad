"""What staff put right is written down, told, and leaves clean books."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.books import assert_clean
from tests.factories import AnomalyFactory, StaffFactory, StrategyAccountFactory
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.domain.findings import AnomalyKind
from tracking.models import (
    Anomaly,
    ClosedOrder,
    OpenOrder,
    OrderEvent,
    Repair,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services import repairs
from tracking.services.anomalies import Noticed, report
from tracking.services.order_tracking import sync_open_orders
from tracking.services.repairs import RepairRefusedError

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount

WHY = "placed by hand for the strategy"


def sync(exchange: Exchange) -> None:
    sync_open_orders(exchange.account.pk, full=True, force=True)


def held() -> dict[int | None, Decimal]:
    return {p.strategy_account_id: p.quantity for p in StrategyPosition.objects.all()}


def owners() -> set[int | None]:
    models = (OpenOrder, ClosedOrder, Trade, TradeExecution)
    found = [model.objects.values_list("strategy_account_id", flat=True) for model in models]
    return {owner for rows in found for owner in rows}


def lagging(exchange: Exchange) -> TradeExecution:
    """Give a fill that was inferred, because REST does not show its trades yet."""
    order_id = place_resting(exchange)
    sync(exchange)
    fill(exchange, order_id, "0.3")
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    sync(exchange)
    return TradeExecution.objects.get(source="INFERRED")


def test_an_open_external_order_is_adopted_with_its_fills(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    sync(exchange)
    staff = StaffFactory.create()

    repair = repairs.adopt_order(
        OpenOrder.objects.get(), strategy_account, actor=staff, reason=f" {WHY} "
    )

    assert owners() == {strategy_account.pk}
    assert held() == {None: Decimal(0), strategy_account.pk: Decimal("0.1")}
    assert (repair.user, repair.actor, repair.reason) == (staff, staff.username, WHY)
    assert repair.subject == f"FUTURES:BTC/USDT:USDT:{order_id}"
    assert repair.before["order"]["strategy_account"] is None
    assert repair.after["order"]["strategy_account"] == strategy_account.pk
    assert [p["quantity"] for p in repair.before["positions"]] == ["0.1"]
    assert {p["quantity"] for p in repair.after["positions"]} == {"0", "0.1"}
    assert_clean(exchange.account.pk)


def test_what_an_adopted_order_fills_later_follows_its_owner(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    sync(exchange)
    repairs.adopt_order(OpenOrder.objects.get(), strategy_account, actor="ops", reason=WHY)

    fill(exchange, order_id, "0.2")
    exchange.deliver(*exchange.frames(3))
    drain(exchange)

    assert owners() == {strategy_account.pk}
    assert held()[strategy_account.pk] == Decimal("0.3")
    assert_clean(exchange.account.pk)
    exchange.assert_equal_books()


def test_a_closed_order_is_adopted_and_given_back(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    fill(exchange, place_resting(exchange), "0.3", counterparties=3)
    other = place_resting(exchange)
    fill(exchange, other, "0.1")
    sync(exchange)
    before = held()
    closed = ClosedOrder.objects.get()

    repairs.adopt_order(closed, strategy_account, actor="ops", reason=WHY)
    assert held() == {None: Decimal("0.1"), strategy_account.pk: Decimal("0.3")}
    assert_clean(exchange.account.pk)
    repairs.adopt_order(closed, None, actor="ops", reason="it was not")

    assert held() == {**before, strategy_account.pk: Decimal(0)}
    assert [r.reason for r in Repair.objects.order_by("pk")] == [WHY, "it was not"]
    assert_clean(exchange.account.pk)


def test_an_order_that_ended_since_it_was_looked_at_is_adopted_all_the_same(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    order_id = place_resting(exchange)
    sync(exchange)
    looked_at = OpenOrder.objects.get()
    fill(exchange, order_id, "0.3")
    sync(exchange)

    repairs.adopt_order(looked_at, strategy_account, actor="ops", reason=WHY)

    assert ClosedOrder.objects.get().strategy_account == strategy_account
    assert_clean(exchange.account.pk)


def test_an_adoption_is_told(exchange: Exchange, strategy_account: StrategyAccount) -> None:
    fill(exchange, place_resting(exchange), "0.1")
    sync(exchange)
    last = OrderEvent.objects.order_by("seq").last()
    assert last is not None

    repairs.adopt_order(OpenOrder.objects.get(), strategy_account, actor="ops", reason=WHY)

    told = OrderEvent.objects.filter(seq__gt=last.seq).order_by("seq")
    assert [event.kind for event in told] == [
        "pending_order",
        "execution",
        "trade",
        "position",
        "position",
    ]


def test_what_may_not_be_adopted_is_refused_and_changes_nothing(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    place_resting(exchange)
    sync(exchange)
    order = OpenOrder.objects.get()
    strangers = StrategyAccountFactory.create()
    second = StrategyAccountFactory.create(account=exchange.account)

    for owner, reason, why in (
        (strategy_account, "  ", "say why"),
        (strangers, WHY, "does not use this account"),
        (None, WHY, "belongs there already"),
    ):
        with pytest.raises(RepairRefusedError, match=why):
            repairs.adopt_order(order, owner, actor="ops", reason=reason)
    repairs.adopt_order(order, strategy_account, actor="ops", reason=WHY)
    with pytest.raises(RepairRefusedError, match="give it back"):
        repairs.adopt_order(order, second, actor="ops", reason=WHY)

    assert owners() == {strategy_account.pk}
    assert Repair.objects.count() == 1


def test_an_execution_is_reassigned_with_its_whole_order(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    second = StrategyAccountFactory.create(account=exchange.account)
    fill(exchange, place_resting(exchange), "0.3", counterparties=2)
    sync(exchange)
    first, other = TradeExecution.objects.order_by("exchange_trade_id")
    both = [first.exchange_trade_id, other.exchange_trade_id]
    repairs.reassign_execution(first, strategy_account, confirmed=both, actor="ops", reason=WHY)

    with pytest.raises(RepairRefusedError, match=", ".join(both)):
        repairs.reassign_execution(first, second, confirmed=both[:1], actor="ops", reason=WHY)
    repairs.reassign_execution(first, second, confirmed=both, actor="ops", reason=WHY)

    assert owners() == {second.pk}
    assert held() == {None: 0, strategy_account.pk: 0, second.pk: Decimal("0.3")}
    assert_clean(exchange.account.pk)


def test_a_guess_is_voided_for_good(exchange: Exchange) -> None:
    guess = lagging(exchange)

    repair = repairs.void_execution(guess, actor="ops", reason="the exchange confirmed it is none")
    sync(exchange)

    guess.refresh_from_db()
    assert (guess.disclaimed, guess.voided_at is not None) == (True, True)
    assert held() == {None: Decimal(0)}
    assert [e["voided"] for e in repair.before["executions"]] == [False]
    assert [e["voided"] for e in repair.after["executions"]] == [True]
    assert str(guess.exchange_order_id) in repair.subject
    assert_clean(exchange.account.pk)


def test_the_gap_a_voided_guess_leaves_is_noticed_and_closes_once_it_is_explained(
    exchange: Exchange,
) -> None:
    repairs.void_execution(lagging(exchange), actor="ops", reason="to be sure")
    assert Anomaly.objects.get(kind="FILL_GAP").closed_at is None

    exchange.simulator.faults(reset=True)
    sync(exchange)
    sync(exchange)

    exchange.assert_equal_books()
    assert Anomaly.objects.get(kind="FILL_GAP").closed_at is not None
    assert_clean(exchange.account.pk)


def test_what_the_exchange_told_is_not_voided(exchange: Exchange) -> None:
    fill(exchange, place_resting(exchange), "0.1")
    sync(exchange)

    with pytest.raises(RepairRefusedError, match="may be reassigned, but not voided"):
        repairs.void_execution(TradeExecution.objects.get(), actor="ops", reason=WHY)

    assert not Repair.objects.exists()


def test_what_is_voided_is_not_voided_again(exchange: Exchange) -> None:
    guess = lagging(exchange)
    repairs.void_execution(guess, actor="ops", reason=WHY)

    with pytest.raises(RepairRefusedError, match="voided already"):
        repairs.void_execution(guess, actor="ops", reason=WHY)


def test_an_anomaly_is_closed_and_opens_again_if_it_is_still_true(exchange: Exchange) -> None:
    anomaly = AnomalyFactory.create(account=exchange.account, kind="DRIFT", key="a market")

    repair = repairs.close_anomaly(anomaly, actor=StaffFactory.create(), reason="looked into it")
    report(exchange.account.pk, [Noticed(kind=AnomalyKind.DRIFT, key="a market", detail="again")])

    anomaly.refresh_from_db()
    assert anomaly.closed_reason == "looked into it"
    assert (repair.before["closed_at"], repair.after["closed_reason"]) == (None, "looked into it")
    assert Anomaly.objects.filter(closed_at__isnull=True, key="a market").count() == 1
    with pytest.raises(RepairRefusedError, match="closed already"):
        repairs.close_anomaly(anomaly, actor="ops", reason="again")
