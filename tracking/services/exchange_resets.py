"""
Exchanges that begin anew: test exchanges do each month, and tell nobody.

Note [A witness]
~~~~~~~~~~~~~~~~
An order that filled is remembered for long. So when orders cannot be found, one that filled is
asked for as a witness. If the exchange does not know it either, or has given its id to another
order, it was reset. What was open there has EXPIRED then, and trades are read from the beginning of
our books again, because their ids begin anew. What was booked before stays: it was so. Its ids may
come again, and would be taken for the old orders: a test exchange that restarts its ids is better
connected as a new account after each reset.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import registry
from exchanges.errors import OrderNotFound, UnknownSymbol
from exchanges.messages import IdSpace, MarketType
from exchanges.questions import OrderRef
from tracking.models import ClosedOrder, SymbolSubscription

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount

#: An order that ended so long ago is in every list that will ever show it.
WITNESS_AGE: Final = timedelta(minutes=10)
#: The clocks of exchange and database need not agree to the day.
CAUTION: Final = timedelta(days=1)


def forgotten_witness(
    account: ExchangeAccount, client: RestClient, now: datetime
) -> ClosedOrder | None:
    """Give a filled order the exchange should know and does not. See Note [A witness].

    Raises ExchangeError when it cannot be asked; None where nothing speaks for a reset.
    """
    witness = _witness(account, now)
    if witness is None or not _is_forgotten(client, witness):
        return None
    return witness


def begin_anew(account_id: int) -> None:
    """Read the trades of every market from the beginning of the account's books."""
    SymbolSubscription.objects.filter(account_id=account_id).update(trade_cursor=None)


def _witness(account: ExchangeAccount, now: datetime) -> ClosedOrder | None:
    memory = registry.facts(account.exchange, account.market_type).remembers_filled
    rows = ClosedOrder.objects.filter(
        account=account,
        id_space=IdSpace.ORDER.value,
        exchange_order_id__isnull=False,
        filled_quantity__gt=0,
        resolved_by_absence=False,
        created_at__gt=now - memory + CAUTION,
        closed_at__lt=now - WITNESS_AGE,
    )
    return rows.order_by("-closed_at", "-pk").first()


def _is_forgotten(client: RestClient, witness: ClosedOrder) -> bool:
    """Whether the exchange does not know a filled order, or another by its id.

    One whose market is gone is forgotten with it, and tells nothing of the others.
    """
    market_type = MarketType(witness.market_type)
    try:
        ref = OrderRef(
            market_type=market_type,
            symbol_id=client.markets.market_of(market_type, witness.symbol).symbol_id,
            exchange_order_id=witness.exchange_order_id,
        )
        told = client.fetch_order(ref).client_order_id
    except UnknownSymbol:
        return False
    except OrderNotFound:
        return True
    return witness.client_order_id is not None and told != witness.client_order_id
