"""
Where the demo plays: houses of the simulated exchanges, each seen through its own control.

A house is one market type of one exchange. Symbols are unified here; what an exchange calls them
is asked of the account's own table of markets, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from exchanges.messages import Exchange, MarketType
from tracking.management.demo.comparison import Books, joined, ledger_books
from tracking.management.demo.exchange_control import ExchangeControl
from tracking.services import clients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from tracking.models import ExchangeAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What is traded at one house, and what its accounts begin with."""

    exchange: str
    market_type: MarketType
    symbols: tuple[str, ...]
    #: what one order is worth, in the quote asset
    notional: tuple[int, int] = (400, 6_000)
    #: spot and coin-margined accounts begin with these, others with the usual sum
    balances: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """Name it as the simulator's options do."""
        return f"{self.exchange}:{self.market_type.value}"

    @property
    def prefix(self) -> str:
        """Say where its control end points are."""
        return f"/sim/{self.exchange}/{self.market_type.value}"


_LINEAR = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
_INVERSE = ("BTC/USD:BTC", "ETH/USD:ETH")
_SPOT = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "ETH/BTC")
_COINS = {"BTC": "50", "ETH": "500"}
_PURSE = _COINS | {"USDT": "1000000", "SOL": "5000", "BNB": "100"}


def _binance(market_type: MarketType, symbols: tuple[str, ...], **more: Any) -> House:
    return House(exchange=Exchange.BINANCE, market_type=market_type, symbols=symbols, **more)


def _bybit(market_type: MarketType, symbols: tuple[str, ...], **more: Any) -> House:
    return House(exchange=Exchange.BYBIT, market_type=market_type, symbols=symbols, **more)


_FUTURES = _binance(MarketType.FUTURES, _LINEAR)
_BINANCE_SPOT = _binance(MarketType.SPOT, _SPOT, balances=_PURSE)
_BINANCE_COIN = _binance(MarketType.COIN_FUTURES, _INVERSE, balances=_COINS)
_BYBIT = (
    _bybit(MarketType.FUTURES, _LINEAR[:2]),
    _bybit(MarketType.SPOT, _SPOT[:2], balances=_PURSE),
    _bybit(MarketType.COIN_FUTURES, _INVERSE, balances=_COINS),
)
_UPBIT = House(
    exchange=Exchange.UPBIT,
    market_type=MarketType.SPOT,
    symbols=("BTC/KRW", "ETH/KRW"),
    notional=(500_000, 8_000_000),
    balances=_COINS | {"KRW": "2000000000"},
)

#: what `--exchange` may name
PLAYS: Final[Mapping[str, tuple[House, ...]]] = {
    "binance": (_FUTURES,),
    "binance-spot": (_BINANCE_SPOT,),
    "binance-coin": (_BINANCE_COIN,),
    "bybit": _BYBIT,
    "upbit": (_UPBIT,),
    "all": (_FUTURES, _BINANCE_SPOT, _BINANCE_COIN, *_BYBIT, _UPBIT),
}


class Theatre:
    """The houses of one play, on one server."""

    def __init__(self, url: str, houses: tuple[House, ...] = PLAYS["binance"]) -> None:
        """Nothing is asked yet."""
        self.houses = houses
        self._controls = {house: ExchangeControl(url, house.prefix) for house in houses}

    @property
    def first(self) -> ExchangeControl:
        """The control of the first house."""
        return self._controls[self.houses[0]]

    def control(self, house: House) -> ExchangeControl:
        """Give the control of a house."""
        return self._controls[house]

    def house_of(self, account: ExchangeAccount) -> House:
        """Say which house an account is at."""
        return next(
            house
            for house in self.houses
            if (house.exchange, house.market_type) == (account.exchange, account.market_type)
        )

    def control_of(self, account: ExchangeAccount) -> ExchangeControl:
        """Give the control of an account's house."""
        return self._controls[self.house_of(account)]

    def prices(self, account: ExchangeAccount) -> dict[str, Decimal]:
        """Read the prices of what is traded at an account's house, by unified symbol."""
        told = self.control_of(account).prices()
        symbols = self.house_of(account).symbols
        return {symbol: told[symbol_id(account, symbol)] for symbol in symbols}

    def books(self, accounts: Iterable[ExchangeAccount]) -> Books:
        """Read these accounts' books from the exchanges' ledgers."""
        return joined(
            ledger_books(
                self.control_of(account).ledger(account.api_key),
                account.api_key,
                partial(symbol_of, account),
            )
            for account in accounts
        )

    def client_order_ids(self, account: ExchangeAccount) -> set[str]:
        """Name every order the exchange has ever had of an account."""
        ledger = self.control_of(account).ledger(account.api_key)["accounts"][account.api_key]
        orders = [*ledger["orders"], *ledger["conditional_orders"]]
        return {order["client_order_id"] for order in orders}

    def is_up(self) -> bool:
        """Say whether every house answers."""
        return all(control.is_up() for control in self._controls.values())

    def freeze_prices(self) -> None:
        """Let no price move any more."""
        for control in self._controls.values():
            control.freeze_prices()

    def summary(self) -> dict[str, Any]:
        """Add up the counts of what happened; lists are joined."""
        counts: Counter[str] = Counter()
        lost: list[dict[str, Any]] = []
        for control in self._controls.values():
            told = control.summary()
            counts.update({name: n for name, n in told.items() if type(n) is int})
            lost += told["lost_frames"]
        return {**counts, "lost_frames": lost}


def symbol_id(account: ExchangeAccount, symbol: str) -> str:
    """Say what the account's exchange calls a unified symbol."""
    markets = clients.rest_client(account).markets
    return markets.market_of(MarketType(account.market_type), symbol).symbol_id


def symbol_of(account: ExchangeAccount, name: str) -> str:
    """Name what the account's exchange calls so."""
    return clients.rest_client(account).markets.symbol_of(MarketType(account.market_type), name)
