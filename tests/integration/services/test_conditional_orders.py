"""A conditional order triggers: the order it becomes knows where it came from."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import websocket

from exchanges.credentials import Credentials
from exchanges.http_session import HttpSession
from exchanges.rest import KeyedRestClient
from tracking.models import ClosedOrder, OpenOrder
from tracking.services import clients
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def triggered(exchange: Exchange) -> tuple[str, list[str]]:
    """Let a stop trigger and fill; give its number and all frames about it and its child."""
    client = clients.rest_client(exchange.account)
    assert isinstance(client, KeyedRestClient)
    url = f"{exchange.simulator.ws_url}/private/ws?listenKey={client.create_listen_key()}"
    with closing(
        websocket.create_connection(
            f"{url}&events=ORDER_TRADE_UPDATE/ALGO_UPDATE", timeout=5, suppress_origin=True
        )
    ) as socket:
        algo_id = place_stop(exchange, trigger := next_price(exchange))
        exchange.simulator.price("ETHUSDT", trigger)
        frames = [str(socket.recv())]
        while not is_over(frames[-1]):
            frames.append(str(socket.recv()))
    return algo_id, frames


def next_price(exchange: Exchange) -> str:
    ticker = exchange.simulator.ask("GET", "/fapi/v1/ticker/price?symbol=ETHUSDT")
    # prices move: so far that they do not get there by themselves
    return f"{Decimal(str(ticker['price'])) + 50:f}"


def place_stop(exchange: Exchange, trigger: str) -> str:
    """Place a stop as a trader's own program would."""
    terms = {
        "algoType": "CONDITIONAL",
        "symbol": "ETHUSDT",
        "side": "BUY",
        "type": "STOP_MARKET",
        "quantity": "0.1",
        "triggerPrice": trigger,
    }
    credentials = Credentials(
        api_key=exchange.account.api_key, api_secret=exchange.account.api_secret
    )
    answer = HttpSession("https://fapi.binance.com", exchange.simulator.url).call(
        "fapiPrivatePostAlgoOrder", terms, credentials=credentials, changes_orders=True, timeout=5
    )
    return str(json.loads(answer.body)["algoId"])


def is_over(frame: str) -> bool:
    return bool(json.loads(frame)["o"]["X"] == "FINISHED")


def drain(exchange: Exchange, *frames: str) -> None:
    exchange.deliver(*frames)
    OrderFillMonitor(exchange.account.pk).on_order_update()


@pytest.mark.parametrize("order", ["as told", "parent first", "child first", "one by one"])
def test_a_triggered_order_names_its_parent(exchange: Exchange, order: str) -> None:
    algo_id, frames = triggered(exchange)
    of_parent = [frame for frame in frames if '"ALGO_UPDATE"' in frame]
    of_child = [frame for frame in frames if frame not in of_parent]
    rounds = {
        "as told": [frames],
        "parent first": [[*of_parent, *of_child]],
        "child first": [of_child, of_parent],
        "one by one": [[frame] for frame in frames],
    }[order]

    for batch in rounds:
        drain(exchange, *batch)

    parent, child = ClosedOrder.objects.order_by("id_space")
    assert (parent.id_space, parent.exchange_order_id) == ("ALGO", algo_id)
    assert (child.id_space, child.parent_exchange_order_id) == ("ORDER", algo_id)
    assert (parent.status, child.status) == ("FILLED", "FILLED")
    assert parent.parent_exchange_order_id is None
    assert not OpenOrder.objects.exists()


def test_an_order_of_the_same_number_elsewhere_is_left_alone(exchange: Exchange) -> None:
    _, frames = triggered(exchange)
    others = ClosedOrder.objects.filter(parent_exchange_order_id__isnull=False)

    for frame in frames:
        is_child = '"ORDER_TRADE_UPDATE"' in frame
        drain(exchange, frame.replace("ETHUSDT", "BTCUSDT") if is_child else frame)

    assert not others.exists()
