"""
Several orders in one request: each is taken or refused for itself, in the order they are named.

The result lists the orders, `retExtInfo` a code and a text for each. Source: "Batch Place Order" of
v5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.bybit import errors, params, rest_orders, terms, words
from exchanges.simulator.bybit.endpoints import ORDERS, Extended, private
from exchanges.simulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.call import Asked, Call, Endpoint, Json
    from exchanges.simulator.rest_dialect import Route

NAME: Final = "order/create-batch"
MOST: Final = 20
MOST_OF_SPOT: Final = 10


def create(call: Call) -> Extended:
    """POST order/create-batch."""
    category, wanted = terms.category_of(call), read(call.asked)
    most = MOST_OF_SPOT if category == words.SPOT else MOST
    if not 0 < len(wanted) <= most:
        text = f"The number of orders in a request must be between 1 and {most}"
        raise errors.bad_parameter(text)
    told = [
        create_one(replace(call, params={**each, "category": category}), category)
        for each in wanted
    ]
    return Extended(
        result={"list": [row for row, _ in told]}, extra={"list": [code for _, code in told]}
    )


def create_one(call: Call, category: str) -> tuple[Json, Json]:
    """One of them, as if it had come alone: its row, and its code."""
    row = {"category": category, "symbol": call.params.get("symbol", "")}
    try:
        taken = rest_orders.create(call)
    except ApiError as error:
        nothing = {"orderId": "", "orderLinkId": "", "createAt": ""}
        return {**row, **nothing}, {"code": error.code, "msg": error.message}
    made = str(call.exchange.clock.now())
    return {**row, **taken, "createAt": made}, {"code": 0, "msg": "OK"}


def read(asked: Asked) -> list[dict[str, str]]:
    """The orders of a request. Raises 10001 for what is no list of objects."""
    body: Any = params.decoded(asked.body)
    sent = body.get("request") if isinstance(body, dict) else None
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        text = "request invalid"
        raise errors.bad_parameter(text)
    return [params.as_texts(each) for each in sent]


def submitted(route: Route) -> Iterator[str]:
    """The names of the orders of a request."""
    try:
        wanted = read(route.asked)
    except ApiError:
        return
    yield from (each.get("orderLinkId", "") for each in wanted)


def count(asked: Asked) -> int:
    """How many orders a request would place: each of them counts."""
    try:
        return max(1, len(read(asked)))
    except ApiError:
        return 1


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [private(NAME, "POST", create, ORDERS, submits=submitted)]
