"""A sale below the market is filled at the market's price, so that is what limits count."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.messages import MarketType, OrderType, Side
from tests.integration.services.test_order_manager import SYMBOL, limit, market
from tracking.models import FailedOrder, OpenOrder, StrategyAccount
from tracking.services import clients, market_prices
from tracking.services.order_dispatch import dispatch

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_intents import OrderIntent
    from tracking.services.order_manager import OrderManager

SIZE = Decimal("0.2")


def last_price(exchange: Exchange) -> Decimal:
    client = clients.rest_client(exchange.account)
    known = client.markets.market_of(MarketType.FUTURES, SYMBOL)
    price = market_prices.last_price(client, known)
    assert price is not None
    return price


def sale(price: Decimal, **terms: Any) -> OrderIntent:
    return replace(limit(), side=Side.SELL, price=price, **terms)


@pytest.mark.parametrize("which", ["max_order_notional", "max_daily_notional"])
def test_a_low_price_is_no_way_around_a_limit(
    exchange: Exchange, manager: OrderManager, which: str
) -> None:
    last = last_price(exchange)
    StrategyAccount.objects.update(**{which: last * SIZE / 2})

    request = manager.execute(sale(last.quantize(Decimal(1)) // 3), idempotency_key="1")

    assert (request.outcome, request.sent_at) == ("FAILED", None)
    assert FailedOrder.objects.get().kind == "OVER_LIMIT"
    assert request.notional == last * SIZE


def test_a_stop_s_trigger_counts_where_it_is_dearer_than_its_price(
    exchange: Exchange, manager: OrderManager
) -> None:
    last = last_price(exchange)
    StrategyAccount.objects.update(max_order_notional=last * SIZE / 2)
    trigger = last.quantize(Decimal(1)) * Decimal("0.9")
    stop = sale(trigger // 10, order_type=OrderType.STOP, stop_price=trigger)

    request = manager.execute(stop, idempotency_key="1")

    assert FailedOrder.objects.get().kind == "OVER_LIMIT"
    assert request.sent_at is None


def test_what_fits_at_the_market_s_price_is_sent(exchange: Exchange, manager: OrderManager) -> None:
    last = last_price(exchange).quantize(Decimal(1))
    StrategyAccount.objects.update(max_order_notional=last * 2 * SIZE)

    request = manager.execute(sale(last + 100), idempotency_key="1")

    assert (request.outcome, request.notional) == ("ACCEPTED", (last + 100) * SIZE)
    assert OpenOrder.objects.get().price == last + 100


def test_an_amendment_is_no_way_around_a_limit_either(
    exchange: Exchange, manager: OrderManager
) -> None:
    last = last_price(exchange).quantize(Decimal(1))
    manager.execute(sale(last + 100), idempotency_key="1")
    StrategyAccount.objects.update(max_order_notional=(last + 100) * SIZE)

    amended = manager.amend(
        OpenOrder.objects.get(), quantity=SIZE * 3, price=last // 4, idempotency_key="2"
    )

    assert (amended.outcome, amended.sent_at) == ("FAILED", None)
    assert OpenOrder.objects.get().quantity == SIZE


@pytest.mark.parametrize("is_limited", [False, True])
def test_only_a_limit_makes_an_order_wait_for_a_price(
    exchange: Exchange, manager: OrderManager, *, is_limited: bool
) -> None:
    if is_limited:
        StrategyAccount.objects.update(max_order_notional=1_000_000)
    market_prices.forget()
    exchange.simulator.faults(rest_status={"GET ticker/price": {"status": 503, "count": 1}})

    request = manager.execute(market(), idempotency_key="1")
    assert request.outcome == ("PENDING" if is_limited else "ACCEPTED")

    dispatch([request.pk])
    request.refresh_from_db()
    assert (request.outcome, request.notional is None) == ("ACCEPTED", not is_limited)
