"""What rests or rested at the exchange under an id of ours was asked for here, or it is told."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges import registry
from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder
from tests.integration.services.conftest import fill_budget
from tests.integration.services.test_order_fill_monitor import place_resting
from tracking.domain import client_ids
from tracking.models import ClosedOrder, OpenOrder, OrderRequest
from tracking.services import clients
from tracking.services.books import AtExchange, check_account
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount
    from tracking.services.books import Line

#: two looks, the second at once
QUICK = AtExchange(settled_after=0, patience=0)
SYMBOL = "BTC/USDT:USDT"


@pytest.fixture
def name(exchange: Exchange, strategy_account: StrategyAccount) -> str:
    """An id of ours, under which something rests that our database knows nothing of."""
    prefix = registry.adapter(exchange.account.exchange).client_order_ids.prefix
    name = client_ids.compose(strategy_account.token, "restoredorde", prefix=prefix)
    place(exchange, name)
    place_resting(exchange)
    return name


def place(exchange: Exchange, client_order_id: str) -> None:
    order = NewOrder(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        client_order_id=client_order_id,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.1"),
        price=Decimal(int(exchange.price() * 9 // 10)),
    )
    clients.rest_client(exchange.account).place_order(order)


def judged(exchange: Exchange) -> Line:
    fill_budget()
    check = check_account(exchange.account.pk, with_exchange=True, at_exchange=QUICK)
    return next(line for line in check.lines if line.invariant == "RE-13/exchange")


def ask_for(exchange: Exchange, client_order_id: str, action: str = "PLACE") -> None:
    OrderRequest.objects.create(
        user_id=exchange.account.user_id,
        account=exchange.account,
        idempotency_key=action,
        action=action,
        body={},
        market_type="FUTURES",
        symbol=SYMBOL,
        client_order_id=client_order_id,
        created_at=timezone.now(),
    )


def test_an_order_under_our_name_that_nobody_asked_for_is_told(
    exchange: Exchange, name: str
) -> None:
    ask_for(exchange, name, "CANCEL")

    line = judged(exchange)

    assert (line.rows_checked, line.violation_count) == (1, 1)
    (violation,) = line.violations
    assert violation.subject.startswith(f"FUTURES:{SYMBOL}:")
    assert violation.detail == f"has our client order id {name}, and no request asked for it"


def test_it_is_told_as_well_once_it_was_booked_and_ended(exchange: Exchange, name: str) -> None:
    sync_open_orders(exchange.account.pk, full=True, force=True)
    assert OpenOrder.objects.filter(client_order_id=name).exists()
    exchange.act(
        "cancel",
        symbol="BTCUSDT",
        orderId=int(OpenOrder.objects.get(client_order_id=name).exchange_order_id or 0),
    )
    sync_open_orders(exchange.account.pk, full=True, force=True)
    assert ClosedOrder.objects.filter(client_order_id=name).exists()

    assert judged(exchange).violation_count == 1


def test_what_was_asked_for_is_right(exchange: Exchange, name: str) -> None:
    ask_for(exchange, name)

    line = judged(exchange)

    assert (line.rows_checked, line.violation_count) == (1, 0)


def test_a_stranger_s_id_of_our_form_is_not_ours(exchange: Exchange, name: str) -> None:
    ask_for(exchange, name)
    place(exchange, client_ids.compose("other", "000000000000"))
    wrong = list(name)
    wrong[-1], wrong[-2] = wrong[-2], wrong[-1]
    place(exchange, "".join(wrong))

    assert judged(exchange).rows_checked == 1
