"""The life of an order can be told: what was heard, asked, answered, made of it, and sent."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import (
    ClosedOrderFactory,
    ExchangeAccountFactory,
    OpenOrderFactory,
    OrderEvidenceFactory,
)
from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tests.integration.services.test_order_manager import market
from tracking.models import Repair, StreamEvent
from tracking.services.order_search import find_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("explain", *arguments, stdout=out)
    return out.getvalue()


def life(order: object) -> Any:
    return json.loads(told(str(order), "--json"))


def of_kind(whole: Any, kind: str) -> list[Any]:
    return [entry for entry in whole["entries"] if entry["kind"] == kind]


def test_a_fill_is_told_from_its_frame_to_its_event(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    exchange.deliver(*exchange.frames(2))
    drain(exchange)

    whole = life(order_id)

    new, filled = of_kind(whole, "frame")
    assert new["text"] == "NEW 0/0.3"
    assert filled["text"].startswith("PARTIALLY_FILLED 0.1/0.3, fill 0.1 @ ")
    assert filled["raw"]["o"]["i"] == order_id
    assert {"event_at", "received_after_ms", "booked_after_ms"} <= filled["details"].keys()
    (asked,) = of_kind(whole, "answer")
    assert (asked["source"], asked["text"]) == ("REST_ORDER", "PARTIALLY_FILLED 0.1/0.3")
    (merge,) = of_kind(whole, "merge")
    assert merge["text"] == "unknown to PARTIALLY_FILLED, filled 0 to 0.1, 1 new fill(s)"
    assert merge["source"] == "REST_ORDER+WS"
    assert {e["details"]["event"] for e in of_kind(whole, "event")} == {
        "execution",
        "trade",
        "pending_order",
    }
    at = [entry["at"] for entry in whole["entries"]]
    assert at == sorted(at)
    (execution,) = whole["books"]["executions"]
    assert (execution["source"], execution["verified"]) == ("WS", True)
    assert execution["verified_at"] is not None
    assert whole["books"]["order"]["table"] == "open"
    assert whole["books"]["positions"][0]["quantity"] == "0.1"


def test_a_late_confirmation_and_its_trades_are_told(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 1000}})
    drain(exchange)
    exchange.simulator.faults(reset=True)
    make_due()
    verify_due(exchange.account.pk)

    whole = life(order_id)

    first, second = of_kind(whole, "merge")
    assert "1 new fill(s)" in first["text"]
    assert "1 rewritten fill(s)" in second["text"]
    assert whole["books"]["order"]["table"] == "closed"


def test_our_own_order_is_told_from_its_request(exchange: Exchange, manager: OrderManager) -> None:
    request = manager.execute(market(), idempotency_key="one")

    whole = life(request.client_order_id)

    kinds = [entry["kind"] for entry in whole["entries"]]
    assert kinds.index("request") < kinds.index("sent") < kinds.index("merge")
    assert of_kind(whole, "request")[0]["details"]["idempotency_key"] == "one"
    assert of_kind(whole, "answered")[0]["text"].startswith("PLACE ACCEPTED")
    assert of_kind(whole, "answer")[0]["source"] == "SUBMIT"


def test_frames_that_are_gone_are_named(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    exchange.deliver(*exchange.frames(1))
    drain(exchange)
    pk = StreamEvent.objects.get().pk
    StreamEvent.objects.all().delete()

    (frame,) = of_kind(life(order_id), "frame")

    assert frame["text"] == f"frame {pk}, no longer kept"


def test_what_a_person_did_is_told(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    exchange.deliver(*exchange.frames(1))
    drain(exchange)
    Repair.objects.create(
        account=exchange.account,
        actor="anna",
        action="ADOPT_ORDER",
        subject=f"FUTURES:BTC/USDT:USDT:{order_id}",
        reason="it is ours",
        before={},
        after={"strategy_account": 1},
        created_at=timezone.now(),
    )

    (repair,) = of_kind(life(order_id), "repair")

    assert (repair["source"], repair["text"]) == ("anna", "ADOPT_ORDER: it is ours")


def test_piped_it_is_plain_lines_and_raw_shows_what_came(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    exchange.deliver(*exchange.frames(2))
    drain(exchange)

    plain, raw = told(str(order_id)), told(str(order_id), "--raw")

    assert plain.startswith(f"account {exchange.account.pk}, FUTURES:BTC/USDT:USDT:{order_id}\n")
    assert "its fills" in plain
    assert "first by WS" in plain
    assert '"e": "ORDER_TRADE_UPDATE"' in raw
    assert '"e": "ORDER_TRADE_UPDATE"' not in plain
    assert not {"│", "┃", "\x1b"} & set(plain + raw)


def test_on_a_terminal_it_is_a_table(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    exchange.deliver(*exchange.frames(1))
    drain(exchange)
    terminal = type("Terminal", (StringIO,), {"isatty": lambda _: True})()

    call_command("explain", str(order_id), stdout=terminal, no_color=True)

    assert "┃" in terminal.getvalue()
    assert "its fills: none" in terminal.getvalue()


@pytest.mark.django_db
def test_an_order_nobody_knows_is_an_error() -> None:
    with pytest.raises(CommandError, match="no order is known as 'x'"):
        told("x")


@pytest.mark.django_db
def test_an_ambiguous_name_lists_what_it_may_mean() -> None:
    one = OpenOrderFactory.create(exchange_order_id="7")
    other = ClosedOrderFactory.create(exchange_order_id="7", symbol="ETH/USDT:USDT")

    with pytest.raises(CommandError) as refused:
        told("7")

    assert f"--account {one.account_id} FUTURES:BTC/USDT:USDT:7" in str(refused.value)
    assert f"--account {other.account_id} FUTURES:ETH/USDT:USDT:7" in str(refused.value)
    assert told("FUTURES:ETH/USDT:USDT:7").startswith(f"account {other.account_id}, ")
    for named in (str(one.account_id), one.account.name):
        assert told("--account", named, "7").startswith(f"account {one.account_id}, ")


@pytest.mark.django_db
def test_an_account_that_is_nobodys_or_of_several_is_an_error() -> None:
    one, other = ExchangeAccountFactory.create_batch(2, name="main")

    with pytest.raises(CommandError, match="no account has the name or id 'x'"):
        told("7", "--account", "x")
    with pytest.raises(CommandError, match=f"give the id of one: {one.pk}, {other.pk}"):
        told("7", "--account", "main")


@pytest.mark.django_db
def test_rows_from_before_an_id_was_known_are_of_the_same_order() -> None:
    account = ExchangeAccountFactory.create()
    OpenOrderFactory.create(account=account, exchange_order_id="7", client_order_id="ours")
    OrderEvidenceFactory.create(account=account, exchange_order_id=None, client_order_id="ours")

    (found,) = find_orders("ours")

    assert (found.exchange_order_id, found.client_order_id) == ("7", "ours")
    assert find_orders("7") == [found]
