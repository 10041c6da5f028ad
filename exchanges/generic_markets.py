"""
ccxt's table of markets: loaded once in a process, lent to every instance, read as ours.

All market types at once, though an account has one: its stream tells of the others' orders as
well, and ccxt stumbles over a market it does not know. Only options are left out.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges.errors import MalformedMessage
from exchanges.generic_answers import exact
from exchanges.generic_errors import classify
from exchanges.generic_speaker import Asking, Clock, speaker_of
from exchanges.governor import Priority
from exchanges.markets import Markets
from exchanges.messages import MarketType
from exchanges.questions import Market
from exchanges.wire import optional_text, text

if TYPE_CHECKING:
    from exchanges.errors import ExchangeError
    from exchanges.governor import Governor
    from exchanges.wire import Fields

#: Some exchanges tell their markets on several pages.
_LOAD_TIMEOUT: Final = 30.0
#: ccxt's TICK_SIZE: precisions are steps. Elsewhere those of amounts are numbers of places
_STEPS: Final = 4
#: ccxt's SIGNIFICANT_DIGITS: those of prices are numbers of digits, and there is no step
_DIGITS: Final = 3
#: where no step is told: as fine as we keep amounts
_FINEST: Final = Decimal(1).scaleb(-18)


class MarketSource:
    """One exchange's markets. Safe to share between threads."""

    def __init__(self, exchange: str, base_url: str, governor: Governor) -> None:
        self._exchange, self._base_url, self._governor = exchange, base_url, governor
        self._loaded: Any = None
        self.markets = Markets(self._load)

    def lend(self, instance: Any) -> None:
        """Give an instance of the same exchange the table, if it has an older one or none."""
        if self._loaded is None:
            self.markets.all()
        loaded = self._loaded
        if instance.markets is not loaded.markets:
            instance.set_markets_from_exchange(loaded)

    def _load(self) -> list[Market]:
        speaker = speaker_of(self._exchange)(
            clock=Clock(),
            base_url=self._base_url,
            credentials=None,
            market_type=None,
        )
        speaker.asking = Asking(
            governor=self._governor,
            holder=None,
            priority=Priority.VERIFY,
            deadline=time.monotonic() + _LOAD_TIMEOUT,
        )
        if failure := _failure(speaker.load_markets):
            raise failure
        self._loaded = speaker
        return [
            market
            for told in speaker.markets.values()
            if type_of(told) is not None and (market := _readable(told, speaker))
        ]


def type_of(market: Fields) -> MarketType | None:
    """Tell which of our market types a market of ccxt is; None for options and the like."""
    if market.get("spot") is True:
        return MarketType.SPOT
    if market.get("contract") is not True or market.get("option") is True:
        return None
    return MarketType.COIN_FUTURES if market.get("inverse") is True else MarketType.FUTURES


def _failure(load: Any) -> ExchangeError | None:
    # raised by whoever asked, not where it was caught: ccxt's error holds the whole URL
    try:
        load()
    except Exception as error:  # noqa: BLE001 - ccxt's readers raise whatever they stumble over
        return classify(error)
    return None


def _readable(told: Fields, speaker: Any) -> Market | None:
    """Read a market; one that cannot be read is left out alone."""
    try:
        return _market(told, speaker.precisionMode)
    except MalformedMessage:
        return None


def _market(told: Fields, mode: int) -> Market:
    precision, limits = _part(told, "precision"), _part(told, "limits")
    market_type = type_of(told)
    if market_type is None:
        msg = "no market of ours"
        raise MalformedMessage(msg)
    return Market(
        market_type=market_type,
        symbol_id=text(told, "id"),
        symbol=text(told, "symbol"),
        base=text(told, "base"),
        quote=text(told, "quote"),
        settle=optional_text(told, "settle") or None,
        price_step=_FINEST if mode == _DIGITS else _step(precision, "price", mode),
        quantity_step=_step(precision, "amount", mode),
        minimum_quantity=exact(_part(limits, "amount"), "min") or Decimal(0),
        minimum_notional=exact(_part(limits, "cost"), "min"),
        contract_size=None if market_type is MarketType.SPOT else exact(told, "contractSize"),
    )


def _part(fields: Fields, key: str) -> Fields:
    part = fields.get(key)
    return part if isinstance(part, dict) else {}


def _step(precision: Fields, key: str, mode: int) -> Decimal:
    told = exact(precision, key)
    if told is None:
        return _FINEST
    step = told if mode == _STEPS else Decimal(1).scaleb(-int(told))
    return step if step > 0 else _FINEST
