"""
Gives commissions that were paid in a third asset their worth, so that net PnL can be told.

Note [Rates]
~~~~~~~~~~~~
A commission in the settlement asset, and on spot one in the base asset, has its worth by itself.
Any other is worth what its asset cost when the fill happened: the price at which that minute
closed, in the asset's market against the settlement asset or else in the inverse one. It is asked
for once the minute is over (before, it still moves), stored with the fill, and never changed by a
later price; it is forgotten only when the exchange corrects the asset of the commission.

Note [What has no price]
~~~~~~~~~~~~~~~~~~~~~~~~
Where there is no such market, or it had no price in that minute, the commission stays without a
worth and its position without net PnL. Each process remembers that and asks again after a day, so
a restart costs a question. Newest fills come first: old ones without a price keep nothing waiting.

REST is asked first, with no transaction open; the rates and the positions folded with them are
written in one. Asking twice, or being stopped in between, costs questions and nothing else.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from exchanges.errors import PermanentError, TransientError
from exchanges.governor import Priority
from exchanges.messages import MarketType
from tracking.domain.executions import quantised
from tracking.domain.market_terms import terms_of
from tracking.models import AccountState, EventKind, ExchangeAccount, TradeExecution
from tracking.models.trades import WAITS_FOR_RATE
from tracking.services import anomalies, clients, row_reads
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.payloads import position_payload
from tracking.services.position_changes import PositionChange
from tracking.services.position_entries import key_of
from tracking.services.position_rows import fold_changes
from tracking.services.row_writes import upsert
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from django.db.models import QuerySet

    from exchanges.rest import RestClient
    from tracking.services.position_entries import PositionKey

log = structlog.get_logger(__name__)

#: What one run does at most: prices it asks for, fills it writes, seconds it spends asking.
QUESTIONS: Final = 20
FILLS: Final = 2_000
PATIENCE: Final = 15.0
#: A fill so old happened in a minute that is over, by the exchange's clock too.
MINUTE_IS_OVER: Final = timedelta(seconds=70)
ASK_AGAIN: Final = timedelta(days=1)

_STILL_WAITS = """
    id = ANY(%s) AND commission_rate IS NULL AND voided_at IS NULL AND NOT is_history
