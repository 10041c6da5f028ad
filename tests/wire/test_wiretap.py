"""The tap itself: it passes everything on, counts each submission, and loses what it shall."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import OrderNotFound, OutcomeUnknown
from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder, OrderRef
from exchanges.simulator.wiretap import Loss, Message
from tests.crash.accounts import opened
from tracking.services import clients

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from exchanges.simulator.wiretap import WireTap
    from tests.wire.conftest import Ledger


def an_order(name: str) -> NewOrder:
    return NewOrder(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        client_order_id=name,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.1"),
        price=Decimal(30000),
    )


def a_ref(name: str) -> OrderRef:
    return OrderRef(market_type=MarketType.FUTURES, symbol_id="BTCUSDT", client_order_id=name)


def test_what_passes_is_counted_and_answered(simulator: SimulatorThread, tap: WireTap) -> None:
    with opened(simulator) as exchange:
        client = clients.rest_client(exchange.account)
        client.place_order(an_order("passes"))
        client.cancel_order(a_ref("passes"))
        exchange.connect()

    assert tap.counts() == {"passes": 1}


def test_an_order_nobody_made_a_row_for_is_noticed(
    simulator: SimulatorThread, tap: WireTap, ledger: Ledger
) -> None:
    with opened(simulator) as exchange:
        clients.rest_client(exchange.account).place_order(an_order("rowless"))

    assert ledger.too_early == ["rowless"]


@pytest.mark.parametrize("loss", Loss, ids=lambda loss: loss.value)
def test_a_lost_submission_is_counted_and_its_outcome_unknown(
    simulator: SimulatorThread, tap: WireTap, loss: Loss
) -> None:
    tap.plan.shares = {loss: 1.0}
    name = f"lost-{loss.value}"
    with opened(simulator) as exchange:
        client = clients.rest_client(exchange.account)

        with pytest.raises(OutcomeUnknown):
            client.place_order(an_order(name))

        assert tap.counts() == {name: 1}
        if loss is Loss.BEFORE:
            with pytest.raises(OrderNotFound):
                client.fetch_order(a_ref(name))
        if loss is Loss.AFTER:
            assert client.fetch_order(a_ref(name)).client_order_id == name


@pytest.mark.parametrize(
    ("request_line", "body", "names"),
    [
        ("POST /fapi/v1/order HTTP/1.1", "symbol=BTCUSDT&newClientOrderId=x-abc1", ["x-abc1"]),
        ("POST /fapi/v1/algoOrder HTTP/1.1", "clientAlgoId=a1&type=STOP", ["a1"]),
        (
            "POST /fapi/v1/batchOrders HTTP/1.1",
            "batchOrders=%5B%7B%22newClientOrderId%22%3A%22b1%22%7D%2C{%22newClientOrderId%22:%22b2%22",
            ["b1", "b2"],
        ),
        ("POST /v5/order/create HTTP/1.1", '{"orderLinkId": "c1", "qty": "1"}', ["c1"]),
        (
            "POST /v5/order/create-batch HTTP/1.1",
            '{"request":[{"orderLinkId":"d1"},{"orderLinkId":"d2"}]}',
            ["d1", "d2"],
        ),
        ("POST /v1/orders HTTP/1.1", '{"identifier":"e1"}', ["e1"]),
        ("DELETE /fapi/v1/order HTTP/1.1", "newClientOrderId=f1", []),
        ("POST /v5/order/cancel HTTP/1.1", '{"orderLinkId":"g1"}', []),
        ("POST /v5/order/amend HTTP/1.1", '{"orderLinkId":"h1"}', []),
    ],
)
def test_what_places_orders_is_told_from_what_does_not(
    request_line: str, body: str, names: list[str]
) -> None:
    assert Message(request_line.encode() + b"\r\n\r\n", body.encode()).submitted == names
