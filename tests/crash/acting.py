"""What the victim does, on the test's database and exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections

from tests.crash.points import Mode, counted
from tests.crash.scenarios import SCENARIOS
from tracking.models import ExchangeAccount
from tracking.services import clients

if TYPE_CHECKING:
    from tests.crash.victim import Job


def act(job: Job) -> None:
    """Act, and die on the way."""
    connections.settings["default"]["NAME"] = job.database
    settings.SIMULATOR_URL = job.simulator_url
    settings.BINANCE_WEIGHT_PER_MINUTE = job.weight_per_minute
    with counted() as points:
        account = ExchangeAccount.objects.get(pk=job.account_id)
        clients.rest_client(account).markets.all()
        with points.armed(job.at, Mode(job.mode)):
            SCENARIOS[job.scenario].act(account, job.frames)
