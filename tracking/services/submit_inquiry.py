"""
One round of questions about submits without an answer: who knows them, in one market.

Three end points are asked: the orders by their names, the open orders of the market, and its trades
since the cursor (a trade does not name the client order id, so the order behind each unknown trade
is asked for). Whatever any of them says is evidence like any other and goes the way of it, even if
another does not answer. Who does not answer is not asked twice in one round, nor is anybody after.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog
from django.utils import timezone

from exchanges import registry
from exchanges.errors import ExchangeError, OrderNotFound, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import IdSpace, MarketType, OrderSnapshot
from tracking.domain.evidence import Evidence
from tracking.domain.submit_rounds import SILENT, Round
from tracking.services import bystanders, clients, verification
from tracking.services.cursors import read_cursors
from tracking.services.event_emitter import emit_trade_event
from tracking.services.gaps import explain_gaps
from tracking.services.order_records import Gathered
from tracking.services.stream_proof import proven_stretch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)

NOT_FOUND: Final = "not found"
#: a market that is paused is on no table either, and nobody was asked about its orders
GONE: Final = "no answer: the market is gone"
FILLED: Final = "a fill of it"


@dataclass(slots=True)
class _Inquiry:
    """What has been answered so far."""

    account: ExchangeAccount
    client: RestClient
    key: SymbolKey
    #: by client order id
    orders: dict[str, str] = field(default_factory=dict)
    open_orders: dict[str, str] = field(default_factory=dict)
    trades: str = SILENT
    told: list[Gathered] = field(default_factory=list)
    #: who is known, and who by a fill
    known: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    cursors: Mapping[SymbolKey, str | None] = field(default_factory=dict)
    #: all have answered, and no fill is left whose order nobody has named
    is_complete: bool = False

    def ask(self, submits: Sequence[Gathered]) -> None:
        """Ask all three. Raises ExchangeError if one of them does not answer."""
        symbol_id = self.client.markets.market_of(MarketType(self.key[0]), self.key[1]).symbol_id
        for space in sorted({submit.id_space for submit in submits}):
            self._list(symbol_id, [s for s in submits if s.id_space == space], IdSpace(space))
        for submit in submits:
            if name_of(submit) not in self.known:
                self._ask_by_name(submit)
        self._read_trades()

    def _list(self, symbol_id: str, submits: Sequence[Gathered], space: IdSpace) -> None:
        names = [name_of(submit) for submit in submits]
        is_algo = space is IdSpace.ALGO
        fetch = self.client.fetch_open_algo_orders if is_algo else self.client.fetch_open_orders
        try:
            listed = fetch(symbol_id, priority=Priority.VERIFY)
        except ExchangeError as error:
            self.open_orders |= dict.fromkeys(names, _silence(error))
            raise
        named = {snapshot.client_order_id: snapshot for snapshot in listed}
        for submit in submits:
            snapshot = named.get(submit.client_order_id)
            self.open_orders[name_of(submit)] = (
                _drawn(snapshot) if snapshot else f"not among {len(listed)}"
            )
            self._take(submit, snapshot)

    def _ask_by_name(self, submit: Gathered) -> None:
        name = name_of(submit)
        try:
            snapshot = self.client.fetch_order(verification.ref_of(self.client, submit))
        except OrderNotFound:
            self.orders[name] = NOT_FOUND
        except ExchangeError as error:
            self.orders[name] = _silence(error)
            raise
        else:
            self.orders[name] = _drawn(snapshot)
            self._take(submit, snapshot)

    def _read_trades(self) -> None:
        try:
            self._take_trades()
        except ExchangeError as error:
            self.trades = _silence(error)
            raise

    def _take_trades(self) -> None:
        account, key = self.account, self.key
        cursor = read_cursors(account.pk, [key], account.baseline_at)[key]
        place_of = registry.adapter(account.exchange).place_of
        trades = verification.trades_since(self.client, key, cursor, place_of)
        bystanders.adopt(account, self.client, trades)
        self.told += trades.gathered
        self.filled = {told.client_order_id for told in trades.gathered if told.client_order_id}
        self.cursors = trades.cursors
        self.is_complete = not bystanders.strangers(trades)
        self.trades = "none of it" if self.is_complete else "fills of orders not known yet"

    def _take(self, submit: Gathered, snapshot: OrderSnapshot | None) -> None:
        if snapshot is None:
            return
        self.known.add(name_of(submit))
        self.told.append(
            Gathered(
                market_type=submit.market_type,
                symbol=submit.symbol,
                id_space=submit.id_space,
                exchange_order_id=snapshot.exchange_order_id,
                client_order_id=submit.client_order_id,
                evidence=Evidence(statements=(snapshot,)),
            )
        )

    def emit(self) -> None:
        """Write what was told."""
        if self.told or self.cursors:
            emission = emit_trade_event(
                account_id=self.account.pk,
                gathered=self.told,
                now=timezone.now(),
                cursors=self.cursors,
            )
            explain_gaps(self.account, emission)

    def round_of(self, submit: Gathered, asked_at: datetime) -> Round:
        """Give what this round says of one submit."""
        name = name_of(submit)
        return Round(
            asked_at=asked_at,
            is_negative=self.is_complete and name not in self.known | self.filled,
            order=self.orders.get(name, SILENT),
            open_orders=self.open_orders.get(name, SILENT),
            trades=FILLED if name in self.filled else self.trades,
            stream=proven_stretch(self.account.pk, timezone.now()),
        )


def inquire(
    account: ExchangeAccount, key: SymbolKey, submits: Sequence[Gathered]
) -> dict[str, Round]:
    """Ask about submits of one market, emit what is told; give each one's round by its name."""
    asked_at = timezone.now()
    inquiry = _Inquiry(account, clients.rest_client(account), key)
    try:
        inquiry.ask(submits)
    except UnknownSymbol:
        names = [name_of(submit) for submit in submits]
        unasked = dict.fromkeys(names, GONE)
        inquiry.orders, inquiry.open_orders = (
            unasked | inquiry.orders,
            unasked | inquiry.open_orders,
        )
        inquiry.trades = GONE
    except ExchangeError as error:
        log.warning("submit.unresolved", symbol=key[1], error=type(error).__name__)
    inquiry.emit()
    return {name_of(submit): inquiry.round_of(submit, asked_at) for submit in submits}


def name_of(submit: Gathered) -> str:
    """Give the client order id, which a submit of ours always has."""
    return submit.client_order_id or ""


def _drawn(snapshot: OrderSnapshot) -> str:
    return f"{snapshot.exchange_status} #{snapshot.exchange_order_id}"


def _silence(error: ExchangeError) -> str:
    return f"no answer: {type(error).__name__} {error.code}".rstrip()
