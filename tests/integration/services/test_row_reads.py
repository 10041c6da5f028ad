"""Rows read by a written condition are the rows the ORM would have read."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.factories import ExchangeAccountFactory, TradeFactory
from tracking.models import ExchangeAccount, Trade
from tracking.services import row_reads


@pytest.mark.django_db
def test_every_column_is_what_the_orm_reads() -> None:
    trade = TradeFactory.create(commissions={"USDT": "0.5"})

    for model, pk in ((Trade, trade.pk), (ExchangeAccount, trade.account_id)):
        read, expected = row_reads.read_one(model, pk), model._base_manager.get(pk=pk)
        columns = [field.attname for field in model._meta.concrete_fields]
        assert [getattr(read, c) for c in columns] == [getattr(expected, c) for c in columns]
        assert not read._state.adding


@pytest.mark.django_db
def test_a_column_left_out_is_read_when_it_is_looked_at() -> None:
    account = ExchangeAccountFactory.create(api_secret="hidden")

    read = row_reads.read_one(ExchangeAccount, account.pk, leave_out=("api_secret",))

    assert read.get_deferred_fields() == {"api_secret"}
    assert read.api_secret == "hidden"


@pytest.mark.django_db
def test_rows_come_in_order_and_locked_without_blocking_those_that_refer_to_them() -> None:
    account = ExchangeAccountFactory.create()
    trades = [TradeFactory.create(account=account) for _ in range(3)]

    with (
        transaction.atomic(),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        found = row_reads.read(Trade, "account_id = %s", [account.pk], order="id DESC", lock=True)

    assert [trade.pk for trade in found] == [trade.pk for trade in reversed(trades)]
    assert queries[-1]["sql"].endswith("FOR NO KEY UPDATE")


@pytest.mark.django_db
def test_a_row_that_is_not_there_is_missed_by_its_models_name() -> None:
    with pytest.raises(Trade.DoesNotExist):
        row_reads.read_one(Trade, 404)
