"""
Orders of ours that left, and nobody said what became of them.

Note [Resolving the unknown]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An UNKNOWN submit is asked about by its client order id 1, 2, 5, 10 and 30 s after it was sent, then
every 10 s (2 s after a round that failed), at three end points: the order itself, the open orders
of its market, and the trades since the cursor (a trade does not name the client order id, so the
order behind each unknown trade is asked for). Any of them may know it; then that is evidence like
any other. A round counts against it only if all three answered and none knew it. It was not
accepted once three rounds have counted, the last one begun after no request of ours can still be
under way: signed at most 10 s after the claim, good for a `recvWindow` of 5 s, and 10 s more for
the exchange itself. Nothing is ever sent again; a word that comes later all the same brings the
order back (`domain.statuses`).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db.models import F
from django.utils import timezone

from exchanges import registry
from exchanges.errors import ExchangeError, OrderNotFound, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import MarketType, OrderSnapshot, OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.domain.findings import AnomalyKind
from tracking.models import OpenOrder, OrderRequest, RequestAction
from tracking.services import bystanders, clients, verification
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import emit_trade_event
from tracking.services.gaps import explain_gaps
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)

#: Seconds after the send at which it is asked about; afterwards every `LATER` seconds.
SCHEDULE: Final = (1, 2, 5, 10, 30)
LATER: Final = 10
#: A round that somebody did not answer is repeated after this.
AGAIN: Final = timedelta(seconds=2)
#: So many rounds in which nobody knew it.
ENOUGH: Final = 3
#: Past this no request of ours can still be under way: signing, recvWindow, and 10 s more.
SUBMIT_MAY_ARRIVE: Final = timedelta(seconds=10 + 5 + 10)


def is_unknown_submit(row: OpenOrder) -> bool:
    """Whether an order still waits to be seen at the exchange for the first time."""
    return row.status == OrderStatus.UNKNOWN.value and row.exchange_order_id is None


def resolve(account: ExchangeAccount, rows: Sequence[OpenOrder]) -> None:
    """Ask about orders, a market at a time. See Note [Resolving the unknown]."""
    if not rows:
        return
    sent = _sent_at(account.pk, rows)
    _plan(rows, sent, timezone.now())
    client = clients.rest_client(account)
    markets: dict[SymbolKey, list[OpenOrder]] = defaultdict(list)
    for row in rows:
        markets[row.market_type, row.symbol].append(row)
    for key, asked in markets.items():
        asked_at = timezone.now()
        try:
            everybody_answered = _ask(account, client, key, asked)
        except UnknownSymbol:
            # who does not know the market any more does not know its orders
            everybody_answered = True
        except ExchangeError as error:
            log.warning("submit.unresolved", symbol=key[1], error=type(error).__name__)
            _ask_again_soon(asked)
            continue
        if everybody_answered:
            _count_against(account, asked, sent, asked_at)


def next_question(sent_at: datetime, now: datetime) -> datetime:
    """Say when a submit is asked about next; a second from now at the earliest."""
    soonest = now + timedelta(seconds=1)
    planned = (sent_at + timedelta(seconds=seconds) for seconds in SCHEDULE)
    return next((at for at in planned if at >= soonest), now + timedelta(seconds=LATER))


def _sent_at(account_id: int, rows: Iterable[OpenOrder]) -> dict[str, datetime]:
    """When each order was claimed for its one send; nothing was signed before."""
    requests = OrderRequest.objects.filter(
        account_id=account_id,
        action=RequestAction.PLACE.value,
        client_order_id__in=[row.client_order_id for row in rows],
        sent_at__isnull=False,
    )
    claimed = dict(requests.values_list("client_order_id", "sent_at"))
    return {_name(row): claimed.get(_name(row)) or row.created_at for row in rows}


def _name(row: OpenOrder) -> str:
    return row.client_order_id or ""


def _plan(rows: Iterable[OpenOrder], sent: Mapping[str, datetime], now: datetime) -> None:
    """Plan the next question first: however this one ends, there is another."""
    for row in rows:
        at = next_question(sent[_name(row)], now)
        OpenOrder.objects.filter(pk=row.pk).update(next_verify_at=at)


def _ask_again_soon(rows: Iterable[OpenOrder]) -> None:
    soon = timezone.now() + AGAIN
    OpenOrder.objects.filter(pk__in=[row.pk for row in rows]).update(next_verify_at=soon)


def _ask(
    account: ExchangeAccount, client: RestClient, key: SymbolKey, rows: Sequence[OpenOrder]
) -> bool:
    """Ask all three end points and emit what they say; False if an unknown fill may be theirs.

    Raises ExchangeError if one of them does not answer.
    """
    symbol_id = client.markets.market_of(MarketType(key[0]), key[1]).symbol_id
    listed = client.fetch_open_orders(symbol_id, priority=Priority.VERIFY)
    named = {snapshot.client_order_id: snapshot for snapshot in listed}
    told = []
    for row in rows:
        snapshot = named.get(row.client_order_id) or _asked_by_name(client, row)
        if snapshot is not None:
            told.append(_known(row, snapshot))
    cursor = read_cursors(account.pk, [key], account.baseline_at)[key]
    place_of = registry.adapter(account.exchange).place_of
    trades = verification.trades_since(client, key, cursor, place_of)
    bystanders.adopt(account, client, trades)
    emission = emit_trade_event(
        account_id=account.pk,
        gathered=[*told, *trades.gathered],
        now=timezone.now(),
        cursors=trades.cursors,
    )
    explain_gaps(account, emission)
    return not bystanders.strangers(trades)


def _asked_by_name(client: RestClient, row: OpenOrder) -> OrderSnapshot | None:
    try:
        return client.fetch_order(verification.ref_of(client, _question(row)))
    except OrderNotFound:
        return None


def _question(row: OpenOrder) -> Gathered:
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        client_order_id=row.client_order_id,
        evidence=Evidence(),
    )


def _known(row: OpenOrder, snapshot: OrderSnapshot) -> Gathered:
    return Gathered(
        market_type=row.market_type,
        symbol=row.symbol,
        id_space=row.id_space,
        exchange_order_id=snapshot.exchange_order_id,
        client_order_id=row.client_order_id,
        evidence=Evidence(statements=(snapshot,)),
    )


def _count_against(
    account: ExchangeAccount,
    asked: Iterable[OpenOrder],
    sent: Mapping[str, datetime],
    asked_at: datetime,
) -> None:
    """Count a round in which nobody knew these orders; conclude where the rule is met."""
    left = OpenOrder.objects.filter(
        pk__in=[row.pk for row in asked],
        status=OrderStatus.UNKNOWN.value,
        exchange_order_id__isnull=True,
    )
    left.update(not_found_count=F("not_found_count") + 1, not_found_at=asked_at)
    for row in left.filter(not_found_count__gte=ENOUGH):
        age = asked_at - sent[_name(row)]
        if age >= SUBMIT_MAY_ARRIVE:
            _conclude(account, row, age)


def _conclude(account: ExchangeAccount, row: OpenOrder, age: timedelta) -> None:
    item = _question(row)
    reason = (
        f"never accepted: order, open orders and trades did not know it {row.not_found_count}"
        f" times, the last {age.total_seconds():.0f} s after it was sent"
    )
    judged = Gathered(
        market_type=item.market_type,
        symbol=item.symbol,
        id_space=item.id_space,
        client_order_id=item.client_order_id,
        evidence=Evidence(
            verdict=Verdict(status=OrderStatus.FAILED, reason=reason, by_absence=True)
        ),
    )
    emit_trade_event(
        account_id=account.pk,
        gathered=[judged],
        now=timezone.now(),
        noticed=[Noticed(kind=AnomalyKind.NOT_FOUND, key=item.label, detail=reason)],
    )
    log.warning("submit.not_accepted", account=account.pk, client_order_id=row.client_order_id)
