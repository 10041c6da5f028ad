"""
Accounts over REST: positions, the position mode; and the time.

Source: "Get Position Info", "Switch Position Mode", "Get Account Info", "Get Bybit Server Time" of
v5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit import clocks, holdings, paging, rest_orders, rows, terms, words
from exchanges.simulator.bybit.endpoints import private, public
from exchanges.simulator.bybit.errors import bad_parameter, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.exchange import SimulatedExchange

USUAL: Final = 20
MOST: Final = 200
MODES: Final = {"0": False, "3": True}


class SharedEndpoints:
    """What concerns all houses at once: the time, and accounts whatever house they are in."""

    def __init__(self, houses: Iterable[SimulatedExchange]) -> None:
        """`houses` are those that are open."""
        self._houses = list(houses)

    def time(self, _call: Call) -> Json:
        """GET market/time."""
        now = clocks.now(self._houses)
        return {"timeSecond": str(now // 1000), "timeNano": f"{now}000000"}

    def endpoints(self) -> list[Endpoint]:
        """What this module serves."""
        return [
            public("market/time", self.time),
            private("account/info", "GET", account_info),
            private("position/list", "GET", position_list),
            private("position/switch-mode", "POST", switch_mode),
            private("asset/coin/query-info", "GET", coin_info),
        ]


def position_list(call: Call) -> Json:
    """GET position/list: of one symbol flat ones too, else only what is held."""
    rest_orders.check_scope(call)
    if terms.category_of(call) == words.SPOT:
        text = "category invalid"
        raise bad_parameter(text)
    found = sorted(
        shown_positions(call, call.account), key=lambda position: (position.symbol, position.side)
    )
    shown, cursor = paging.page(
        call, found, name=lambda each: f"{each.symbol}.{each.side}", usual=USUAL, most=MOST
    )
    told = [position_row(call, position) for position in shown]
    return paging.answer(terms.category_of(call), told, cursor)


def shown_positions(call: Call, account: Account) -> list[Position]:
    """The positions that are asked for, in the sides of the account's mode."""
    symbol = call.params.get("symbol", "")
    if symbol and symbol in call.exchange.engine.markets:
        sides = ("LONG", "SHORT") if account.hedge else ("BOTH",)
        return [account.position(symbol, side) for side in sides]
    return [
        position
        for position in account.positions.values()
        if position.quantity and rest_orders.in_scope(call, position.symbol)
    ]


def position_row(call: Call, position: Position) -> rows.Row:
    """A position at the market's price."""
    mark = call.exchange.engine.markets[position.symbol].price
    return holdings.position_row(position, mark, unrealised=position.result(mark))


def switch_mode(call: Call) -> Json:
    """POST position/switch-mode: while nothing is open (110028) or held (110024)."""
    mode = call.params.get("mode", "")
    if mode not in MODES:
        text = "mode invalid"
        raise bad_parameter(text)
    if MODES[mode] == call.account.hedge:
        raise refusal(110025, "Position mode is not modified")
    if call.account.open:
        text = "You have existing open orders, so the position mode cannot be switched."
        raise refusal(110028, text)
    if any(position.quantity for position in call.account.positions.values()):
        text = "You have an existing position, so the position mode cannot be switched."
        raise refusal(110024, text)
    call.account.hedge = MODES[mode]
    return {}


def account_info(call: Call) -> Json:
    """GET account/info."""
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": str(call.exchange.clock.now()),
        "unifiedMarginStatus": 5,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def coin_info(_call: Call) -> Json:
    """GET asset/coin/query-info: nothing can be deposited here."""
    return {"rows": []}
