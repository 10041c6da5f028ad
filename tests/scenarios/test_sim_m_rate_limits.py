"""SIM-M: everybody is refused and disconnected at the same moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.errors import ExchangeError
from exchanges.governor import Governor
from exchanges.stream_settings import StreamSettings
from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory
from tests.integration.services.conftest import Exchange, fill_budget
from tests.integration.streams.test_supervisor import Worker
from tests.scenarios.stories import fill, place
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OrderTrackingSession,
    StrategyPosition,
    TradeExecution,
)
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread

LIMIT = 2400
BAN = 1
#: comes back as unlike the others as in production
UNHURRIED = StreamSettings(poll=0.5, backoff_base=0.2, backoff_cap=2.0)


@pytest.fixture
def weight_limit() -> int:
    return LIMIT


def many_accounts(simulator: SimulatorThread, one: ExchangeAccount, count: int) -> list[Exchange]:
    """Give so many accounts of one user, with open books."""
    names = [one.api_key, *(f"{one.api_key}{number}" for number in range(1, count))]
    for name in names[1:]:
        simulator.account(name, f"secret-{name}")
        ExchangeAccountFactory.create(user=one.user, api_key=name, api_secret=f"secret-{name}")
    now = timezone.now()
    ExchangeAccount.objects.update(baseline_at=now, income_checked_at=now)
    return [Exchange(simulator, account) for account in ExchangeAccount.objects.order_by("pk")]


@pytest.mark.parametrize("accounts", [20, pytest.param(50, marks=pytest.mark.long)])
def test_sim_m1_many_accounts_refused_and_disconnected_at_once_prolong_no_ban_and_recover(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, accounts: int
) -> None:
    monkeypatch.setattr("exchanges.registry.StreamSettings", lambda **_: UNHURRIED)
    simulator = exchange.simulator
    exchange.close()
    everybody = many_accounts(simulator, exchange.account, accounts)
    worker = Worker()
    worker.step_until(lambda: connected() == accounts)

    too_many = {"*": {"status": 429, "count": 1, "retry_after": 0}}
    simulator.faults(rest_status=too_many, disconnect="abort")
    traders = everybody[::5]
    for each in traders:
        fill(each, place(each, "0.01"), "0.01")
    worker.step_until(lambda: refused(simulator) > 0)
    simulator.faults(ban=BAN)
    for each in traders[:4]:
        with contextlib.suppress(ExchangeError):
            sync_open_orders(each.account.pk, force=True)
    worker.step_until(lambda: connected() == accounts)
    worker.supervisor.stop()

    counted = simulator.ledger(summary=True)
    assert counted["bans"] == 1
    # what was under way when the ban began, and the one sync that learned of it
    assert counted["requests_during_ban"] <= accounts + 1
    assert max(counted["weight_by_minute"].values()) <= LIMIT

    # a full sync of fifty accounts is worth more than a minute's budget: as if minutes passed
    simulator.configure(weight_limit=1_000_000)
    monkeypatch.setattr(Governor, "observe", lambda _self, _used: None)
    for each in traders:
        fill_budget()
        sync_open_orders(each.account.pk, full=True, force=True)
        each.assert_equal_books()
        assert_clean(each.account.pk)
    booked = len(traders)
    assert TradeExecution.objects.filter(execution_quantity="0.01").count() == booked
    assert ClosedOrder.objects.filter(status="FILLED").count() == booked
    assert StrategyPosition.objects.filter(quantity="0.01").count() == booked


def connected() -> int:
    return OrderTrackingSession.objects.filter(status="connected", ended_at=None).count()


def refused(simulator: SimulatorThread) -> int:
    return sum(simulator.ledger(summary=True)["requests_refused"].values())
