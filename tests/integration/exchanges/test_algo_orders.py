from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import OrderNotFound
from exchanges.http_session import HttpSession
from exchanges.messages import IdSpace, MarketType, OrderStatus, OrderType
from exchanges.questions import OrderRef

if TYPE_CHECKING:
    from exchanges.credentials import Credentials
    from exchanges.rest import RestClient
    from exchanges.simulator.thread import SimulatorThread


@pytest.fixture
def stop_loss(simulator: SimulatorThread, credentials: Credentials) -> OrderRef:
    """Place a conditional order as a trader's own program would."""
    answer = HttpSession("https://fapi.binance.com", simulator.url).call(
        "fapiPrivatePostAlgoOrder",
        {
            "algoType": "CONDITIONAL",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "STOP_MARKET",
            "quantity": "0.020",
            "triggerPrice": "90000",
            "clientAlgoId": "stop-1",
        },
        credentials=credentials,
        changes_orders=True,
        timeout=5,
    )
    return OrderRef(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id=str(json.loads(answer.body)["algoId"]),
        id_space=IdSpace.ALGO,
    )


def test_a_conditional_order_is_listed_apart(client: RestClient, stop_loss: OrderRef) -> None:
    (listed,) = client.fetch_open_algo_orders("BTCUSDT")

    assert listed.exchange_order_id == stop_loss.exchange_order_id
    assert (listed.id_space, listed.status) == (IdSpace.ALGO, OrderStatus.NEW)
    assert (listed.order_type, listed.stop_price) == (OrderType.STOP_MARKET, Decimal(90000))
    assert [order.exchange_order_id for order in client.fetch_open_algo_orders()] == [
        stop_loss.exchange_order_id
    ]
    assert client.fetch_open_orders("BTCUSDT") == ()


def test_a_conditional_order_is_verified_in_its_own_numbers(
    client: RestClient, stop_loss: OrderRef
) -> None:
    verification = client.verify_orders([stop_loss])

    (snapshot,) = verification.snapshots
    assert (snapshot.client_order_id, snapshot.id_space) == ("stop-1", IdSpace.ALGO)


def test_a_conditional_order_is_cancelled(client: RestClient, stop_loss: OrderRef) -> None:
    assert client.cancel_order(stop_loss).status is OrderStatus.CANCELLED

    with pytest.raises(OrderNotFound):
        client.cancel_order(stop_loss)
