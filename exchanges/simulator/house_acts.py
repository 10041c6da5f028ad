"""What the exchange does itself: it ends, closes, settles, delists, moves money, begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchanges.simulator import checks, ledger
from exchanges.simulator import orders as states
from exchanges.simulator.accounts import Income
from exchanges.simulator.act_terms import Terms, find_open, market, number
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.errors import ControlError
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange


def expire(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """End an order for a reason of the exchange's (`reason`: an `er` code)."""
    order = find_open(exchange, account, terms)
    exchange.engine.expire(order, str(terms.get("reason", states.DELISTED)))
    return ledger.order_row(exchange, order)


def shrink(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Reduce the quantity of a reduce-only order, unasked: there is less to reduce."""
    order = find_open(exchange, account, terms)
    if not order.reduce_only:
        text = "expected a reduce-only order"
        raise ControlError(text)
    exchange.engine.amend(order, number(terms, "quantity"), order.price)
    return ledger.order_row(exchange, order)


def close_out(
    exchange: SimulatedExchange, account: Account, terms: Terms, client_id: str, kind: str
) -> dict[str, Any]:
    """Close a position by the exchange's own order."""
    side = str(terms.get("positionSide", "BOTH"))
    held = account.position(str(terms.get("symbol")), side)
    if not held.quantity:
        text = "there is no position to close"
        raise ControlError(text)
    place = market(exchange, held.symbol)
    order = exchange.engine.accept(
        account,
        OrderTerms(
            symbol=held.symbol,
            side="SELL" if held.quantity > 0 else "BUY",
            type=kind,
            quantity=abs(held.quantity),
            price=number(terms, "price", place.price),
            time_in_force="IOC",
            position_side=side,
            client_id=f"{client_id}{exchange.clock.now()}{place.next_order_id}",
            origin=states.BY_EXCHANGE,
        ),
    )
    price = order.price
    exchange.engine.fill(order, price, order.quantity, is_maker=False, kind="CALCULATED")
    return ledger.order_row(exchange, order)


def liquidate(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Liquidate a position: open orders of the symbol expire, then `autoclose-` fills."""
    symbol = str(terms.get("symbol"))
    for order in [each for each in account.open.values() if each.symbol == symbol]:
        exchange.engine.expire(order, states.LIQUIDATED)
    return close_out(exchange, account, terms, "autoclose-", "LIQUIDATION")


def deleverage(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Auto-deleverage a position (`adl_autoclose`)."""
    return close_out(exchange, account, terms, "adl_autoclose", "LIMIT")


def settle(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Settle a position (`settlement_autoclose-`)."""
    return close_out(exchange, account, terms, "settlement_autoclose-", "MARKET")


def delist(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """End a market: orders expire and positions are settled for all, then nobody may name it."""
    place = market(exchange, terms.get("symbol"))
    symbol = place.rules.symbol
    for each in exchange.accounts.values():
        for order in [order for order in each.open.values() if order.symbol == symbol]:
            exchange.engine.expire(order, states.DELISTED)
        for held in [h for h in each.positions.values() if h.symbol == symbol and h.quantity]:
            settle(exchange, each, {"symbol": symbol, "positionSide": held.side})
    place.is_delisted = True
    return {"symbol": symbol, "account": account.api_key}


def funding(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Pay (negative) or receive funding for a position."""
    position = account.position(str(terms.get("symbol")), str(terms.get("positionSide", "BOTH")))
    return move_wallet(exchange, account, number(terms, "amount"), "FUNDING_FEE", position.symbol)


def transfer(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Move money in or out of the account."""
    change = number(terms, "amount")
    account.deposited += change
    return move_wallet(exchange, account, change, "TRANSFER", "")


def move_wallet(
    exchange: SimulatedExchange, account: Account, change: Decimal, kind: str, symbol: str
) -> dict[str, Any]:
    """A movement of the wallet that is no fill."""
    account.wallet += change
    account.incomes.append(
        Income(
            kind=kind,
            symbol=symbol,
            amount=change,
            transaction_id=len(account.incomes) + 1,
            time=exchange.clock.now(),
        )
    )
    reason = kind if symbol else ("DEPOSIT" if change > ZERO else "WITHDRAW")
    exchange.hub.holdings_changed(account, None, reason, change)
    return {"wallet_balance": plain(account.wallet)}


def position_mode(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Keep long and short apart from now on, or no more (`hedge`)."""
    hedge = bool(terms.get("hedge", False))
    checks.check_position_mode(account, hedge=hedge)
    account.hedge = hedge
    return {"hedge": account.hedge, "at": exchange.clock.now()}


def reset(exchange: SimulatedExchange, account: Account, _terms: Terms) -> dict[str, Any]:
    """Begin anew, for everybody, as test exchanges do each month: only accounts and money stay."""
    exchange.engine.begin_anew()
    exchange.algo.orders.clear()
    return {"wallet_balance": plain(account.wallet)}
