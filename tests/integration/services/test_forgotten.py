"""What an exchange has forgotten is marked, told, and not asked about for ever."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.errors import TransientError
from exchanges.messages import Side
from exchanges.questions import Verification
from tests.factories import (
    ClosedOrderFactory,
    ExchangeAccountFactory,
    OpenOrderFactory,
    TradeExecutionFactory,
    TradeFactory,
)
from tests.integration.services.conftest import make_due
from tests.integration.services.spot_ledger import SpotLedger
from tracking.models import Anomaly, ClosedOrder, ExchangeAccount, OpenOrder, TradeExecution
from tracking.services import clients, order_books
from tracking.services.absence import ABSENCE_SPACING
from tracking.services.books.check import check_account
from tracking.services.forgotten import ATTEMPTS
from tracking.services.order_search import OrderKey
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exchanges.questions import OrderRef

pytestmark = pytest.mark.django_db(transaction=True)
SYMBOL = "BTC/USDT"
LONG_AGO = timedelta(days=500)


class Forgetful(SpotLedger):
    """Knows no order."""

    def verify_orders(self, refs: Sequence[OrderRef], **_: object) -> Verification:
        return Verification(requested_at=timezone.now(), not_found=tuple(refs))


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Forgetful:
    ledger = Forgetful()
    monkeypatch.setattr(clients, "rest_client", lambda _account: ledger)
    return ledger


@pytest.fixture
def account(ledger: Forgetful) -> ExchangeAccount:
    del ledger
    made: ExchangeAccount = ExchangeAccountFactory.create(
        market_type="SPOT", baseline_at=timezone.now() - 2 * LONG_AGO
    )
    return made


def unverified(account: ExchangeAccount, at: datetime) -> TradeExecution:
    """Book a fill that the stream told and REST never confirmed."""
    same = {"account": account, "market_type": "SPOT", "symbol": SYMBOL, "exchange_order_id": "77"}
    ClosedOrderFactory.create(
        **same,
        status="FILLED",
        filled_quantity=Decimal("0.5"),
        filled_quote=Decimal("32061.55"),
        exchange_updated_at=at,
    )
    made: TradeExecution = TradeExecutionFactory.create(
        trade=TradeFactory.create(**same, first_executed_at=at),
        exchange_trade_id="9",
        executed_at=at,
        verified=False,
        is_history=True,
        next_verify_at=timezone.now(),
    )
    return made


def ask(account: ExchangeAccount, times: int) -> None:
    for _ in range(times):
        make_due()
        verify_due(account.pk)


def test_a_fill_from_before_all_memory_is_asked_about_no_more(account: ExchangeAccount) -> None:
    fill = unverified(account, timezone.now() - LONG_AGO)

    ask(account, ATTEMPTS)

    fill.refresh_from_db()
    assert fill.unverifiable_at is not None
    assert (fill.verified, fill.voided_at, fill.next_verify_at) == (False, None, None)
    anomaly = Anomaly.objects.get(kind="UNVERIFIABLE")
    assert anomaly.key == "SPOT:BTC/USDT:77"
    assert "remembers fills for 365 days" in anomaly.detail["text"]
    assert "REST is not being asked" not in str(check_account(account.pk))
    books = order_books.books_of(
        OrderKey(
            account_id=account.pk,
            market_type="SPOT",
            symbol=SYMBOL,
            id_space="ORDER",
            exchange_order_id="77",
            client_order_id=None,
        )
    )
    assert isinstance(books["executions"], list)
    assert "unverifiable_at" in str(books["executions"][0])


def test_a_fill_that_may_still_be_told_is_asked_about_on(account: ExchangeAccount) -> None:
    fill = unverified(account, timezone.now() - timedelta(days=80))

    ask(account, ATTEMPTS + 1)

    fill.refresh_from_db()
    assert fill.unverifiable_at is None
    assert fill.next_verify_at is not None


def test_an_exchange_that_does_not_answer_has_forgotten_nothing(
    account: ExchangeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = unverified(account, timezone.now() - LONG_AGO)
    monkeypatch.setattr(Forgetful, "verify_orders", _silent)

    ask(account, ATTEMPTS + 1)

    fill.refresh_from_db()
    assert fill.unverifiable_at is None


def _silent(*_args: object, **_: object) -> Verification:
    raise TransientError


def test_an_order_from_before_all_memory_is_closed_as_one_nobody_can_tell_of(
    account: ExchangeAccount,
) -> None:
    long_ago = timezone.now() - LONG_AGO
    OpenOrderFactory.create(
        account=account,
        market_type="SPOT",
        symbol=SYMBOL,
        exchange_updated_at=long_ago,
        created_at=long_ago,
        next_verify_at=timezone.now(),
    )

    for _ in range(3):
        ask(account, 1)
        OpenOrder.objects.update(not_found_at=timezone.now() - ABSENCE_SPACING)

    order = ClosedOrder.objects.get()
    assert (order.status, order.unverifiable, order.resolved_by_absence) == (
        "CANCELLED",
        True,
        True,
    )
    assert "cannot be verified any more" in order.reason


def test_an_order_heard_of_lately_is_gone_but_not_forgotten(
    account: ExchangeAccount, ledger: Forgetful
) -> None:
    ledger.trade("BTCUSDT", Side.BUY, "0.1", "60000")
    recently = timezone.now() - timedelta(days=2)
    OpenOrderFactory.create(
        account=account,
        market_type="SPOT",
        symbol=SYMBOL,
        exchange_updated_at=recently,
        created_at=recently,
        next_verify_at=timezone.now(),
    )

    for _ in range(3):
        ask(account, 1)
        OpenOrder.objects.update(not_found_at=timezone.now() - ABSENCE_SPACING)

    order = ClosedOrder.objects.get(resolved_by_absence=True)
    assert not order.unverifiable
