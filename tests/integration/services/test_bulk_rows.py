"""Rows inserted by COPY are the rows the ORM would have inserted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from tests.factories import ExchangeAccountFactory, TradeFactory
from tracking.models import ClosedOrder, OrderEvidence, Trade, TradeExecution
from tracking.models.fields import compressed
from tracking.services import bulk_rows

AWKWARD = 'tab\t newline\n return\r backslash \\N \\. quote " 체결 \\'


def execution(trade: Trade, **columns: object) -> TradeExecution:
    now = timezone.now()
    same = {
        name: getattr(trade, name)
        for name in ("market_type", "symbol", "id_space", "exchange_order_id", "side")
    }
    defaults = {
        "exchange_trade_id": "1",
        "execution_price": Decimal("64123.100000000000000001"),
        "execution_quantity": Decimal("1E-18"),
        "executed_at": now,
        "source": "WS",
        "created_at": now,
    }
    made = same | defaults | columns
    return TradeExecution(trade_id=trade.pk, account_id=trade.account_id, **made)


@pytest.mark.django_db
def test_every_column_comes_back_as_it_went_in() -> None:
    made = execution(TradeFactory.create(), commission=Decimal("-0.5"), commission_asset="BNB")

    bulk_rows.insert([made])

    stored = TradeExecution.objects.get()
    columns = [f.attname for f in TradeExecution._meta.concrete_fields if not f.primary_key]
    assert [getattr(stored, name) for name in columns] == [getattr(made, name) for name in columns]


@pytest.mark.django_db
def test_awkward_text_and_json_survive() -> None:
    trade = TradeFactory.build(
        account=ExchangeAccountFactory.create(),
        client_order_id=AWKWARD,
        commissions={AWKWARD: AWKWARD},
    )

    bulk_rows.insert([trade])

    stored = Trade.objects.get()
    assert stored.client_order_id == AWKWARD
    assert stored.commissions == {AWKWARD: AWKWARD}


@pytest.mark.django_db
def test_rows_that_others_refer_to_get_the_keys_of_their_sequence() -> None:
    account = ExchangeAccountFactory.create()
    trades = [TradeFactory.build(account=account) for _ in range(3)]

    bulk_rows.insert_with_keys(trades)
    bulk_rows.insert([execution(trade) for trade in trades])

    assert [trade.pk for trade in trades] == sorted(Trade.objects.values_list("pk", flat=True))
    assert TradeFactory.create(account=account).pk > trades[-1].pk


@pytest.mark.django_db
def test_constraints_hold_and_fail_with_the_error_of_an_insert() -> None:
    trade = TradeFactory.create()

    with pytest.raises(IntegrityError, match="execution_identity"):
        bulk_rows.insert([execution(trade), execution(trade)])


@pytest.mark.django_db
def test_nothing_to_insert_is_no_statement() -> None:
    bulk_rows.insert([])
    bulk_rows.insert_with_keys([])

    assert not ClosedOrder.objects.exists()


@pytest.mark.django_db
def test_a_tuple_is_an_array() -> None:
    account = ExchangeAccountFactory.create()
    texts = (AWKWARD, "", "a,b", "{}", "NULL")
    answers: Any = compressed(AWKWARD)
    made = OrderEvidence(
        account_id=account.pk,
        market_type="FUTURES",
        symbol="BTC/USDT:USDT",
        sources=("WS", "REST_ORDER"),
        stream_event_ids=(2**40, 1),
        answers=answers,
        changed=True,
        status_after="NEW",
        findings=texts,
        created_at=timezone.now(),
    )

    bulk_rows.insert([made])

    stored = OrderEvidence.objects.get()
    assert (stored.sources, stored.stream_event_ids) == (["WS", "REST_ORDER"], [2**40, 1])
    assert (stored.answers, stored.findings) == (AWKWARD, list(texts))
