"""How a stream begins, ends and comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import AuthenticationError, MalformedMessage
from exchanges.messages import OrderStatus
from exchanges.registry import adapter, concerns_orders, parse
from exchanges.stream_state import StreamStatus
from tests.contract.case import Trait
from tests.contract.stage import PATIENCE

if TYPE_CHECKING:
    from exchanges.credentials import Credentials
    from tests.contract.stage import Stage


def test_a_stream_connects_and_says_that_something_may_have_been_missed(stage: Stage) -> None:
    stream = stage.connect()

    assert stream.state.status is StreamStatus.CONNECTED
    assert {gap.session_id for gap in stage.recorder.gaps} == {"contract"}


def test_an_unknown_key_is_refused(stage: Stage) -> None:
    stranger = stage.case.credentials(10**9)

    with pytest.raises(AuthenticationError):
        stage.client_of(stranger).fetch_open_orders(stage.case.symbol_id)
    is_refused(stage, stranger)


def test_a_wrong_secret_is_refused(stage: Stage) -> None:
    wrong = replace(stage.credentials, api_secret=stage.case.credentials(10**9).api_secret)

    with pytest.raises(AuthenticationError):
        stage.client_of(wrong).fetch_open_orders(stage.case.symbol_id)
    stage.needs(Trait.SIGNED_STREAM)
    is_refused(stage, wrong)


def is_refused(stage: Stage, credentials: Credentials) -> None:
    stage.stream_of(credentials)
    stage.recorder.wait(
        lambda: any(state.status is StreamStatus.ERROR for state in stage.recorder.states),
        PATIENCE,
    )
    # a stream that counts as connected before it is heard may have told one
    assert stage.case.listens_for or stage.recorder.gaps == []
    assert credentials.api_secret not in str(stage.recorder.states)


def test_what_happened_while_disconnected_is_found_by_asking(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.wait_for(ref, OrderStatus.NEW)

    stage.disturb(refuse_connect=1.0, disconnect="abort")
    stage.fill(ref, stage.case.part)
    stage.disturb(refuse_connect=0.0)
    stage.wait_for_gaps(2)

    assert stage.heard(ref).fills == {}
    verified = stage.client.verify_orders([ref], cursor=since, want_trades=True)
    assert [order.filled_quantity for order in verified.snapshots] == [stage.case.part]
    assert [fill.execution_quantity for fill in verified.executions] == [stage.case.part]


@pytest.mark.parametrize("how", [1001, "abort"])
def test_a_lost_connection_is_made_again_and_hears_on(stage: Stage, how: object) -> None:
    stage.connect()

    stage.disturb(disconnect=how)
    stage.wait_for_gaps(2)

    stage.wait_for(stage.place(), OrderStatus.NEW)


def test_a_session_that_ends_is_begun_anew_and_hears_on(stage: Stage) -> None:
    stage.connect()

    stage.disturb(**stage.case.end_session)
    stage.wait_for_gaps(2)

    stage.wait_for(stage.place(), OrderStatus.NEW)


def test_frames_that_cannot_be_read_do_no_harm(stage: Stage) -> None:
    stream = stage.connect()
    for text in stage.case.broken_frames:
        stage.house.act(action="say", account=stage.key, text=text)
    ref = stage.place()
    stage.wait_for(ref, OrderStatus.NEW)

    assert stream.state.reconnects == 0
    for text in stage.case.broken_frames:
        with pytest.raises(MalformedMessage):
            parse(stage.case.exchange, stage.case.market_type, text)
        assert concerns_orders(stage.case.exchange, stage.case.market_type, text)


def test_whatever_tells_of_an_order_is_told_apart_at_a_glance(stage: Stage) -> None:
    stage.connect()
    ref = stage.place()
    stage.fill(ref)
    stage.wait_for(ref, OrderStatus.FILLED, executed=stage.case.quantity)

    spoken = adapter(stage.case.exchange)
    for raw in stage.recorder.frames:
        says_so = spoken.concerns_orders(stage.case.market_type, raw)
        found = spoken.parse(stage.case.market_type, raw)
        assert says_so or not any(hasattr(message, "status") for message in found)
