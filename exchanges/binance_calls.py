"""
Binance's endpoints with their weights, and how it answers.

Weights: the REST documentation of each endpoint.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from exchanges.binance_errors import TOO_MANY_ORDERS, read_answer
from exchanges.binance_vocabulary import ORDERS_10_SECONDS, ORDERS_DAY, ORDERS_MINUTE
from exchanges.calls import Endpoint, Pause
from exchanges.wire import an_object, moment

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.errors import RateLimited
    from exchanges.http_session import Answer

_USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
#: -1015 names the ten-second pool or a longer one; the shorter pause is tried first.
_ORDER_PAUSE: Final = 10.0

#: so many orders one request may place
BATCH: Final = 5
_ORDER_POOLS: Final = (ORDERS_10_SECONDS, ORDERS_MINUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What every market type of Binance can be asked; each under names of its own."""

    order: Endpoint
    open_orders: Endpoint
    all_open_orders: Endpoint
    #: orders of any status, from an id on
    orders: Endpoint
    trades: Endpoint
    trades_of_order: Endpoint
    holdings: Endpoint
    candles: Endpoint
    last_price: Endpoint
    place: Endpoint
    cancel: Endpoint
    amend: Endpoint
    server_time: Endpoint
    markets: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesEndpoints(Endpoints):
    """What only futures have: conditional orders, incomes, listen keys."""

    algo_order: Endpoint
    open_algo_orders: Endpoint
    all_open_algo_orders: Endpoint
    place_algo: Endpoint
    cancel_algo: Endpoint
    batch: Endpoint
    balances: Endpoint
    income: Endpoint
    position_mode: Endpoint
    create_listen_key: Endpoint
    extend_listen_key: Endpoint


def _futures(
    api: str, *, holdings: Endpoint, balances: Endpoint, list_weight: int, income_weight: int
) -> FuturesEndpoints:
    """Give the endpoints of USD-M or COIN-M, which differ in few weights only."""
    trades = Endpoint(name=f"{api}PrivateGetUserTrades", weight=list_weight)
    return FuturesEndpoints(
        order=Endpoint(name=f"{api}PrivateGetOrder", weight=1),
        open_orders=Endpoint(name=f"{api}PrivateGetOpenOrders", weight=1),
        all_open_orders=Endpoint(name=f"{api}PrivateGetOpenOrders", weight=40),
        orders=Endpoint(name=f"{api}PrivateGetAllOrders", weight=list_weight),
        trades=trades,
        trades_of_order=trades,
        algo_order=Endpoint(name=f"{api}PrivateGetAlgoOrder", weight=1),
        open_algo_orders=Endpoint(name=f"{api}PrivateGetOpenAlgoOrders", weight=1),
        all_open_algo_orders=Endpoint(name=f"{api}PrivateGetOpenAlgoOrders", weight=40),
        holdings=holdings,
        candles=Endpoint(name=f"{api}PublicGetKlines", weight=1, is_signed=False),
        last_price=Endpoint(name=f"{api}PublicGetTickerPrice", weight=1, is_signed=False),
        balances=balances,
        income=Endpoint(name=f"{api}PrivateGetIncome", weight=income_weight),
        position_mode=Endpoint(name=f"{api}PrivateGetPositionSideDual", weight=30),
        place=_writing(f"{api}PrivatePostOrder"),
        place_algo=_writing(f"{api}PrivatePostAlgoOrder"),
        amend=_writing(f"{api}PrivatePutOrder"),
        # five of the ten-second pool whatever is in it; of the minute's it takes less than this
        batch=replace(
            _writing(f"{api}PrivatePostBatchOrders"), weight=BATCH, pool_cost=float(BATCH)
        ),
        cancel=Endpoint(name=f"{api}PrivateDeleteOrder", weight=1, changes_orders=True),
        cancel_algo=Endpoint(name=f"{api}PrivateDeleteAlgoOrder", weight=1, changes_orders=True),
        create_listen_key=Endpoint(name=f"{api}PrivatePostListenKey", weight=1),
        extend_listen_key=Endpoint(name=f"{api}PrivatePutListenKey", weight=1),
        server_time=Endpoint(name=f"{api}PublicGetTime", weight=1, is_signed=False),
        markets=Endpoint(name=f"{api}PublicGetExchangeInfo", weight=1, is_signed=False),
    )


def _writing(name: str) -> Endpoint:
    """Give an endpoint that counts as an order and has no weight."""
    return Endpoint(name=name, weight=0, changes_orders=True, pools=_ORDER_POOLS)


FUTURES: Final = _futures(
    "fapi",
    holdings=Endpoint(name="fapiPrivateV3GetPositionRisk", weight=5),
    balances=Endpoint(name="fapiPrivateV3GetBalance", weight=5),
    list_weight=5,
    income_weight=30,
)
COIN_FUTURES: Final = _futures(
    "dapi",
    holdings=Endpoint(name="dapiPrivateGetPositionRisk", weight=1),
    balances=Endpoint(name="dapiPrivateGetBalance", weight=1),
    list_weight=20,
    income_weight=20,
)
SPOT: Final = Endpoints(
    order=Endpoint(name="privateGetOrder", weight=4),
    open_orders=Endpoint(name="privateGetOpenOrders", weight=6),
    all_open_orders=Endpoint(name="privateGetOpenOrders", weight=80),
    orders=Endpoint(name="privateGetAllOrders", weight=20),
    trades=Endpoint(name="privateGetMyTrades", weight=20),
    trades_of_order=Endpoint(name="privateGetMyTrades", weight=5),
    holdings=Endpoint(name="privateGetAccount", weight=20),
    candles=Endpoint(name="publicGetKlines", weight=2, is_signed=False),
    last_price=Endpoint(name="publicGetTickerPrice", weight=2, is_signed=False),
    # one each that comes back when the exchange accepts it; a refusal keeps it
    place=Endpoint(
        name="privatePostOrder",
        weight=1,
        changes_orders=True,
        pools=(ORDERS_10_SECONDS, ORDERS_DAY),
    ),
    cancel=Endpoint(name="privateDeleteOrder", weight=1, changes_orders=True),
    # not counted among the orders
    amend=Endpoint(name="privatePutOrderAmendKeepPriority", weight=4, changes_orders=True),
    server_time=Endpoint(name="publicGetTime", weight=1, is_signed=False),
    markets=Endpoint(name="publicGetExchangeInfo", weight=20, is_signed=False),
)


#: what the key may do, on the host of spot whatever the market type
KEY_PERMISSIONS: Final = Endpoint(name="sapiGetAccountApiRestrictions", weight=1)


class BinanceReader:
    """How Binance answers. Implements `calls.AnswerReader`."""

    def __init__(self, clock: Endpoint) -> None:
        """`clock` tells the time of the host that is called."""
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
