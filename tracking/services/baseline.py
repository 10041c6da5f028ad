"""
Where an account's books begin: its holdings on the day it was connected.

What the account holds, on spot of each asset, becomes an OPENING posting in the residual; fills up
to that moment of exchange time are history and move no position. The holdings are read twice around
the exchange's clock, and a moment at which nothing moved is taken; of an account that trades
without pause the holdings of a moment are explained backwards from its trades (`busy_opening`).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone

from exchanges import registry
from exchanges.errors import TransientError
from tracking.models import (
    EventKind,
    ExchangeAccount,
    PositionMode,
    Posting,
    PostingKind,
    StrategyPosition,
)
from tracking.services import clients, contract_terms
from tracking.services.busy_opening import moment_between, read_opening
from tracking.services.journal import Journal
from tracking.services.payloads import position_payload
from tracking.services.position_rows import PositionKey, opening_position
from tracking.services.spot_assets import symbol_of
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exchanges.markets import Markets
    from exchanges.messages import HoldingReport

log = structlog.get_logger(__name__)

ATTEMPTS = 5


class HoldingsKeepMovingError(TransientError):
    """The account trades too fast just now for its opening holdings to be read; try again."""


def ensure_baseline(account: ExchangeAccount) -> ExchangeAccount:
    """Open an account's books if they are not open yet. Raises ExchangeError if it cannot ask."""
    if account.baseline_at is not None:
        return account
    clients.require_active(account)
    client = clients.rest_client(account)
    mode = PositionMode.HEDGE if client.is_hedge_mode() else PositionMode.ONE_WAY
    dates_to = registry.facts(account.exchange, account.market_type).rest_dates_to
    before = client.fetch_holdings()
    for _ in range(ATTEMPTS):
        at = moment_between(client, dates_to)
        after = client.fetch_holdings()
        if before == after:
            contract_terms.learn(account.exchange, client.markets)
            return _open_books(account, after, client.markets, at, mode)
        before = after
    opening = read_opening(client, dates_to)
    if opening is None:
        raise HoldingsKeepMovingError
    contract_terms.learn(account.exchange, client.markets)
    return _open_books(account, opening[0], client.markets, opening[1], mode)


def _open_books(
    account: ExchangeAccount,
    holdings: Sequence[HoldingReport],
    markets: Markets,
    at: datetime,
    mode: PositionMode,
) -> ExchangeAccount:
    now = timezone.now()
    with transaction.atomic(durable=True):
        locked = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if locked.baseline_at is not None:
            return locked
        locked.baseline_at = locked.income_checked_at = at
        locked.position_mode = mode.value
        locked.save(update_fields=["baseline_at", "income_checked_at", "position_mode"])
        journal = Journal(locked.user_id, locked.pk, now)
        for holding in holdings:
            if holding.quantity:
                row = _open_position(locked, holding, markets, at, now)
                journal.add(EventKind.POSITION, position_payload(row))
        last = journal.write()
    log.info("account.opened", account=account.pk, holdings=len(holdings))
    if last:
        publish_events({locked.user_id: last})
    return locked


def _open_position(
    account: ExchangeAccount,
    holding: HoldingReport,
    markets: Markets,
    at: datetime,
    now: datetime,
) -> StrategyPosition:
    symbol = symbol_of(markets, holding)
    key = PositionKey(None, holding.market_type.value, symbol, holding.position_side.value)
    Posting.objects.create(
        account=account,
        key=f"opening:{key.market_type}:{symbol}:{key.position_side}",
        kind=PostingKind.OPENING.value,
        market_type=key.market_type,
        symbol=symbol,
        asset=holding.asset[:16],
        position_side=key.position_side,
        quantity=holding.quantity,
        price=holding.entry_price,
        posted_at=at,
        created_at=now,
    )
    return opening_position(account.pk, key, now)
