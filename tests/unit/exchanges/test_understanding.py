from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NoReturn

import pytest

from exchanges.errors import MalformedMessage, OutcomeUnknown, TransientError
from exchanges.messages import MarketType, OrderSnapshot, OrderStatus, Side
from exchanges.questions import OrderRef
from exchanges.understanding import about, changed, outcome, shown, understood

SNAPSHOT = OrderSnapshot(
    market_type=MarketType.SPOT,
    symbol_id="KRW-BTC",
    exchange_order_id="1",
    client_order_id="mine",
    status=OrderStatus.NEW,
    exchange_status="wait",
    side=Side.BUY,
    quantity=Decimal(1),
    filled_quantity=Decimal(0),
    exchange_updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    requested_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def unreadable() -> NoReturn:
    raise MalformedMessage("side: unknown side")  # noqa: EM101


def test_what_cannot_be_read_is_as_if_nobody_had_answered() -> None:
    with pytest.raises(TransientError, match="unknown side"):
        understood(unreadable)
    with pytest.raises(OutcomeUnknown, match="unknown side"):
        outcome(unreadable)
    assert understood(lambda: 1) == outcome(lambda: 1) == 1


@pytest.mark.parametrize(
    ("symbol_id", "exchange_order_id", "client_order_id", "is_about"),
    [
        ("KRW-BTC", "1", None, True),
        ("KRW-BTC", "1", "another", True),
        ("KRW-BTC", None, "mine", True),
        ("KRW-BTC", "2", "mine", False),
        ("KRW-BTC", None, "another", False),
        ("KRW-ETH", "1", "mine", False),
    ],
)
def test_an_answer_is_believed_only_about_what_was_asked(
    *, symbol_id: str, exchange_order_id: str | None, client_order_id: str | None, is_about: bool
) -> None:
    ref = OrderRef(
        market_type=MarketType.SPOT,
        symbol_id=symbol_id,
        exchange_order_id=exchange_order_id,
        client_order_id=client_order_id,
    )
    if is_about:
        assert about(ref, SNAPSHOT) is SNAPSHOT
    else:
        with pytest.raises(TransientError):
            about(ref, SNAPSHOT)


def test_an_exchanges_words_are_shown_short_and_without_secrets() -> None:
    assert shown("no\nsuch\torder") == "no such order"
    assert shown(f"key {'a1' * 20} is bad") == "key *** is bad"
    assert len(shown("word " * 100)) <= 200


@pytest.mark.parametrize(
    ("symbol_id", "exchange_order_id", "is_about"),
    [("KRW-BTC", "1", True), ("KRW-BTC", None, True), ("KRW-BTC", "2", False), ("X", "1", False)],
)
def test_the_answer_to_a_change_has_the_order_s_id_whatever_its_name(
    *, symbol_id: str, exchange_order_id: str | None, is_about: bool
) -> None:
    ref = OrderRef(
        market_type=MarketType.SPOT,
        symbol_id=symbol_id,
        exchange_order_id=exchange_order_id,
        client_order_id="the name of the change",
    )
    if is_about:
        assert changed(ref, SNAPSHOT) is SNAPSHOT
    else:
        with pytest.raises(MalformedMessage):
            changed(ref, SNAPSHOT)
