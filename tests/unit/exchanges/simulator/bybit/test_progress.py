"""How far an order had come at a moment, whatever has happened since."""

from __future__ import annotations

from exchanges.simulator.bybit.progress import progress, progress_at
from tests.unit.exchanges.simulator.bybit.house import House


def test_the_past_of_an_order_is_made_of_the_fills_it_had() -> None:
    house = House()
    first = house.fill("BTCUSDT", "0.200")
    order = first.order
    house.engine.fill_resting(order, order.remaining, 1)

    assert progress_at(order, order.created - 1) is None
    told = [progress_at(order, at) for at in (order.created, first.time, order.updated)]
    assert [(seen.word(is_spot=False), str(seen.executed)) for seen in told if seen] == [
        ("New", "0"), ("PartiallyFilled", "0.100"), ("Filled", "0.200")
    ]  # fmt: skip
    assert [seen.updated for seen in told if seen] == [order.created, first.time, order.updated]
    assert progress(order).fees == {"USDT": "2.36"}


def test_only_spot_has_a_word_for_what_ended_with_fills() -> None:
    house = House()
    order = house.fill("BTCUSDT", "0.200").order
    house.engine.cancel(order)
    seen = progress(order)
    assert (seen.word(is_spot=False), seen.word(is_spot=True)) == (
        "Cancelled", "PartiallyFilledCanceled"
    )  # fmt: skip
