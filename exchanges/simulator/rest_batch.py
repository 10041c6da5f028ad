"""
Several orders in one request: each is taken or refused for itself, in the order they are named.

Source: USD-M and COIN-M "Place Multiple Orders".
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator import rest_orders
from exchanges.simulator.binance_rest import BATCH, BATCH_COST
from exchanges.simulator.call import Call, Endpoint, Json
from exchanges.simulator.errors import ApiError, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exchanges.simulator.rest_dialect import Route

MOST: Final = 5
PARAMETER: Final = "batchOrders"


def place(call: Call) -> list[Json]:
    """POST batchOrders: an order or `{"code": .., "msg": ..}` for each."""
    orders = read(call.params)
    if not 0 < len(orders) <= MOST:
        raise ApiError(-4082, f"Invalid number of batch place orders: {len(orders)}")
    return [place_one(replace(call, params=order)) for order in orders]


def place_one(call: Call) -> Json:
    """One of them, as if it had come alone."""
    try:
        return rest_orders.place(call)
    except ApiError as error:
        return {"code": error.code, "msg": error.message}


def read(params: Mapping[str, str]) -> list[dict[str, str]]:
    """The orders of a request. Raises -1102 for what is no list of objects."""
    try:
        sent = json.loads(params.get(PARAMETER, ""), parse_float=str, parse_int=str)
    except ValueError:
        sent = None
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        raise missing(PARAMETER)
    return [{str(name): as_text(value) for name, value in each.items()} for each in sent]


def as_text(value: Any) -> str:
    """A parameter as it would be in a form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def named(route: Route) -> Iterator[str]:
    """The client order ids of a request."""
    try:
        orders = read(route.params)
    except ApiError:
        return
    yield from (order.get("newClientOrderId", "") for order in orders)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        Endpoint(
            name=BATCH,
            method="POST",
            handler=place,
            weight=BATCH_COST,
            counts_as_order=True,
            submits=named,
        ),
    ]
