"""What the exchange does itself: it ends, closes, settles, delists, moves money, begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchanges.simulator import checks, ledger
from exchanges.simulator import orders as states
from exchanges.simulator.accounts import Income
from exchanges.simulator.act_terms import Terms, find_open, market, number
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.config import SPOT
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
    check_has_positions(exchange)
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
    """Settle a position (`settlement_autoclose-`, of a contract with an end `delivery_...`)."""
    has_end = market(exchange, terms.get("symbol")).rules.delivery
    prefix = "delivery_autoclose-" if has_end else "settlement_autoclose-"
    return close_out(exchange, account, terms, prefix, "MARKET")


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
    """Pay (negative) or receive funding for a position, in its settlement asset."""
    check_has_positions(exchange)
    rules = market(exchange, terms.get("symbol")).rules
    change = number(terms, "amount")
    return move_balance(
        exchange, account, rules.settlement, change, "FUNDING_FEE", symbol=rules.symbol
    )


def transfer(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Move money (of `asset`) in or out of the account."""
    asset = str(terms.get("asset") or next(iter(account.balances), "USDT"))
    change = number(terms, "amount")
    check_is_there(exchange, account, asset, change)
    account.balance(asset).deposited += change
    return move_balance(exchange, account, asset, change, "TRANSFER")


def dust(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Spot: turn a small balance (`asset`, all that is free) into `amount` of another (`into`)."""
    asset, into = str(terms.get("asset")), str(terms.get("into", "BNB"))
    gone = account.balance(asset).free
    if exchange.config.custody != SPOT or gone <= 0:
        text = f"there is no dust of {asset}"
        raise ControlError(text)
    move_balance(exchange, account, asset, -gone, "DUST")
    return move_balance(exchange, account, into, number(terms, "amount"), "DUST")


def check_has_positions(exchange: SimulatedExchange) -> None:
    """Refuse what only contracts know."""
    if exchange.config.custody == SPOT:
        text = "there are no positions in spot"
        raise ControlError(text)


def check_is_there(
    exchange: SimulatedExchange, account: Account, asset: str, change: Decimal
) -> None:
    """Spot: nobody owns less than nothing."""
    if exchange.config.custody == SPOT and account.balance(asset).free + change < 0:
        text = f"there is not so much {asset}"
        raise ControlError(text)


def move_balance(
    exchange: SimulatedExchange,
    account: Account,
    asset: str,
    change: Decimal,
    kind: str,
    *,
    symbol: str = "",
) -> dict[str, Any]:
    """A movement of a balance that is no fill."""
    balance = account.balance(asset)
    balance.total += change
    account.touched = (asset,)
    account.incomes.append(
        Income(
            kind=kind,
            symbol=symbol,
            asset=asset,
            amount=change,
            transaction_id=len(account.incomes) + 1,
            time=exchange.clock.now(),
        )
    )
    reason = kind if symbol else ("DEPOSIT" if change > ZERO else "WITHDRAW")
    exchange.hub.holdings_changed(account, None, reason, change)
    return {"asset": asset, "wallet_balance": plain(balance.total)}


def position_mode(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Keep long and short apart from now on, or no more (`hedge`)."""
    hedge = bool(terms.get("hedge", False))
    checks.change_position_mode(exchange, account, hedge=hedge)
    return {"hedge": account.hedge, "at": exchange.clock.now()}


def reset(exchange: SimulatedExchange, account: Account, _terms: Terms) -> dict[str, Any]:
    """Begin anew, for everybody, as test exchanges do each month: only accounts and money stay."""
    exchange.engine.begin_anew()
    exchange.algo.orders.clear()
    return {
        "balances": {each.asset: plain(each.total) for each in account.balances.values()},
    }
