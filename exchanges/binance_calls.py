"""
Binance's endpoints with their weights, and how it answers.

Weights: the REST documentation of each endpoint.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.binance_errors import TOO_MANY_ORDERS, read_answer
from exchanges.binance_vocabulary import ORDERS_10_SECONDS, ORDERS_MINUTE
from exchanges.calls import Endpoint, Pause
from exchanges.wire import an_object, moment

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.errors import RateLimited
    from exchanges.http_session import Answer

_USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
#: -1015 names the ten-second pool or the minute pool; the shorter pause is tried first.
_ORDER_PAUSE: Final = 10.0

ORDER = Endpoint(name="fapiPrivateGetOrder", weight=1)
OPEN_ORDERS = Endpoint(name="fapiPrivateGetOpenOrders", weight=1)
ALL_OPEN_ORDERS = Endpoint(name="fapiPrivateGetOpenOrders", weight=40)
ORDERS = Endpoint(name="fapiPrivateGetAllOrders", weight=5)
TRADES = Endpoint(name="fapiPrivateGetUserTrades", weight=5)
ALGO_ORDER = Endpoint(name="fapiPrivateGetAlgoOrder", weight=1)
OPEN_ALGO_ORDERS = Endpoint(name="fapiPrivateGetOpenAlgoOrders", weight=1)
ALL_OPEN_ALGO_ORDERS = Endpoint(name="fapiPrivateGetOpenAlgoOrders", weight=40)
POSITIONS = Endpoint(name="fapiPrivateV3GetPositionRisk", weight=5)
CANDLES = Endpoint(name="fapiPublicGetKlines", weight=1, is_signed=False)
INCOME = Endpoint(name="fapiPrivateGetIncome", weight=30)
POSITION_MODE = Endpoint(name="fapiPrivateGetPositionSideDual", weight=30)
PLACE = Endpoint(
    name="fapiPrivatePostOrder",
    weight=0,
    changes_orders=True,
    pools=(ORDERS_10_SECONDS, ORDERS_MINUTE),
)
CANCEL = Endpoint(name="fapiPrivateDeleteOrder", weight=1, changes_orders=True)
CANCEL_ALGO = Endpoint(name="fapiPrivateDeleteAlgoOrder", weight=1, changes_orders=True)
CREATE_LISTEN_KEY = Endpoint(name="fapiPrivatePostListenKey", weight=1)
EXTEND_LISTEN_KEY = Endpoint(name="fapiPrivatePutListenKey", weight=1)
SERVER_TIME = Endpoint(name="fapiPublicGetTime", weight=1, is_signed=False)
MARKETS = Endpoint(name="fapiPublicGetExchangeInfo", weight=1, is_signed=False)


class BinanceReader:
    """How Binance answers. Implements `calls.AnswerReader`."""

    def __init__(self, clock: Endpoint = SERVER_TIME) -> None:
        self.clock = clock

    def read(self, answer: Answer, *, changes_orders: bool) -> object:
        """Return the JSON of a good answer, or raise what its code means."""
        return read_answer(answer, changes_orders=changes_orders)

    def server_time(self, body: object, answer: Answer) -> datetime:
        """Read {"serverTime": ...}."""
        del answer
        return moment(an_object(body), "serverTime")

    def used_weight(self, answer: Answer) -> int | None:
        """Read the header that counts this minute's weight."""
        used = answer.headers.get(_USED_WEIGHT, "")
        is_number = used.isascii() and used.isdigit() and len(used) < 10  # noqa: PLR2004 - 32 bits
        return int(used) if is_number else None

    def pause(self, limit: RateLimited) -> Pause:
        """Stop the account's orders when there were too many of them, else the address."""
        if limit.code == TOO_MANY_ORDERS:
            return Pause(seconds=limit.retry_after or _ORDER_PAUSE, holder_only=True)
        return Pause(seconds=limit.retry_after)
