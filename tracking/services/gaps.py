"""Fills the exchange speaks of and nobody has seen: asked for as soon as they are noticed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from exchanges.errors import ExchangeError
from tracking.services import clients, verification
from tracking.services.event_emitter import Emission, emit_trade_event

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered

log = structlog.get_logger(__name__)


#: Seconds for all gaps of one emission together, where nobody waits behind them.
PATIENT = 10.0


def explain_gaps(
    account: ExchangeAccount, emission: Emission, *, patience: float = PATIENT
) -> Emission:
    """Ask for the trades of orders that filled more than was seen, and emit them.

    Returns what both emissions did. If REST fails now, or `patience` seconds are not enough, the
    order stays in the verification queue; nothing is lost by giving up.
    """
    found = ask_about_gaps(account, emission, patience=patience)
    if not found:
        return emission
    return emission + emit_trade_event(account_id=account.pk, gathered=found, now=timezone.now())


def ask_about_gaps(
    account: ExchangeAccount, emission: Emission, *, patience: float = PATIENT
) -> list[Gathered]:
    """Ask for the trades of orders that filled more than was seen; give what came in time."""
    gaps = emission.gaps
    if not gaps or not clients.may_ask(account):
        return []
    client = clients.rest_client(account)
    deadline = time.monotonic() + patience
    found: list[Gathered] = []
    for item in gaps:
        if time.monotonic() >= deadline:
            break
        try:
            found.append(verification.with_trades_of_order(client, item, deadline))
        except ExchangeError as error:
            log.warning("gap.unexplained", order=item.label, error=type(error).__name__)
    return found
