"""The books of a run against the simulated exchange are clean, and a planted error is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.books import assert_clean
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def test_the_books_of_a_run_are_clean(exchange: Exchange) -> None:
    filled, resting = place_resting(exchange), place_resting(exchange)
    fill(exchange, filled, "0.1")
    fill(exchange, filled, "0.2", counterparties=2)
    fill(exchange, resting, "0.1")
    exchange.deliver(*exchange.frames(6))
    drain(exchange)

    check = assert_clean(exchange.account.pk)

    assert check.rows_checked > 20
