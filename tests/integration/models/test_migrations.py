"""Rows survive the way forward and back: what was kept before can be read after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tracking.models import StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES = ('{"e":"ORDER_TRADE_UPDATE"}', "체결 \\ \n\t cut off", "", "x" * 100_000)


def migrate(target: str | None) -> Any:
    """Bring the tables to a migration (the last one without a name); give its models."""
    executor = MigrationExecutor(connection)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "tracking"]
    targets = [("tracking", target)] if target else leaves
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def at_the_first(transactional_db: None) -> Iterator[Any]:
    yield migrate("0001_initial")
    migrate(None)


def test_frames_are_compressed_on_the_way_and_inflated_on_the_way_back(at_the_first: Any) -> None:
    user = at_the_first.get_model("auth", "User").objects.create(username="anna")
    account = at_the_first.get_model("tracking", "ExchangeAccount").objects.create(
        user=user, name="main", exchange="BINANCE", api_key="k", api_secret="s"
    )
    old = at_the_first.get_model("tracking", "StreamEvent").objects
    pks = [
        old.create(account=account, market_type="FUTURES", raw=raw, received_at=timezone.now()).pk
        for raw in FRAMES
    ]

    migrate("0002_exact_books")
    kept = dict(StreamEvent.objects.values_list("pk", "raw"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(length(raw)) FROM tracking_streamevent")
        (longest,) = cursor.fetchone()
    back = migrate("0001_initial").get_model("tracking", "StreamEvent").objects

    assert [kept[pk] for pk in pks] == list(FRAMES)
    assert longest < 1000
    assert [back.get(pk=pk).raw for pk in pks] == list(FRAMES)
