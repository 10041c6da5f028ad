"""What a fill adds to its order's quote, as the database says it: `domain.executions.quote_of`."""

from __future__ import annotations

from typing import Final

#: of an inverse market the coins it is worth, by so many digits that the rounding is the only one
QUOTE: Final = """
    CASE WHEN market_type <> 'COIN_FUTURES' THEN execution_quantity * execution_price
         WHEN execution_price = 0 THEN 0
         ELSE round(execution_quantity::numeric(200, 120) / execution_price, 36) END
"""
