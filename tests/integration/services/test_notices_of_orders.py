"""What becomes of real orders, as their user is told of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderType, Side
from tests.integration.services.conftest import SYMBOL
from tracking.models import Notice, NoticeChannel
from tracking.services import notices
from tracking.services.notice_gathering import gather
from tracking.services.order_intents import OrderIntent
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_order_that_fills_and_one_that_is_refused_are_told(
    exchange: Exchange, manager: OrderManager
) -> None:
    channel = NoticeChannel(user=exchange.account.user, name="phone", url="tgram://x")
    notices.begin_at_present(channel)
    channel.save()
    for key, quantity in (("fills", "0.01"), ("refused", "1000")):
        manager.execute(
            OrderIntent(
                symbol=SYMBOL,
                side=Side.BUY,
                order_type=OrderType.MARKET,
                quantity=Decimal(quantity),
            ),
            idempotency_key=key,
        )
    sync_open_orders(exchange.account.pk, full=True, force=True)

    gather(timezone.now())

    failure, fill = Notice.objects.order_by("kind")
    assert fill.title.startswith(f"Filled: BUY 0.01 {SYMBOL} at ")
    assert f"BUY MARKET 1000 {SYMBOL}" in failure.title
    assert "Insufficient funds" in failure.text
