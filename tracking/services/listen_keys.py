"""
Keeping private streams admitted: one beat task, each exchange by its own strategy.

Binance futures' listen keys live 60 minutes; one key an account, shared by whoever streams it, so
it is never deleted here: DELETE by one worker would silence all. The other exchanges have no such
key (`adapter.SessionCredential`): what they admit lasts as long as the connection. For them the
session has to be proven alive by a recent sign of life, and young enough that the exchange will
not end it before the next look. Whatever fails makes the stream reconnect at once, with a new
credential.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db.models.functions import Now
from django.utils import timezone

from exchanges import registry
from exchanges.adapter import SessionCredential
from exchanges.errors import AuthenticationError, ExchangeError, TransientError
from exchanges.rest import KeyedRestClient
from tracking.models import AccountState, ExchangeAccount, OrderTrackingSession, SessionStatus
from tracking.services import clients, leases
from tracking.services.order_tracking import stop_for_credentials

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)

#: pings go every 20 s and are written every few seconds
RECENT = timedelta(seconds=90)
#: beat comes every 30 minutes: what would end before its next turn, and a little after, is renewed
AHEAD = timedelta(minutes=45)


def accounts_to_refresh() -> list[int]:
    """Name the accounts that are tracked."""
    rows = ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def refresh_listen_key(account_id: int) -> bool:
    """Keep one account's stream admitted; on any failure ask it to reconnect. True: it is."""
    account = ExchangeAccount.objects.get(pk=account_id)
    credential = registry.facts(account.exchange, account.market_type).session_credential
    try:
        if not (credential is SessionCredential.LISTEN_KEY and _extended(account)):
            _prove_alive(account, timezone.now())
    except AuthenticationError as error:
        stop_for_credentials(account, str(error))
        return False
    except ExchangeError as error:
        log.warning(
            "listen_key.refresh_failed",
            note="Listen Key refresh failed: reconnecting",
            account=account_id,
            credential=credential.value,
            error=type(error).__name__,
        )
        leases.request_reconnect(account_id)
        return False
    ExchangeAccount.objects.filter(pk=account_id).update(listen_key_refreshed_at=Now())
    log.info(
        "listen_key.refreshed",
        note="Listen Key refreshed",
        account=account_id,
        credential=credential.value,
    )
    return True


def _extended(account: ExchangeAccount) -> bool:
    """Extend the account's key; False where its market type has none (Binance spot)."""
    client = clients.rest_client(account)
    if not isinstance(client, KeyedRestClient):
        return False
    client.extend_listen_key()
    return True


def _prove_alive(account: ExchangeAccount, now: datetime) -> None:
    """Look for a session that lives and will live on. Raises TransientError if there is none."""
    session = (
        OrderTrackingSession.objects.filter(
            account=account,
            status=SessionStatus.CONNECTED.value,
            ended_at__isnull=True,
            last_ping__gte=now - RECENT,
        )
        .order_by("-connected_at")
        .first()
    )
    if session is None or session.connected_at is None:
        msg = "no session has shown life of late"
        raise TransientError(msg)
    lifetime = registry.facts(account.exchange, account.market_type).connection_lifetime
    if now - session.connected_at > lifetime - AHEAD:
        msg = "the session is about to reach its age limit"
        raise TransientError(msg)
