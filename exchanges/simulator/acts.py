"""
What happens without a REST request: a trader's hand on the website, and the exchange itself.

`POST /sim/act` takes `{"action": .., "account": .., ...}` with the parameter names of REST. An act
is checked like an order but needs no signature and meets no fault on its way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator import checks, ledger
from exchanges.simulator import orders as states
from exchanges.simulator.accounts import Income
from exchanges.simulator.amounts import ZERO, parse, plain
from exchanges.simulator.channel import Frame
from exchanges.simulator.errors import ControlError
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order

Terms = dict[str, Any]
WEB_ID_LENGTH: Final = 20


def act(exchange: SimulatedExchange, terms: Terms) -> dict[str, Any]:
    """Do one act; returns what it made of the order or account."""
    doer = ACTS.get(str(terms.get("action")))
    if doer is None:
        text = f"unknown action: {terms.get('action')} (known: {', '.join(ACTS)})"
        raise ControlError(text)
    account = exchange.accounts.get(str(terms.get("account")))
    if account is None:
        text = f"no such account: {terms.get('account')}"
        raise ControlError(text)
    return doer(exchange, account, terms)


def market(exchange: SimulatedExchange, symbol: object) -> Market:
    """The market with this name."""
    found = exchange.engine.markets.get(str(symbol))
    if found is None:
        text = f"no such symbol: {symbol}"
        raise ControlError(text)
    return found


def number(terms: Terms, name: str, default: Decimal | None = None) -> Decimal:
    """A number among the terms."""
    value = parse(str(terms[name])) if name in terms else default
    if value is None:
        text = f"{name} must be a number"
        raise ControlError(text)
    return value


def find(account: Account, terms: Terms) -> Order:
    """The order named by symbol and orderId or clientOrderId."""
    symbol = str(terms.get("symbol"))
    if "orderId" in terms:
        order = account.orders.get((symbol, int(terms["orderId"])))
    else:
        order = account.by_client_id.get((symbol, str(terms.get("clientOrderId"))))
    if order is None:
        text = "no such order"
        raise ControlError(text)
    return order


def find_open(account: Account, terms: Terms) -> Order:
    """The named order, which must be open."""
    order = find(account, terms)
    if not order.is_open:
        text = f"expected an open order, was {order.status}"
        raise ControlError(text)
    return order


def web_id(exchange: SimulatedExchange) -> str:
    """A client order id as Binance's website makes them."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "web_" + "".join(exchange.id_chance.choices(alphabet, k=WEB_ID_LENGTH))


def place(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Place an order by hand."""
    params = {
        name: str(value) for name, value in terms.items() if name not in {"action", "account"}
    }
    params.setdefault("newClientOrderId", web_id(exchange))
    if params.get("type", "MARKET") == "LIMIT":
        params.setdefault("timeInForce", "GTC")
    params.setdefault("type", "MARKET")
    checked = checks.read_terms(exchange, account, params, origin=states.BY_HAND)
    checks.check_placement(exchange, account, checked)
    return ledger.order_row(exchange.engine.place(account, checked))


def cancel(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Cancel an order by hand."""
    order = find_open(account, terms)
    exchange.engine.cancel(order)
    return ledger.order_row(order)


def amend(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Change price or quantity of an order by hand."""
    order = find_open(account, terms)
    quantity, price = number(terms, "quantity", order.quantity), number(terms, "price", order.price)
    exchange.engine.amend(order, quantity, price)
    return ledger.order_row(order)


def fill(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Let a resting order trade `quantity` (all) at its price with `counterparties` (1).

    `tradeId`: every fill carries this id, which an earlier one may have.
    """
    order = find_open(account, terms)
    quantity = number(terms, "quantity", order.remaining)
    trade_id = int(terms["tradeId"]) if "tradeId" in terms else None
    exchange.engine.fill_resting(order, quantity, int(terms.get("counterparties", 1)), trade_id)
    return ledger.order_row(order)


def expire(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """End an order for a reason of the exchange's (`reason`: an `er` code)."""
    order = find_open(account, terms)
    exchange.engine.expire(order, str(terms.get("reason", states.DELISTED)))
    return ledger.order_row(order)


def cancel_then_fill(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Fill and cancel at once, with the word of the cancel leaving first."""
    order = find_open(account, terms)
    channel = exchange.hub.channel(account.api_key)
    with channel.withheld() as held:
        exchange.engine.fill_resting(order, number(terms, "quantity"), 1)
        if order.is_open:
            exchange.engine.cancel(order)
    for frame in reversed(held):
        channel.deliver(frame)
    return ledger.order_row(order)


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
    return ledger.order_row(order)


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


def say(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Send any text as a frame to the account's sockets."""
    event = str(terms.get("event", "ORDER_TRADE_UPDATE"))
    exchange.hub.channel(account.api_key).deliver(Frame(event=event, text=str(terms["text"])))
    return {"sent": True}


ACTS: Final[dict[str, Callable[[SimulatedExchange, Account, Terms], dict[str, Any]]]] = {
    "place": place,
    "cancel": cancel,
    "amend": amend,
    "fill": fill,
    "expire": expire,
    "cancel_then_fill": cancel_then_fill,
    "liquidate": liquidate,
    "deleverage": deleverage,
    "settle": settle,
    "delist": delist,
    "funding": funding,
    "transfer": transfer,
    "say": say,
}


def set_price(exchange: SimulatedExchange, terms: Terms) -> dict[str, str]:
    """Set a price and fill what it reached: in part, all of it, or none."""
    place = market(exchange, terms.get("symbol"))
    price = number(terms, "price")
    if price <= 0 or price % place.rules.price_tick:
        text = "price must be a positive multiple of the tick"
        raise ControlError(text)
    how = terms.get("fill", "part")
    if how not in {"part", "all", "none"}:
        text = 'fill must be "part", "all" or "none"'
        raise ControlError(text)
    place.move_to(price.quantize(place.rules.price_tick))
    if how != "none":
        exchange.engine.sweep(place, whole=how == "all")
    return prices(exchange)


def prices(exchange: SimulatedExchange) -> dict[str, str]:
    """The price of every symbol."""
    return {symbol: plain(each.price) for symbol, each in exchange.engine.markets.items()}
