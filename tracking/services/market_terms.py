"""
What a market's contract means, for folding its positions; kept in the database.

The unified symbol tells the assets; the size of one contract is told by the exchange's table of
markets, from where whoever has loaded it stores it (`contract_terms`). It is looked up inside
transactions, so never asked for there: what is not stored counts as 1, which it is on spot and on
most linear markets. A process remembers what it has read: a contract does not change its size.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import structlog

from tracking.domain.market_terms import ONE, Terms, terms_of
from tracking.models import MarketTerms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.markets import Markets
    from exchanges.questions import Market

log = structlog.get_logger(__name__)

_known: dict[tuple[str, str, str], Terms] = {}
#: which loading of each table this process has stored
_stored: WeakKeyDictionary[Markets, int] = WeakKeyDictionary()


def terms(exchange: str, market_type: str, symbol: str) -> Terms:
    """Give a market's terms. Asks the database at most, never the exchange."""
    key = (exchange, market_type, symbol)
    if key in _known:
        return _known[key]
    told = terms_of(symbol)
    if told.is_spot or not told.quote:
        # an asset by itself is no contract either
        return told
    sizes = MarketTerms.objects.filter(exchange=exchange, market_type=market_type, symbol=symbol)
    size = sizes.values_list("contract_size", flat=True).first()
    if size is None:
        return told
    _known[key] = terms_of(symbol, size)
    return _known[key]


def forget() -> None:
    """Forget what this process has read and stored."""
    _known.clear()
    _stored.clear()


def is_news(markets: Markets) -> bool:
    """Whether a table was loaded since this process has stored it."""
    return markets.generation not in {0, _stored.get(markets)}


def store(exchange: str, markets: Markets) -> set[tuple[str, str]]:
    """Store what a table says; name the markets whose contracts have another size than counted.

    To be called inside a transaction, `note_stored` after it; `contract_terms.learn` does both.
    """
    rows = MarketTerms.objects.filter(exchange=exchange)
    held = {
        (market_type, symbol): size
        for market_type, symbol, size in rows.values_list("market_type", "symbol", "contract_size")
    }
    told = _rows(exchange, markets.all())
    changed = [row for row in told if held.get((row.market_type, row.symbol)) != row.contract_size]
    MarketTerms.objects.bulk_create(
        sorted(changed, key=lambda row: (row.market_type, row.symbol)),
        update_conflicts=True,
        unique_fields=["exchange", "market_type", "symbol"],
        update_fields=["base", "quote", "settle", "contract_size"],
    )
    if changed:
        _known.clear()
        log.info("market_terms.stored", exchange=exchange, markets=len(changed))
    named = [(row.market_type, row.symbol, row.contract_size) for row in changed]
    return {(m, s) for m, s, size in named if held.get((m, s), ONE) != size}


def note_stored(markets: Markets) -> None:
    """Remember that this loading of a table is stored for good."""
    _stored[markets] = markets.generation


def _rows(exchange: str, table: Iterable[Market]) -> list[MarketTerms]:
    return [
        MarketTerms(
            exchange=exchange,
            market_type=market.market_type.value,
            symbol=market.symbol,
            base=market.base,
            quote=market.quote,
            settle=market.settle or "",
            contract_size=market.contract_size or Decimal(1),
        )
        for market in table
    ]
