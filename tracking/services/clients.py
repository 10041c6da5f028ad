"""REST clients and budgets of accounts, one of each per process."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

from django.conf import settings

from exchanges import registry
from exchanges.adapter import Rate
from exchanges.credentials import Credentials
from exchanges.errors import PermanentError, RateLimited, TransientError
from exchanges.messages import Exchange, MarketType
from tracking.models import AccountState

if TYPE_CHECKING:
    from exchanges.governor import Governor
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount


class SimulatorNotConfiguredError(PermanentError):
    """A simulated account needs SIMULATOR_URL; it is never sent to the real exchange."""


class AccountNotActiveError(PermanentError):
    """The account is disabled, or its key was refused: set it ACTIVE once that is put right."""


def base_url(account: ExchangeAccount) -> str | None:
    """Say where an account's requests go; None is the real exchange."""
    if not account.simulated:
        return None
    if not settings.SIMULATOR_URL:
        raise SimulatorNotConfiguredError
    return str(settings.SIMULATOR_URL)


@cache
def _client(
    exchange: str, market_type: str, url: str | None, credentials: Credentials
) -> RestClient:
    limits = registry.adapter(exchange).limits[MarketType(market_type)]
    if exchange == Exchange.BINANCE and settings.BINANCE_WEIGHT_PER_MINUTE:
        address = Rate(limit=settings.BINANCE_WEIGHT_PER_MINUTE, period=60)
        limits = replace(limits, address=address)
    return registry.rest_for(
        exchange,
        market_type,
        credentials=credentials,
        redis_url=settings.REDIS_STATE_URL,
        base_url=url,
        egress_ip=settings.EGRESS_IP if url is None else f"{settings.EGRESS_IP}@{url}",
        limits=limits,
    )


def credentials(account: ExchangeAccount) -> Credentials:
    """Give the account's keys, decrypted."""
    return Credentials(
        api_key=account.api_key,
        api_secret=account.api_secret,
        api_password=account.api_password,
    )


def rest_client(account: ExchangeAccount) -> RestClient:
    """Give the account's REST client; a changed key makes a new one."""
    return _client(account.exchange, account.market_type, base_url(account), credentials(account))


def may_ask(account: ExchangeAccount) -> bool:
    """Tell whether signed requests may be made: not with a refused key, nor for a disabled one."""
    return account.state == AccountState.ACTIVE.value


def require_active(account: ExchangeAccount) -> None:
    """Raise AccountNotActiveError unless signed requests may be made."""
    if not may_ask(account):
        raise AccountNotActiveError


def governor(account: ExchangeAccount) -> Governor:
    """Give the request budget an account shares with all others at its exchange."""
    return rest_client(account).governor


def told_plainly(error: TransientError, client: RestClient) -> TransientError:
    """Say why the exchange was not asked and what to do, if it is our own budget that is spent."""
    if not isinstance(error, RateLimited) or error.http_status is not None:
        return error
    if seconds := client.governor.banned_for():
        says = f"the exchange asked for a pause: try again in {ceil(seconds)} s"
    else:
        says = "the request budget is spent by live trading: try again later"
    return RateLimited(says, retry_after=error.retry_after)
