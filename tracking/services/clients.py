"""REST clients and budgets of accounts, one of each per process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from exchanges import registry
from exchanges.credentials import Credentials
from exchanges.errors import PermanentError

if TYPE_CHECKING:
    from exchanges.governor import Governor
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount


class SimulatorNotConfiguredError(PermanentError):
    """A simulated account needs SIMULATOR_URL; it is never sent to the real exchange."""


def base_url(account: ExchangeAccount) -> str | None:
    """Say where an account's requests go; None is the real exchange."""
    if not account.simulated:
        return None
    if not settings.SIMULATOR_URL:
        raise SimulatorNotConfiguredError
    return str(settings.SIMULATOR_URL)


@cache
def _governor(exchange: str, url: str | None) -> Governor:
    return registry.governor_for(
        exchange,
        redis_url=settings.REDIS_STATE_URL,
        egress_ip=settings.EGRESS_IP if url is None else f"{settings.EGRESS_IP}@{url}",
        weight_per_minute=settings.BINANCE_WEIGHT_PER_MINUTE,
    )


def governor(account: ExchangeAccount) -> Governor:
    """Give the request budget an account shares with all others at its exchange."""
    return _governor(account.exchange, base_url(account))


@cache
def _client(exchange: str, url: str | None, credentials: Credentials, account: str) -> RestClient:
    return registry.rest_for(
        exchange,
        credentials=credentials,
        governor=_governor(exchange, url),
        base_url=url,
        account=account,
    )


def rest_client(account: ExchangeAccount) -> RestClient:
    """Give the account's REST client; a changed key makes a new one."""
    credentials = Credentials(api_key=account.api_key, api_secret=account.api_secret)
    return _client(account.exchange, base_url(account), credentials, str(account.pk))
