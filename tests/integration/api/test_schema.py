"""The OpenAPI document is true and committed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from tests import factories
from tracking.api import order_serializers, serializers

if TYPE_CHECKING:
    from factory.django import DjangoModelFactory

pytestmark = pytest.mark.django_db

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.yaml"

MADE_BY = [
    (serializers.AccountSerializer, factories.ExchangeAccountFactory),
    (serializers.OrderSerializer, factories.OpenOrderFactory),
    (serializers.OrderSerializer, factories.ClosedOrderFactory),
    (serializers.TradeSerializer, factories.TradeFactory),
    (serializers.ExecutionSerializer, factories.TradeExecutionFactory),
    (serializers.PositionSerializer, factories.StrategyPositionFactory),
    (serializers.SessionSerializer, factories.OrderTrackingSessionFactory),
    (serializers.AnomalySerializer, factories.AnomalyFactory),
    (serializers.StreamQualitySerializer, factories.StreamQualityFactory),
    (order_serializers.RequestSerializer, factories.OrderRequestFactory),
    (order_serializers.RequestDetailSerializer, factories.OrderRequestFactory),
    (order_serializers.FailureSerializer, factories.FailedOrderFactory),
    (order_serializers.HaltSerializer, factories.HaltFactory),
]


def test_the_committed_document_is_the_current_one(tmp_path: Path) -> None:
    current = tmp_path / "openapi.yaml"

    call_command("spectacular", file=str(current), validate=True, fail_on_warn=True)

    assert current.read_text() == DOCUMENT.read_text(), "run `make fmt` and commit the file"


@pytest.mark.parametrize(("serializer", "factory"), MADE_BY)
def test_an_answer_has_exactly_the_fields_that_are_declared(
    serializer: type[serializers.PayloadSerializer[Any]],
    factory: type[DjangoModelFactory[Any]],
) -> None:
    row = serializer(factory.create())

    assert set(row.data) == set(row.fields)


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_the_documentation_is_served_to_who_is_signed_in(path: str) -> None:
    client = APIClient()
    client.force_login(factories.UserFactory.create())

    answer = client.get(path)

    assert answer.status_code == 200
    assert b"://cdn" not in answer.content
