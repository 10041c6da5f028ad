"""What REST has yet to confirm is asked about until it has, whatever has ended meanwhile."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import ClosedOrder, OpenOrder, TradeExecution
from tracking.services.verification_queue import accounts_due, verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def live(exchange: Exchange) -> list[tuple[Decimal, str, bool]]:
    rows = TradeExecution.objects.filter(account=exchange.account, voided_at=None)
    return [(e.execution_quantity, e.source, e.verified) for e in rows.order_by("executed_at")]


def test_a_fill_an_ended_order_is_late_to_tell_is_asked_about_until_rest_answers(
    exchange: Exchange,
) -> None:
    order_id = place_resting(exchange, "0.5")
    fill(exchange, order_id, "0.1")
    exchange.simulator.faults(hide_trade_ids=True)
    fill(exchange, order_id, "0.2")
    exchange.act("cancel", symbol="BTCUSDT", orderId=order_id)
    new, first, late, ended = exchange.frames(4)
    exchange.simulator.faults(reset=True, rest_status=503)
    # the word of the end does not know of the last fill, and that fill's has no trade
    exchange.deliver(new, first, re.sub('"z":"[^"]*"', '"z":"0.1"', ended))
    drain(exchange)
    assert ClosedOrder.objects.get().filled_quantity == Decimal("0.1")

    exchange.deliver(late)
    drain(exchange)

    closed = ClosedOrder.objects.get()
    assert (closed.status, closed.filled_quantity) == ("CANCELLED", Decimal("0.3"))
    assert live(exchange) == [
        (Decimal("0.1"), "WS", False),
        (Decimal("0.2"), "INFERRED", False),
    ]
    for _ in range(3):
        make_due()
        assert accounts_due(timezone.now()) == [exchange.account.pk]
        verify_due(exchange.account.pk)
    assert not TradeExecution.objects.filter(next_verify_at=None).exists()

    exchange.simulator.faults(reset=True)
    make_due()
    verify_due(exchange.account.pk)

    assert not OpenOrder.objects.exists()
    assert live(exchange) == [
        (Decimal("0.1"), "WS", True),
        (Decimal("0.2"), "REST_TRADES", True),
    ]
    exchange.assert_equal_books()
