"""
Bybit's lists of orders and holdings, read page by page.

Policy: conditional orders are listed with all others. Contracts settled in different coins are
asked for coin by coin, because linear ones cannot be had all at once.

Sources: v5 "Get Open & Closed Orders", "Get Order History", "Get Position Info" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from exchanges import bybit_answers as answers
from exchanges import bybit_calls as calls
from exchanges import bybit_holdings as holdings
from exchanges import bybit_requests as requests
from exchanges import bybit_vocabulary as words
from exchanges.errors import OrderNotFound
from exchanges.messages import HoldingReport, IdSpace, MarketType, Source
from exchanges.understanding import about, understood
from exchanges.wire import ZERO, a_list, an_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from exchanges.calls import Calls, Endpoint
    from exchanges.governor import Priority
    from exchanges.markets import Markets
    from exchanges.messages import OrderSnapshot
    from exchanges.questions import OrderRef
    from exchanges.wire import Fields

T = TypeVar("T")

ORDERS_A_PAGE: Final = 50
_POSITIONS_A_PAGE: Final = 200
#: 500 orders may be open in a symbol of contracts, and in all of spot
_PAGES: Final = 100
#: the coins contracts are settled in, whatever the table of markets says
SETTLED_IN: Final = frozenset({"USDT", "USDC"})
#: where one order may be found, in this order
_EITHER: Final = (calls.REALTIME, calls.HISTORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Asks on behalf of one account, until a deadline on the monotonic clock."""

    api: Calls
    market_type: MarketType
    markets: Markets
    deadline: float
    priority: Priority

    def order(self, ref: OrderRef) -> OrderSnapshot:
        """Ask for one order: among the recent ones, then in the history.

        Raises OrderNotFound once neither knows it, which by itself proves nothing.
        """
        for endpoint in _EITHER:
            for page in self._pages(endpoint, requests.naming(ref), most=1):
                if found := self._snapshots(page):
                    return about(ref, max(found, key=lambda one: one.exchange_updated_at))
        msg = "neither the recent orders nor the history know it"
        raise OrderNotFound(msg)

    def opened(self, symbol_id: str | None) -> tuple[OrderSnapshot, ...]:
        """Ask for all orders that are alive, of one symbol or of all.

        Raises UnknownSymbol: an empty list would say that nothing is open there.
        """
        if symbol_id:
            self.markets.market_by_id(self.market_type, symbol_id)
        parameters = {"limit": str(ORDERS_A_PAGE), "openOnly": "0"}
        asked = [self._of(symbol_id)] if symbol_id else self._of_everything()
        return tuple(
            snapshot
            for one in asked
            for page in self._pages(calls.REALTIME, one | parameters)
            for snapshot in self._snapshots(page)
        )

    def closed(self, symbol_id: str) -> tuple[OrderSnapshot, ...]:
        """Ask for a page of the orders of a symbol that ended last."""
        parameters = self._of(symbol_id) | {"limit": str(ORDERS_A_PAGE)}
        return tuple(
            snapshot
            for page in self._pages(calls.HISTORY, parameters, most=1)
            for snapshot in self._snapshots(page)
        )

    def held(self) -> tuple[HoldingReport, ...]:
        """Ask what is held; what is not mentioned is held at zero."""
        if self.market_type is MarketType.SPOT:
            return self._coins()
        rows = [
            row
            for one in self._of_everything()
            for row in self._positions(one | {"limit": str(_POSITIONS_A_PAGE)})
        ]
        return understood(lambda: tuple(holdings.position(row, self.market_type) for row in rows))

    def has_two_sides(self, symbol_id: str) -> bool:
        """Ask whether a symbol has a long and a short position; told whether it is held or not."""
        rows = self._positions(self._of(symbol_id))
        return any(row.get("positionIdx") not in (0, "0") for row in rows)

    def available(self, asset: str) -> Decimal:
        """Ask what a new order may use of a coin."""
        found = self._wallet(
            {"coin": asset},
            lambda account: [holdings.available(account, self.market_type, asset)],
        )
        return sum(found, ZERO)

    def _coins(self) -> tuple[HoldingReport, ...]:
        return self._wallet({}, holdings.coins)

    def _wallet(
        self, parameters: Mapping[str, str], read: Callable[[Fields], list[T]]
    ) -> tuple[T, ...]:
        """Ask for the unified wallet, and read of it what is wanted."""
        told = self.api.call(
            calls.WALLET,
            {"accountType": "UNIFIED", **parameters},
            priority=self.priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )
        return understood(
            lambda: tuple(
                found
                for account in a_list(calls.result(told.body).get("list"))
                for found in read(an_object(account))
            )
        )

    def _positions(self, parameters: Mapping[str, object]) -> Iterator[Fields]:
        for page in self._pages(calls.POSITIONS, parameters):
            yield from page.rows

    def _of(self, symbol_id: str) -> dict[str, object]:
        return requests.of_symbol(self.market_type, symbol_id)

    def _of_everything(self) -> list[dict[str, object]]:
        everything: dict[str, object] = {"category": words.CATEGORIES[self.market_type]}
        if self.market_type is not MarketType.FUTURES:
            return [everything]
        coins = SETTLED_IN | {market.settle for market in self.markets.all() if market.settle}
        return [everything | {"settleCoin": coin} for coin in sorted(coins)]

    def _pages(
        self, endpoint: Endpoint, parameters: Mapping[str, object], *, most: int = _PAGES
    ) -> Iterator[calls.Page]:
        return calls.pages(
            self.api,
            endpoint,
            parameters,
            deadline=self.deadline,
            priority=self.priority,
            most=most,
        )

    def _snapshots(self, page: calls.Page) -> list[OrderSnapshot]:
        return understood(
            lambda: [
                answers.read_order(
                    row,
                    market_type=self.market_type,
                    id_space=IdSpace.ORDER,
                    requested_at=page.requested_at,
                    source=Source.REST_ORDER,
                )
                for row in page.rows
            ]
        )
