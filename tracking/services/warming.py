"""
What the first order after a start would wait for, loaded before it comes.

An exchange's table of markets takes about a second. One that cannot be had now is loaded by whoever
needs it first.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import threading
from typing import Final

import structlog
from django.db import connections

from exchanges.errors import ExchangeError
from tracking.models import AccountState, ExchangeAccount
from tracking.services import clients, contract_terms

log = structlog.get_logger(__name__)

#: what accounts have in common that share a table
_SHARED: Final = ("exchange", "market_type", "simulated")


def begin() -> threading.Thread:
    """Load the tables in a thread that holds nobody up, not even the end of the process."""
    thread = threading.Thread(target=_load_and_leave, name="warming", daemon=True)
    thread.start()
    return thread


def _load_and_leave() -> None:
    try:
        load_markets()
    except Exception:
        log.exception("markets.unloaded")
    finally:
        connections.close_all()


def load_markets() -> None:
    """Load the tables of markets of all accounts that are tracked, each once."""
    active = ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value)
    for account in active.order_by(*_SHARED, "pk").distinct(*_SHARED):
        try:
            client = clients.rest_client(account)
            client.markets.all()
            contract_terms.learn(account.exchange, client.markets)
        except ExchangeError as error:
            log.warning("markets.unloaded", exchange=account.exchange, error=type(error).__name__)
