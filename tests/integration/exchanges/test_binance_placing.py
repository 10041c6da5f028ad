"""What is Binance's own in placing: the algo service, batches, amendments, keys; and its doubts."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges import binance_calls as calls
from exchanges.binance_connection import PRODUCTION_URLS
from exchanges.errors import (
    AuthenticationError,
    ExchangeError,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    TransientError,
)
from exchanges.http_session import HttpSession
from exchanges.messages import (
    IdSpace,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
)
from exchanges.questions import Amendment, KeyPermissions, OrderRef
from exchanges.refusals import RefusalKind
from exchanges.registry import rest_for
from exchanges.simulator.thread import SimulatorThread
from tests.contract.case_binance import COIN_FUTURES, FUTURES, SPOT
from tests.contract.stage import Stage
from tests.integration.exchanges.raw_server import RawServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from exchanges.calls import Endpoint
    from exchanges.questions import NewOrder
    from exchanges.rest import RestClient
    from tests.contract.case import Case

CASES = (FUTURES, COIN_FUTURES, SPOT)
#: an order as it is written down
COMMON = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "quantity": "0.020",
    "price": "30000",
    "timeInForce": "GTC",
}
WRITES = (
    "POST order",
    "POST algoOrder",
    "POST batchOrders",
    "PUT order",
    "PUT order/amend/keepPriority",
    "DELETE order",
)
#: ways to say nothing of what became of an order
DOUBTS = ("drop", "502", "503", "-1007")


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatorThread]:
    houses = [case.house for case in CASES]
    with SimulatorThread(houses=houses) as running:
        for house in houses:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


def stage_of(case: Case, exchange: SimulatorThread) -> Iterator[Stage]:
    made = Stage(case, exchange.house(*case.house))
    made.house.price(case.symbol_id, "60000", fill="none")
    yield made
    made.house.configure(
        maximum_open_orders=0, price_band=0.0, enforce_limits=False, orders_per_10s=300
    )
    made.close()


@pytest.fixture
def stage(exchange: SimulatorThread) -> Iterator[Stage]:
    yield from stage_of(FUTURES, exchange)


@pytest.fixture
def spot(exchange: SimulatorThread) -> Iterator[Stage]:
    yield from stage_of(SPOT, exchange)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def any_stage(request: pytest.FixtureRequest, exchange: SimulatorThread) -> Iterator[Stage]:
    yield from stage_of(request.param, exchange)


def stop(stage: Stage, **changes: Any) -> NewOrder:
    waiting = stage.order(
        order_type=OrderType.STOP_MARKET, price=None, stop_price=Decimal("61000.0")
    )
    return replace(waiting, **changes)


def amendment(ref: OrderRef, quantity: str, price: str) -> Amendment:
    return Amendment(ref=ref, side=Side.BUY, quantity=Decimal(quantity), price=Decimal(price))


# ----------------------------------------------------------------------------- conditional orders


def test_a_stop_that_triggers_names_the_order_it_became(stage: Stage) -> None:
    placed = stage.client.place_order(stop(stage))
    stage.house.price("BTCUSDT", "61000.5")

    told = stage.client.fetch_order(stage.ref(placed))

    assert (told.id_space, told.exchange_status) == (IdSpace.ALGO, "FINISHED")
    child = OrderRef(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id=told.child_order_id,
    )
    assert stage.client.fetch_order(child).status is OrderStatus.FILLED


def test_a_stop_of_spot_triggers_under_its_own_number(spot: Stage) -> None:
    placed = spot.client.place_order(stop(spot))
    spot.house.price("BTCUSDT", "61000.50")

    told = spot.client.fetch_order(spot.ref(placed))

    assert (told.id_space, told.status) == (IdSpace.ORDER, OrderStatus.FILLED)


def test_in_hedge_mode_a_stop_closes_its_side(stage: Stage) -> None:
    stage.hedge()
    opened = stage.place(position_side=PositionSide.SHORT, side=Side.SELL, price=Decimal(59000))
    assert stage.client.fetch_order(opened).status is OrderStatus.FILLED

    stage.client.place_order(stop(stage, position_side=PositionSide.SHORT, reduce_only=True))
    stage.house.price("BTCUSDT", "61000.5")

    assert [held for held in stage.client.fetch_holdings() if held.quantity] == []


def test_a_side_that_the_account_does_not_keep_is_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefused) as caught:
        stage.client.place_order(stop(stage, position_side=PositionSide.LONG))

    assert caught.value.kind is RefusalKind.POSITION_SIDE


@pytest.mark.parametrize("how", DOUBTS)
def test_a_lost_answer_about_a_stop_leaves_it_open(stage: Stage, how: str) -> None:
    order = stop(stage)
    stage.disturb(accept_but_lose_answer={"POST algoOrder": how})

    with pytest.raises(OutcomeUnknown):
        stage.client.place_order(order)

    ref = replace(stage.ref(order), id_space=IdSpace.ALGO)
    assert stage.client.fetch_order(ref).status is OrderStatus.NEW


def test_a_stop_sent_again_proves_that_it_is_there(stage: Stage) -> None:
    order = stop(stage)
    stage.client.place_order(order)

    with pytest.raises(OutcomeUnknown) as caught:
        stage.client.place_order(order)

    assert caught.value.code == "-4116"


def test_a_stop_cannot_be_amended(stage: Stage) -> None:
    placed = stage.client.place_order(stop(stage))

    with pytest.raises(OrderRefused) as caught:
        stage.client.amend_order(amendment(stage.ref(placed), "0.010", "59000"))

    assert caught.value.kind is RefusalKind.NOT_OFFERED


# -------------------------------------------------------------------------------- several at once


def test_five_orders_are_one_request(stage: Stage) -> None:
    orders = [stage.order() for _ in range(5)]
    before = requests(stage)

    told = stage.client.place_orders(orders)

    assert requests(stage) - before == 1
    assert [one.client_order_id for one in told if isinstance(one, OrderSnapshot)] == [
        order.client_order_id for order in orders
    ]


def test_a_conditional_order_among_several_is_not_sent(stage: Stage) -> None:
    first, second, third = stage.client.place_orders([stage.order(), stop(stage), stage.order()])

    assert isinstance(first, OrderSnapshot)
    assert isinstance(second, OrderRefused)
    assert second.kind is RefusalKind.NOT_OFFERED
    assert isinstance(third, OrderSnapshot)
    assert stage.client.fetch_open_algo_orders("BTCUSDT") == ()


def test_only_conditional_orders_are_no_request_at_all(stage: Stage) -> None:
    told = stage.client.place_orders([stop(stage), stop(stage)])

    assert all(isinstance(one, OrderRefused) for one in told)
    assert stage.house.submissions(stage.key) == {}


@pytest.mark.parametrize("how", DOUBTS)
def test_a_lost_answer_about_several_leaves_all_open(stage: Stage, how: str) -> None:
    orders = [stage.order(), stage.order()]
    stage.disturb(accept_but_lose_answer={"POST batchOrders": how})

    with pytest.raises(OutcomeUnknown):
        stage.client.place_orders(orders)

    assert len(stage.client.fetch_open_orders("BTCUSDT")) == 2


@pytest.mark.parametrize("fault", ["rest_empty", "rest_garbage"])
def test_an_answer_about_several_that_is_none_leaves_all_open(stage: Stage, fault: str) -> None:
    stage.disturb(**{fault: {"POST batchOrders": True}})

    with pytest.raises(OutcomeUnknown):
        stage.client.place_orders([stage.order()])


def test_several_in_place_of_a_lost_one_prove_that_it_is_there(stage: Stage) -> None:
    order = stage.order()
    stage.client.place_order(order)

    first, second = stage.client.place_orders([order, stage.order()])

    assert type(first) is OutcomeUnknown
    assert isinstance(second, OrderSnapshot)


# ------------------------------------------------------------------------------------- amendments


def test_an_order_amended_below_what_it_filled_is_cancelled(stage: Stage) -> None:
    ref = stage.place(quantity=Decimal("0.020"))
    stage.fill(ref, Decimal("0.010"))

    told = stage.client.amend_order(amendment(ref, "0.005", "30000.10"))

    assert (told.status, told.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.010"))


@pytest.mark.parametrize(("quantity", "price"), [("0.01", "30000.20"), ("0.03", "30000.10")])
def test_spot_lowers_quantities_and_nothing_else(spot: Stage, quantity: str, price: str) -> None:
    ref = spot.place()

    with pytest.raises(OrderRefused) as caught:
        spot.client.amend_order(amendment(ref, quantity, price))

    assert caught.value.kind is RefusalKind.NOT_OFFERED
    assert spot.client.fetch_order(ref).quantity == SPOT.quantity


@pytest.mark.parametrize("how", DOUBTS)
def test_a_lost_answer_about_an_amendment_leaves_it_open(any_stage: Stage, how: str) -> None:
    ref, case = any_stage.place(), any_stage.case
    names = ("PUT order", "PUT order/amend/keepPriority")
    any_stage.disturb(accept_but_lose_answer=dict.fromkeys(names, how))

    with pytest.raises(OutcomeUnknown):
        any_stage.client.amend_order(amendment(ref, str(case.part), str(case.other_price)))

    assert any_stage.client.fetch_order(ref).quantity == case.part


# ------------------------------------------------------------------- what certainly did not happen


def writes(stage: Stage, ref: OrderRef) -> list[Callable[[], object]]:
    """Return every way to change something."""
    client, case = stage.client, stage.case
    return [
        lambda: client.place_order(stage.order()),
        lambda: client.place_order(stop(stage)),
        lambda: raised(client.place_orders([stage.order()])),
        lambda: client.amend_order(amendment(ref, str(case.part), str(case.other_price))),
        lambda: client.cancel_order(ref),
    ]


def raised(told: tuple[OrderSnapshot | ExchangeError, ...]) -> None:
    """Raise what came back for the first of several."""
    (first,) = told
    if isinstance(first, ExchangeError):
        raise first


def test_what_the_exchange_turned_away_did_not_happen(any_stage: Stage) -> None:
    ref = any_stage.place()
    any_stage.disturb(rest_status=dict.fromkeys(WRITES, 503))

    for write in writes(any_stage, ref):
        with pytest.raises(TransientError) as caught:
            write()
        assert caught.value.code == "-1008"

    any_stage.house.faults(account=any_stage.key, reset=True)
    (alone,) = any_stage.client.fetch_open_orders()
    assert alone.exchange_order_id == ref.exchange_order_id


def test_a_key_that_may_not_trade_is_told_so_by_every_write(any_stage: Stage) -> None:
    ref = any_stage.place()
    any_stage.house.permissions(any_stage.key, can_trade=False)

    for write in writes(any_stage, ref):
        with pytest.raises(AuthenticationError) as caught:
            write()
        assert caught.value.code == "-2015"


def test_a_ceiling_of_orders_is_a_limit_for_several_too(stage: Stage) -> None:
    stage.client = stage.client_of(stage.credentials, egress_ip="ceiling")
    stage.house.configure(enforce_limits=True, orders_per_10s=4)

    with pytest.raises(RateLimited) as caught:
        stage.client.place_orders([stage.order()])

    assert caught.value.code == "-1015"


def test_a_limit_told_of_one_among_several_stops_the_next(stage: Stage) -> None:
    body = b'[{"code":-1015,"msg":"Too many new orders; current limit is 300 orders per 10s."}]'

    def too_many(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with RawServer(too_many) as site:
        client = client_at(site.url)
        (told,) = client.place_orders([stage.order()])
        with pytest.raises(RateLimited):
            client.place_order(stage.order(), timeout=0.5)

        assert type(told) is RateLimited
        assert len(site.requests) == 1


def client_at(url: str) -> RestClient:
    return rest_for(
        "BINANCE",
        "FUTURES",
        credentials=FUTURES.credentials(1),
        redis_url=os.environ["REDIS_URL"],
        base_url=url,
    )


# ---------------------------------------------------------------------------------------- refusals


def test_room_for_orders_is_told_by_name(any_stage: Stage) -> None:
    any_stage.house.configure(maximum_open_orders=1)
    any_stage.place()

    with pytest.raises(OrderRefused) as caught:
        any_stage.client.place_order(any_stage.order())

    assert caught.value.kind is RefusalKind.TOO_MANY_ORDERS


def test_a_price_out_of_its_band_is_told_by_name(any_stage: Stage) -> None:
    any_stage.house.configure(price_band=0.05)

    with pytest.raises(OrderRefused) as caught:
        any_stage.client.place_order(any_stage.order(price=Decimal(70000)))

    assert caught.value.kind is RefusalKind.PRICE_OUT_OF_BAND


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"quantity": Decimal("0.001")}, RefusalKind.BELOW_MINIMUM),
        ({"quantity": Decimal("0.0205")}, RefusalKind.WRONG_STEP),
        ({"price": Decimal("30000.05")}, RefusalKind.WRONG_STEP),
        ({"quantity": Decimal(200_000)}, RefusalKind.ABOVE_MAXIMUM),
        ({"quantity": Decimal(500)}, RefusalKind.INSUFFICIENT_FUNDS),
        ({"reduce_only": True}, RefusalKind.NOTHING_TO_REDUCE),
        ({"symbol_id": "BTCUSDC"}, None),
    ],
)
def test_a_refusal_has_a_name(
    stage: Stage, changes: dict[str, Any], kind: RefusalKind | None
) -> None:
    with pytest.raises(ExchangeError) as caught:
        stage.client.place_order(stage.order(**changes))

    assert getattr(caught.value, "kind", None) is kind


# -------------------------------------------------------------------------------------------- keys


def test_permissions_are_asked_for_with_a_clock_that_is_off() -> None:
    with SimulatorThread(houses=[FUTURES.house]) as alone:
        alone.configure(price_interval=0)
        made = Stage(FUTURES, alone.house(*FUTURES.house))
        made.house.faults(clock_skew_ms=-30_000)

        assert made.client.fetch_key_permissions().is_ip_bound is True


def test_a_site_without_a_wallet_does_not_tell_of_keys() -> None:
    def no_such_page(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")

    with RawServer(no_such_page) as site:
        client = client_at(site.url)

        assert client.fetch_key_permissions() == KeyPermissions()


def test_a_key_nobody_has_is_no_key(stage: Stage) -> None:
    nobody = stage.client_of(stage.case.credentials(10**9))

    with pytest.raises(AuthenticationError):
        nobody.fetch_key_permissions()


# ----------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize(
    ("endpoint", "parameters"),
    [
        (calls.FUTURES.last_price, {"symbol": "BTCUSDT"}),
        (calls.FUTURES.balances, {}),
        (calls.FUTURES.place, {**COMMON, "type": "LIMIT"}),
        (
            calls.FUTURES.place_algo,
            {**COMMON, "type": "STOP", "algoType": "CONDITIONAL", "triggerPrice": "70000"},
        ),
        (calls.FUTURES.batch, {"batchOrders": [{**COMMON, "type": "LIMIT"}]}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_request_weighs_what_we_think(
    stage: Stage, endpoint: Endpoint, parameters: dict[str, Any]
) -> None:
    session = HttpSession(PRODUCTION_URLS[MarketType.FUTURES], stage.house.url)
    before = weight(stage)

    answer = session.call(
        endpoint.name,
        parameters,
        credentials=stage.credentials,
        changes_orders=True,
        timeout=5,
    )

    assert answer.status == 200, json.loads(answer.body)
    assert weight(stage) - before == endpoint.weight


def requests(stage: Stage) -> int:
    counted: int = stage.house.ledger(summary=True)["requests"]
    return counted


def weight(stage: Stage) -> int:
    return sum(stage.house.ledger(summary=True)["weight_by_minute"].values())


def test_an_order_that_ended_is_not_amended(any_stage: Stage) -> None:
    ref, case = any_stage.place(), any_stage.case
    any_stage.client.cancel_order(ref)

    with pytest.raises((OrderNotFound, OrderRefused)):
        any_stage.client.amend_order(amendment(ref, str(case.part), str(case.other_price)))
