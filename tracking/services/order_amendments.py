"""
What an order is to be from now on, brought to its market's steps and checked like a new one.

An amendment may make an order dearer, so it is refused while a halt stands and above what orders
may be worth, each and in a day. It makes no order, so it does not count against the rate.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from exchanges import registry
from exchanges.errors import PermanentError
from exchanges.messages import MarketType, OrderType, Side
from exchanges.refusals import RefusalKind
from tracking.models import OrderRequest, RequestOutcome
from tracking.services import (
    clients,
    halts,
    market_prices,
    order_limits,
    order_outcomes,
    order_worth,
)
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.order_amounts import ONE, NotReckonedError
from tracking.services.order_preparation import require_possible, to_step
from tracking.services.payloads import plain
from tracking.services.refusals import Refusal, refusal_of
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from exchanges.questions import Market
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount, OpenOrder
    from tracking.services.payloads import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTerms:
    """What an order is to be; `quantity` counts what was already filled."""

    side: Side
    quantity: Decimal
    price: Decimal
    notional: Decimal
    notional_asset: str
    only_reduces: bool
    changes: tuple[str, ...]

    @property
    def terms(self) -> dict[str, Json]:
        """What is sent, as JSON."""
        return {
            "quantity": plain(self.quantity),
            "price": plain(self.price),
            "changes": list(self.changes),
        }


def prepare(
    account: ExchangeAccount, request: OrderRequest, order: OpenOrder
) -> NewTerms | Refusal:
    """Bring an amendment to what its market takes, or refuse it.

    Raises TransientError if the exchange could not be asked now.
    """
    try:
        clients.require_active(account)
        client = clients.rest_client(account)
        market = client.markets.market_of(MarketType(order.market_type), order.symbol)
        terms = _terms(account, request, order, market)
        return _at_most(terms, request, client, market)
    except NotReckonedError as error:
        return error.refusal
    except PermanentError as error:
        return refusal_of(error)


def _terms(
    account: ExchangeAccount, request: OrderRequest, order: OpenOrder, market: Market
) -> NewTerms:
    is_limit = order.order_type == OrderType.LIMIT.value and order.price is not None
    if not is_limit or not registry.facts(account.exchange, account.market_type).can_amend:
        reason = (
            f"{account.exchange} does not amend such an order here: cancel it and place another"
        )
        raise NotReckonedError(RefusalKind.NOT_OFFERED, reason)
    changes: list[str] = []
    quantity = _asked(request, "quantity") or order.quantity
    price = _asked(request, "price") or order.price or Decimal(0)
    on_step = to_step(quantity, market.quantity_step, ROUND_DOWN)
    at = to_step(price, market.price_step_at(price), ROUND_HALF_EVEN)
    for name, before, after in (("quantity", quantity, on_step), ("price", price, at)):
        if before != after:
            changes.append(f"{name} {plain(before)} was rounded to {plain(after)}")
    if on_step < market.minimum_quantity or on_step <= 0 or at <= 0:
        reason = f"{plain(on_step)} at {plain(at)} is below the market's minimum"
        raise NotReckonedError(RefusalKind.BELOW_MINIMUM, reason)
    size = market.contract_size or ONE
    is_inverse = market.market_type is MarketType.COIN_FUTURES
    worth = on_step * size * (ONE if is_inverse else at)
    require_possible(market, worth)
    return NewTerms(
        side=Side(order.side),
        quantity=on_step,
        price=at,
        notional=worth,
        notional_asset=market.quote,
        only_reduces=order_limits.only_reduces(order),
        changes=tuple(changes),
    )


def _at_most(
    terms: NewTerms, request: OrderRequest, client: RestClient, market: Market
) -> NewTerms:
    """Count what a limit counts: the dearest price it may be filled at. Raises ExchangeError."""
    use, is_inverse = request.strategy_account, market.market_type is MarketType.COIN_FUTURES
    if use is None or is_inverse or terms.only_reduces or not order_worth.is_limited(use, request):
        return terms
    price = market_prices.dearest(client, market, terms.side, terms.price)
    worth = terms.quantity * (market.contract_size or ONE) * price
    require_possible(market, worth)
    return replace(terms, notional=worth)


def _asked(request: OrderRequest, name: str) -> Decimal | None:
    told = request.body.get(name)
    return None if told is None else Decimal(told)


def attempt(request: OrderRequest, prepared: NewTerms | Refusal) -> bool:
    """Let an amendment be sent, or refuse it. False: it is refused, or somebody else did this."""
    with transaction.atomic(durable=True):
        account = lock_account(request.account_id)
        rows = OrderRequest.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk=request.pk, outcome=RequestOutcome.PENDING.value, sent_at__isnull=True
        )
        locked = rows.select_related("strategy_account__strategy").first()
        if locked is None:
            return False
        journal = Journal(account.user_id, account.pk, timezone.now())
        refusal = prepared if isinstance(prepared, Refusal) else None
        if not isinstance(prepared, Refusal):
            locked.terms = prepared.terms
            locked.notional, locked.notional_asset = prepared.notional, prepared.notional_asset
            refusal = halts.refusal(account, journal.now) or order_limits.amend_refusal(
                account, locked, prepared, journal.now
            )
        if refusal is not None:
            order_outcomes.refuse(journal, locked, refusal)
        else:
            locked.attempted_at = journal.now
            locked.save(update_fields=["attempted_at", "terms", "notional", "notional_asset"])
        last = journal.write()
    if last:
        publish_events({account.user_id: last})
    return refusal is None
