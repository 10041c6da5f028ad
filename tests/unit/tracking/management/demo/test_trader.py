"""What the demo's traders draw."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random

from exchanges.messages import OrderType, Side
from tracking.management.demo.trader import FAR, draw_intent, on_step

PRICES = {
    "BTC/USDT:USDT": Decimal(60_000),
    "ETH/USDT:USDT": Decimal(3_000),
    "SOL/USDT:USDT": Decimal(150),
}
NOTIONAL = (400, 6_000)


def test_the_same_seed_draws_the_same_orders() -> None:
    first, second = (
        [draw_intent(chance, PRICES, NOTIONAL) for _ in range(20)]
        for chance in (Random(7), Random(7))
    )

    assert first == second


def test_orders_are_of_every_kind_in_every_symbol_on_both_sides() -> None:
    chance = Random(1)

    drawn = [draw_intent(chance, PRICES, NOTIONAL) for _ in range(300)]

    assert {intent.symbol for intent in drawn} == set(PRICES)
    assert {intent.side for intent in drawn} == {Side.BUY, Side.SELL}
    kinds = Counter(intent.order_type for intent in drawn)
    assert kinds[OrderType.LIMIT] > kinds[OrderType.MARKET] > 30


def test_some_limit_orders_cross_and_some_are_far_away() -> None:
    chance = Random(1)
    limits = [
        intent
        for intent in (draw_intent(chance, PRICES, NOTIONAL) for _ in range(300))
        if intent.price
    ]

    away = [
        (intent.price / PRICES[intent.symbol] - 1) * (-1 if intent.side is Side.BUY else 1)
        for intent in limits
        if intent.price is not None
    ]

    assert sum(distance < 0 for distance in away) > 30
    assert sum(distance > Decimal(str(FAR[0])) * Decimal("0.99") for distance in away) > 10


def test_no_order_is_too_small_or_too_large() -> None:
    chance = Random(1)

    for intent in (draw_intent(chance, PRICES, NOTIONAL) for _ in range(300)):
        worth = (intent.quantity or Decimal(0)) * PRICES[intent.symbol]
        assert NOTIONAL[0] - 1 < worth < NOTIONAL[1] + 1


def test_amounts_by_hand_stand_on_the_step() -> None:
    assert on_step(Decimal("0.12349"), Decimal("0.001")) == Decimal("0.123")
    assert on_step(Decimal("60000.19"), Decimal("0.10")) == Decimal("60000.10")