"""


class _Price(NamedTuple):
    """What one unit of an asset cost in another, in one minute."""

    market_type: str
    asset: str
    settle: str
    minute: datetime


class _Fee(NamedTuple):
    """In which market a commission was paid in which asset."""

    market_type: str
    symbol: str
    asset: str


@dataclass(slots=True)
class _Unpriced:
    """What an account was told to have no price, and until when nobody asks again."""

    fees: dict[_Fee, datetime] = field(default_factory=dict)
    prices: dict[_Price, datetime] = field(default_factory=dict)

    def forget_before(self, now: datetime) -> None:
        """Let what has rested for a day be asked about again."""
        self.fees = {fee: until for fee, until in self.fees.items() if until > now}
        self.prices = {price: until for price, until in self.prices.items() if until > now}


@dataclass(slots=True)
class _Waiting:
    """The fills that wait for one price."""

    fills: list[int] = field(default_factory=list)
    fees: set[_Fee] = field(default_factory=set)


#: by account. See Note [What has no price]
_unpriced: dict[int, _Unpriced] = {}


def accounts_with_unvalued(now: datetime) -> list[int]:
    """Name the accounts with commissions whose worth may be asked for now.

    Each account's oldest is looked at: the planner takes nearly all fills to be waiting, and would
    read the whole table to name the accounts of those that do.
    """
    waiting = TradeExecution.objects.filter(WAITS_FOR_RATE, account=OuterRef("pk"))
    oldest = waiting.order_by("executed_at").values("executed_at")[:1]
    active = ExchangeAccount.objects.filter(state=AccountState.ACTIVE.value)
    due = active.alias(oldest=Subquery(oldest)).filter(oldest__lt=now - MINUTE_IS_OVER)
    return list(due.order_by("pk").values_list("pk", flat=True))


def value_commissions(account_id: int, now: datetime | None = None) -> int:
    """Ask what commissions in third assets were worth; return how many fills have it now.

    Raises RuntimeError inside a transaction. See Note [Rates].
    """
    now = now or timezone.now()
    account = ExchangeAccount.objects.get(pk=account_id)
    if not clients.may_ask(account):
        return 0
    unpriced = _unpriced.setdefault(account_id, _Unpriced())
    unpriced.forget_before(now)
    waiting = _waiting(_unvalued(account_id, unpriced, now), unpriced)
    rates: dict[int, tuple[str, Decimal]] = {}
    for price, rate in _asked(clients.rest_client(account), waiting, unpriced, now):
        rates |= dict.fromkeys(waiting[price].fills, (price.asset, rate))
    return _store(account_id, rates, now) if rates else 0


def forget() -> None:
    """Forget what this process was told to have no price."""
    _unpriced.clear()


def _unvalued(account_id: int, unpriced: _Unpriced, now: datetime) -> QuerySet[TradeExecution]:
    rows = TradeExecution.objects.filter(
        WAITS_FOR_RATE, account_id=account_id, executed_at__lt=now - MINUTE_IS_OVER
    )
    for market_type, symbol, asset in unpriced.fees:
        rows = rows.exclude(Q(market_type=market_type, symbol=symbol, commission_asset=asset))
    return rows.order_by("-executed_at")


def _waiting(rows: QuerySet[TradeExecution], unpriced: _Unpriced) -> dict[_Price, _Waiting]:
    """Gather fills by the price they wait for, newest first, as many as one run may value."""
    found: dict[_Price, _Waiting] = {}
    columns = ("pk", "executed_at", "market_type", "symbol", "commission_asset")
    taken = 0
    for pk, at, *fee in rows.values_list(*columns).iterator(chunk_size=FILLS):
        price = _price(_Fee(*fee), at)
        if price in unpriced.prices:
            continue
        if taken == FILLS or (price not in found and len(found) == QUESTIONS):
            break
        waiting = found.setdefault(price, _Waiting())
        waiting.fills.append(pk)
        waiting.fees.add(_Fee(*fee))
        taken += 1
    return found


def _price(fee: _Fee, at: datetime) -> _Price:
    settle = terms_of(fee.symbol).settle
    return _Price(fee.market_type, fee.asset, settle, at.replace(second=0, microsecond=0))


def _asked(
    client: RestClient, waiting: Mapping[_Price, _Waiting], unpriced: _Unpriced, now: datetime
) -> Iterator[tuple[_Price, Decimal]]:
    """Ask for prices until there is no time or no budget left; what was told counts."""
    deadline = time.monotonic() + PATIENCE
    for price, held in waiting.items():
        try:
            rate = _rate(client, price, deadline)
        except PermanentError as error:
            log.info("rate.refused", asset=price.asset, settle=price.settle, reason=str(error))
            unpriced.fees |= dict.fromkeys(held.fees, now + ASK_AGAIN)
        except TransientError as error:
            log.warning("rates.postponed", error=type(error).__name__)
            return
        else:
            if rate is not None:
                yield price, rate
            else:
                unpriced.prices[price] = now + ASK_AGAIN


def _rate(client: RestClient, price: _Price, deadline: float) -> Decimal | None:
    """Give a price, from the inverse market if need be; None if there was none.

    Raises ExchangeError.
    """
    market_type = MarketType(price.market_type)
    market = client.markets.market_of_pair(market_type, price.asset, price.settle)
    told = client.fetch_price_at(
        market.symbol_id,
        price.minute,
        timeout=max(0.0, deadline - time.monotonic()),
        priority=Priority.BACKFILL,
    )
    if told is None or market.base == price.asset:
        return told
    return quantised(1 / told)


def _store(account_id: int, rates: Mapping[int, tuple[str, Decimal]], now: datetime) -> int:
    """Write rates, and the positions folded with them. Raises RuntimeError inside a transaction."""
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        found = row_reads.read(TradeExecution, _STILL_WAITS, [list(rates)])
        # the asset may have been corrected since it was asked about
        rows = [row for row in found if row.commission_asset == rates[row.pk][0]]
        for row in rows:
            row.commission_rate = rates[row.pk][1]
        last = _write(account, rows, Journal(account.user_id, account_id, now))
    if last:
        publish_events({account.user_id: last})
        log.info("commissions.valued", account=account_id, executions=len(rows))
    return len(rows)


def _write(account: ExchangeAccount, rows: Sequence[TradeExecution], journal: Journal) -> int:
    changes: dict[PositionKey, PositionChange] = {}
    for row in rows:
        changes.setdefault(key_of(row), PositionChange()).rewrite(row)
    folding = fold_changes(account, changes, journal.now)
    upsert(TradeExecution, rows, ("commission_rate", "closed_pnl"))
    for position in folding.rows:
        journal.add(EventKind.POSITION, position_payload(position))
    anomalies.book(journal, folding.oversold, journal.now)
    return journal.write(after=folding.statements())
