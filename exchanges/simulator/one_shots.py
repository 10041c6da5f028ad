"""
Setting fault switches: those that stay, and those that happen once.

`disconnect` (a close code or "abort") and `expire_listen_key` (true or "silent") act on what is
open when they are set, `ban` (seconds; 0 lifts it) on this address, `server_shutdown` (seconds
until it happens) announces that open sockets will be closed, where the exchange says so. Without
listen keys `expire_listen_key` ends subscriptions. The others stay in force until they are set
again or `reset`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import as_json
from exchanges.simulator.faults import expand_profile, read_switches

if TYPE_CHECKING:
    from exchanges.simulator.exchange import SimulatedExchange

ONE_SHOT: Final = ("disconnect", "expire_listen_key", "ban", "server_shutdown")
SCOPE: Final = ("account", "reset")
GOING_AWAY: Final = 1001
CLOSE_CODES: Final = range(1000, 5000)


def set_faults(exchange: SimulatedExchange, terms: dict[str, Any]) -> dict[str, Any]:
    """Set what is asked for, for everybody or one account; returns what now holds."""
    account = terms.get("account")
    once: dict[str, Any] = {name: terms[name] for name in ONE_SHOT if name in terms}
    check_once(once)
    switches = {name: value for name, value in terms.items() if name not in {*ONE_SHOT, *SCOPE}}
    read_switches(expand_profile(switches))
    if terms.get("reset"):
        exchange.board.clear(account)
    exchange.board.set(switches, account)
    exchange.obey()
    if {"mute", "half_open", "profile"} & set(switches) or terms.get("reset"):
        disturb(exchange, account, switches)
    strike(exchange, [account] if account else list(exchange.accounts), once)
    return state(exchange, account)


def check_once(once: dict[str, Any]) -> None:
    """Refuse values that mean nothing."""
    how = once.get("disconnect", "abort")
    if how != "abort" and (not isinstance(how, int) or how not in CLOSE_CODES):
        text = f'disconnect: expected a close code or "abort", was {how!r}'
        raise ControlError(text)
    if once.get("expire_listen_key", True) not in {True, "silent"}:
        text = 'expire_listen_key: expected true or "silent"'
        raise ControlError(text)
    for name in ("ban", "server_shutdown"):
        if not isinstance(once.get(name, 0), int | float):
            text = f"{name}: expected seconds"
            raise ControlError(text)


def disturb(exchange: SimulatedExchange, account: str | None, switches: dict[str, Any]) -> None:
    """Make open sockets mute, half-open or live; "current" leaves the switch off behind them."""
    exchange.hub.apply_states([account] if account else list(exchange.accounts))
    for name in ("mute", "half_open"):
        if switches.get(name) == "current":
            exchange.board.set({name: False}, account)


def strike(exchange: SimulatedExchange, accounts: list[str], once: dict[str, Any]) -> None:
    """Do what happens once."""
    if "disconnect" in once:
        exchange.hub.interrupt(accounts, once["disconnect"])
    if "expire_listen_key" in once:
        for api_key in accounts:
            exchange.hub.expire(api_key, announced=once["expire_listen_key"] is True)
    if "ban" in once:
        exchange.limits.impose(float(once["ban"]))
    if "server_shutdown" in once:
        exchange.hub.announce_end(accounts)
        after = float(once["server_shutdown"])
        asyncio.get_running_loop().call_later(after, exchange.hub.interrupt, accounts, GOING_AWAY)


def state(exchange: SimulatedExchange, account: str | None) -> dict[str, Any]:
    """What holds now, for everybody or for one account."""
    return as_json(exchange.board.of(account))
