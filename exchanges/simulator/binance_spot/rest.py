"""Spot's part of the REST door: that of every Binance market, with its own ceilings and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.binance_rest import BinanceRest
from exchanges.simulator.limits import Charge
from exchanges.simulator.rest_dialect import HTML, Reply

if TYPE_CHECKING:
    from exchanges.simulator.call import Asked
    from exchanges.simulator.errors import ApiError

ORDERS_PER_DAY: Final = 200_000
GONE: Final = 410
GONE_PAGE: Final = b"<html><head><title>410 Gone</title></head><body>410 Gone</body></html>"


class SpotRest(BinanceRest):
    """Binance spot over HTTP."""

    def order_ceilings(self, api_key: str) -> tuple[Charge, ...]:
        """How many orders an account may send in ten seconds and in a day."""
        limit = self.house.config.orders_per_10s
        return (
            Charge(holder=api_key, pool="10 SECONDS", limit=limit, period=10.0),
            Charge(holder=api_key, pool="1 DAY", limit=ORDERS_PER_DAY, period=86_400.0),
        )

    def refusal(self, asked: Asked, error: ApiError) -> Reply:
        """What was removed is answered by a page of the servers in front."""
        if error.status == GONE:
            return Reply(status=GONE, body=GONE_PAGE, content_type=HTML)
        return super().refusal(asked, error)
