"""The snapshot holds what the live page shows and says where the stream goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories
from tracking.models import SessionStatus
from tracking.services import payloads

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def test_a_snapshot_is_what_is_mine_and_the_number_to_go_on_from(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    use = factories.StrategyAccountFactory.create()
    account = use.account
    order = factories.OpenOrderFactory.create(account=account, strategy_account=use)
    execution = factories.TradeExecutionFactory.create(trade__account=account)
    factories.TradeExecutionFactory.create(trade__account=account, voided_at=timezone.now())
    position = factories.StrategyPositionFactory.create(account=account)
    factories.StrategyPositionFactory.create(account=account, symbol="X/USDT", quantity=Decimal(0))
    anomaly = factories.AnomalyFactory.create(account=account)
    factories.AnomalyFactory.create(account=account, closed_at=timezone.now())
    factories.OpenOrderFactory.create()
    seq = factories.journal(account, factories.numbered_events(4))
    client = APIClient()
    client.force_authenticate(account.user)

    with django_assert_num_queries(8):
        snapshot = client.get("/api/v1/snapshot/").json()

    assert snapshot["seq"] == seq == 4
    assert snapshot["accounts"] == {str(account.pk): account.name}
    assert snapshot["strategies"] == {str(use.pk): use.strategy.name}
    assert snapshot["orders"] == [payloads.order_payload(order)]
    assert snapshot["executions"] == [payloads.execution_payload(execution)]
    assert snapshot["positions"] == [payloads.position_payload(position)]
    assert snapshot["anomalies"] == [payloads.anomaly_payload(anomaly)]


def test_of_two_sessions_the_living_one_speaks_for_the_account() -> None:
    living = factories.OrderTrackingSessionFactory.create()
    account = living.account
    factories.OrderTrackingSessionFactory.create(
        account=account,
        status=SessionStatus.DISCONNECTED.value,
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )
    client = APIClient()
    client.force_authenticate(account.user)

    (session,) = client.get("/api/v1/snapshot/").json()["sessions"]

    assert session["session_id"] == str(living.pk)
