"""Whoever works in a scratch schema cannot reach the live tables, whatever becomes of the link."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tests.factories import ExchangeAccountFactory, OpenOrderFactory
from tracking.models import ExchangeAccount, OpenOrder
from tracking.services.scratch_schema import scratch_schema

pytestmark = pytest.mark.django_db(transaction=True)


def schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (name,) = cursor.fetchone()
    return str(name)


def test_a_connection_that_is_made_anew_sees_the_copies_as_well() -> None:
    ExchangeAccountFactory.create()
    before = schema()

    with scratch_schema("scratch_one"):
        connection.close()

        assert schema() == "scratch_one"
        assert not ExchangeAccount.objects.exists()

    assert schema() == before
    assert ExchangeAccount.objects.count() == 1


def test_the_copies_have_the_constraints_and_their_own_numbers() -> None:
    live = OpenOrderFactory.create()
    columns = {
        name: getattr(live, name)
        for name in ("account_id", "market_type", "symbol", "exchange_order_id", "side", "quantity")
    } | {"order_type": "LIMIT", "created_at": timezone.now(), "updated_at": timezone.now()}

    with scratch_schema("scratch_two"):
        first = OpenOrder.objects.create(**columns, status="NEW")
        with pytest.raises(IntegrityError, match="unique"), transaction.atomic():
            OpenOrder.objects.create(**columns, status="NEW")
        with pytest.raises(IntegrityError, match="check"), transaction.atomic():
            OpenOrder.objects.create(**columns | {"symbol": "X"}, status="FILLED")
        assert first.pk == 1

    assert OpenOrder.objects.get() == live


def test_what_is_not_tracked_is_out_of_sight() -> None:
    with scratch_schema("scratch_three") as live, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('auth_user'), to_regclass(%s)", [f"{live}.auth_user"])
        (near, by_full_name) = cursor.fetchone()

    assert near is None
    assert by_full_name is not None
