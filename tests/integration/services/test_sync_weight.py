"""
What one sync costs, counted by the exchange.

Twelve USD-M accounts with three live symbols each, syncing every ten seconds, may use half of the
2,400 an address has in a minute.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.utils import timezone

from exchanges.messages import MarketType
from tests.integration.services.conftest import fill_budget
from tracking.models import ExchangeAccount, OrderTrackingSession, SessionStatus
from tracking.services.activity import LOOK_EVERY
from tracking.services.order_tracking import FULL_SYNC_EVERY, sync_open_orders

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

ACCOUNTS = 12
HALF = 2400 / 2
SYMBOLS = (("BTCUSDT", "0.1", "30000"), ("ETHUSDT", "1", "1500"), ("SOLUSDT", "10", "75"))
MINUTE = timedelta(minutes=1)
SYNC_EVERY = timedelta(seconds=10)


def used(exchange: Exchange) -> int:
    weights = exchange.simulator.ledger(summary=True)["weight_by_minute"]
    return sum(weights.values())


def cost(exchange: Exchange, *, full: bool = False, looks: bool = False) -> int:
    """Sync once and count; `looks`: the list of everything traded is due as well."""
    ago = LOOK_EVERY * 2 if looks else timedelta(0)
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - ago)
    fill_budget()
    before = used(exchange)
    sync_open_orders(exchange.account.pk, full=full, force=True)
    return used(exchange) - before


def be_heard(exchange: Exchange) -> None:
    """Let the account's stream live: without one every sync reads the lists of everything."""
    now = timezone.now()
    OrderTrackingSession.objects.create(
        session_id=uuid4(),
        account=exchange.account,
        market_type=exchange.account.market_type,
        owner="somebody",
        epoch=1,
        status=SessionStatus.CONNECTED.value,
        started_at=now,
        connected_at=now,
        last_ping=now,
    )


def test_twelve_accounts_stay_below_half_of_the_budget(exchange: Exchange) -> None:
    for symbol, quantity, price in SYMBOLS:
        exchange.act(
            "place", symbol=symbol, side="BUY", type="LIMIT", quantity=quantity, price=price
        )
    be_heard(exchange)
    sync_open_orders(exchange.account.pk, full=True, force=True)
    for _ in range(2):
        cost(exchange, looks=True)

    usual, looking, full = (
        cost(exchange),
        cost(exchange, looks=True) - cost(exchange),
        cost(exchange, full=True) - cost(exchange),
    )

    # three lists of open orders and the positions
    assert usual == 3 * 1 + 5
    # the balances, and the exchange's time
    assert looking == 5 + 1
    # both lists of all orders, instead of those of three symbols
    assert full == 2 * 40 - 3
    income = 30 * (MINUTE / timedelta(minutes=5) + MINUTE / timedelta(hours=1))
    a_minute = (
        usual * (MINUTE / SYNC_EVERY)
        + looking * (MINUTE / LOOK_EVERY)
        + full * (MINUTE / FULL_SYNC_EVERY)
        + income
    )
    assert MarketType(exchange.account.market_type) is MarketType.FUTURES
    assert ACCOUNTS * a_minute < HALF
