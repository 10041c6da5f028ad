"""A wire between us and the simulated exchange that counts what leaves, and loses some of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from exchanges.simulator.wiretap import WireTap
from tests.crash.accounts import PLENTY

if TYPE_CHECKING:
    from collections.abc import Iterator

#: a send was claimed, and its order made, before it left
_COMMITTED = """
    SELECT count(*) FROM tracking_orderrequest AS request
    WHERE client_order_id = %(name)s AND sent_at IS NOT NULL AND attempted_at IS NOT NULL
      AND EXISTS (SELECT FROM tracking_openorder WHERE client_order_id = %(name)s)
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=5, config=SimulatorConfig(price_interval=0)) as running:
        running.configure(weight_limit=PLENTY)
        yield running


class Ledger:
    """What our database has committed at the moment an order is on the wire."""

    def __init__(self, **where: Any) -> None:
        self._database = psycopg2.connect(**where)
        self._database.autocommit = True
        self.too_early: list[str] = []

    def look(self, client_order_id: str) -> None:
        with self._database.cursor() as cursor:
            cursor.execute(_COMMITTED, {"name": client_order_id})
            if cursor.fetchone() != (1,):
                self.too_early.append(client_order_id)

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def ledger(transactional_db: None) -> Iterator[Ledger]:
    """See what others see: only what is committed."""
    looking = Ledger(**connection.get_connection_params())
    yield looking
    looking.close()


@pytest.fixture
def tap(
    simulator: SimulatorThread, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WireTap]:
    """Put the tap between us and the exchange."""
    with WireTap(simulator.url, on_submission=ledger.look) as listening:
        monkeypatch.setattr(settings, "SIMULATOR_URL", listening.url)
        monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", PLENTY)
        yield listening
    simulator.faults(reset=True)
