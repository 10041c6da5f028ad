"""
The oracle: what really happened, as JSON for `GET /sim/ledger`.

Every amount is a string of plain digits, every id a string, every time in milliseconds. It is read
from the engine's own books, never from what was sent to anybody.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from exchanges.simulator.amounts import plain
from exchanges.simulator.channel import FrameCounts
from exchanges.simulator.config import SPOT
from exchanges.simulator.errors import ControlError
from exchanges.simulator.orders import BY_HAND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.accounts import Account, Balance, Position
    from exchanges.simulator.channel import Link
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.orders import Execution, Order


def order_row(exchange: SimulatedExchange, order: Order) -> dict[str, Any]:
    """One order as it is now."""
    terms = order.terms
    return {
        "account": order.account.api_key,
        "market_type": exchange.market_type,
        "symbol": order.symbol,
        "exchange_order_id": exchange.dialect.order_id(order),
        "client_order_id": terms.client_id,
        "origin": terms.origin,
        "side": terms.side,
        "position_side": terms.position_side,
        "type": terms.type,
        "time_in_force": terms.time_in_force,
        "reduce_only": order.reduce_only,
        "price": plain(order.price),
        "quantity": plain(order.quantity),
        "filled_quantity": plain(order.executed),
        "filled_quote": plain(order.quote),
        "trigger_price": plain(order.trigger_price),
        "is_waiting": order.is_waiting,
        "status": order.status,
        "expiry_reason": order.expiry_reason,
        "created_at": order.created,
        "updated_at": order.updated,
    }


def execution_row(exchange: SimulatedExchange, execution: Execution) -> dict[str, Any]:
    """One fill."""
    order = execution.order
    return {
        "account": order.account.api_key,
        "market_type": exchange.market_type,
        "symbol": order.symbol,
        "exchange_order_id": exchange.dialect.order_id(order),
        "exchange_trade_id": exchange.dialect.trade_id(execution),
        "side": order.terms.side,
        "position_side": order.terms.position_side,
        "price": plain(execution.price),
        "quantity": plain(execution.quantity),
        "commission": plain(execution.commission),
        "commission_asset": execution.commission_asset,
        "is_maker": execution.is_maker,
        "realized_pnl": plain(execution.realized_pnl),
        "executed_at": execution.time,
    }


def position_row(position: Position) -> dict[str, Any]:
    """One holding that is not flat."""
    return {
        "symbol": position.symbol,
        "position_side": position.side,
        "quantity": plain(position.quantity),
        "entry_price": plain(position.entry_price),
        "realized_pnl": plain(position.realized),
    }


def balance_row(exchange: SimulatedExchange, balance: Balance) -> dict[str, Any]:
    """What is owned of one asset; spot: and how much of it open orders have locked."""
    if exchange.config.custody == SPOT:
        owned = {"free": plain(balance.free), "locked": plain(balance.held)}
    else:
        owned = {"wallet_balance": plain(balance.total)}
    return {"asset": balance.asset, **owned, "deposited": plain(balance.deposited)}


def account_rows(exchange: SimulatedExchange, account: Account) -> dict[str, Any]:
    """Everything one account did and owns."""
    return {
        "market_type": exchange.market_type,
        "hedge": account.hedge,
        "orders": [order_row(exchange, order) for order in account.orders.values()],
        "open_orders": [order_row(exchange, order) for order in account.open.values()],
        "conditional_orders": [
            {
                "symbol": algo.terms.symbol,
                "exchange_order_id": str(algo.algo_id),
                "client_order_id": algo.terms.client_id,
                "status": algo.status,
                "is_waiting": algo.is_waiting,
            }
            for algo in exchange.algo.of(account)
        ],
        "executions": [execution_row(exchange, each) for each in account.executions],
        "positions": [
            position_row(position) for position in account.positions.values() if position.quantity
        ],
        "balances": [balance_row(exchange, each) for each in account.balances.values()],
        "incomes": [
            {
                "kind": income.kind,
                "symbol": income.symbol,
                "asset": income.asset,
                "amount": plain(income.amount),
                "time": income.time,
            }
            for income in account.incomes
        ],
        "client_ids_reused": account.client_ids_reused,
    }


def everything(exchange: SimulatedExchange, account: str | None) -> dict[str, Any]:
    """All books, or those of one account, and the summary."""
    chosen = chosen_accounts(exchange, account)
    return {
        "now": exchange.clock.now(),
        "accounts": {each.api_key: account_rows(exchange, each) for each in chosen},
        "prices": {
            symbol: plain(market.price) for symbol, market in exchange.engine.markets.items()
        },
        "summary": summary(exchange, account),
    }


def chosen_accounts(exchange: SimulatedExchange, account: str | None) -> list[Account]:
    """One account, or all."""
    if account is None:
        return list(exchange.accounts.values())
    if account not in exchange.accounts:
        text = f"no such account: {account}"
        raise ControlError(text)
    return [exchange.accounts[account]]


def summary(exchange: SimulatedExchange, account: str | None) -> dict[str, Any]:
    """Counts only: of the books, the frames, the requests and the limits."""
    chosen = chosen_accounts(exchange, account)
    channels = [exchange.hub.channel(each.api_key) for each in chosen]
    frames: Counter[str] = Counter()
    for channel in channels:
        frames.update(channel.counts.numbers())
    return {
        **counts(chosen),
        **FrameCounts().numbers(),
        **frames,
        "lost_frames": [
            {"account": channel.api_key, **frame}
            for channel in channels
            for frame in channel.counts.lost_frames
        ],
        "open_sockets": sum(len(channel.links) for channel in channels),
        "listened_for": sorted(
            {event for channel in channels for link in channel.links for event in wanted(link)}
        ),
        **requests(exchange),
    }


def wanted(link: Link) -> frozenset[str]:
    """The events a socket named; none where it hears all of them."""
    return link.socket.events or frozenset()


def requests(exchange: SimulatedExchange) -> dict[str, Any]:
    """What was asked of REST, and what the limits said."""
    limits = exchange.limits
    return {
        "requests": sum(exchange.requests.values()),
        "requests_by_endpoint": dict(exchange.requests),
        "requests_refused": dict(exchange.refused),
        "weight_by_minute": {str(minute): used for minute, used in limits.weight_by_minute.items()},
        "too_many_requests": limits.too_many_requests,
        "bans": limits.bans,
        "requests_during_ban": limits.requests_during_ban,
    }


def counts(accounts: Iterable[Account]) -> dict[str, int]:
    """How much happened, over these accounts."""
    chosen = list(accounts)
    return {
        "accounts": len(chosen),
        "orders": sum(len(account.orders) for account in chosen),
        "open_orders": sum(len(account.open) for account in chosen),
        "executions": sum(len(account.executions) for account in chosen),
        "partial_then_cancelled": sum(account.partial_then_cancelled for account in chosen),
        "by_hand": sum(account.by_hand for account in chosen),
        "executions_by_hand": sum(
            execution.order.terms.origin == BY_HAND
            for account in chosen
            for execution in account.executions
        ),
        "client_ids_reused": sum(len(account.client_ids_reused) for account in chosen),
    }
