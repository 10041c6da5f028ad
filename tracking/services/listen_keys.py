"""
Extending the credentials of private streams.

Binance futures keys live 60 minutes; one key an account, shared by whoever streams it, so it is
never deleted here: DELETE by one worker would silence all. A failed extension makes the stream
reconnect with a new key at once.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import structlog
from django.db.models.functions import Now

from exchanges.errors import AuthenticationError, ExchangeError
from tracking.models import AccountState, ExchangeAccount
from tracking.services import clients, leases
from tracking.services.order_tracking import stop_for_credentials

log = structlog.get_logger(__name__)


def accounts_to_refresh() -> list[int]:
    """Name the accounts that are tracked."""
    rows = ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def refresh_listen_key(account_id: int) -> bool:
    """Extend one account's key; on any failure ask its stream to reconnect. True: extended."""
    account = ExchangeAccount.objects.get(pk=account_id)
    try:
        clients.rest_client(account).extend_listen_key()
    except AuthenticationError as error:
        stop_for_credentials(account, str(error))
        return False
    except ExchangeError as error:
        log.warning(
            "listen_key.refresh_failed",
            note="Listen Key refresh failed: reconnecting",
            account=account_id,
            error=type(error).__name__,
        )
        leases.request_reconnect(account_id)
        return False
    ExchangeAccount.objects.filter(pk=account_id).update(listen_key_refreshed_at=Now())
    log.info("listen_key.refreshed", note="Listen Key refreshed", account=account_id)
    return True
