"""What tests of ordering by API share: somebody with a strategy, and what was handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from tests import factories
from tracking import tasks

if TYPE_CHECKING:
    from tracking.models import StrategyAccount

LIMIT = {
    "symbol": "BTC/USDT:USDT",
    "side": "BUY",
    "order_type": "LIMIT",
    "quantity": "0.5",
    "price": "64123.1",
}


@pytest.fixture
def use() -> StrategyAccount:
    """Give the use of an account by a strategy of whoever asks."""
    made: StrategyAccount = factories.StrategyAccountFactory.create(
        strategy__slug="trend", account__name="main"
    )
    return made


@pytest.fixture
def api(use: StrategyAccount) -> APIClient:
    """Ask as the strategy's user."""
    return asking(use.account.user)


@pytest.fixture
def stranger() -> APIClient:
    """Ask as somebody else, who has a strategy too."""
    theirs = factories.StrategyAccountFactory.create(strategy__slug="theirs")
    return asking(theirs.account.user)


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Collect what is handed to the workers, in place of the queue."""
    lists: list[list[int]] = []
    monkeypatch.setattr(tasks, "send_requests", lambda ids: lists.append(list(ids)))
    return lists


def asking(user: Any) -> APIClient:
    """Give a client that is signed in."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def post(client: APIClient, path: str, body: Any = None, key: str | None = None) -> Any:
    """Post JSON below `/api/v1/`, with an idempotency key in the header."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(
        f"/api/v1/{path}", {} if body is None else body, format="json", headers=headers
    )
