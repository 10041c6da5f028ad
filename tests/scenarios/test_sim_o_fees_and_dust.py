"""SIM-O: what a fee takes is not held, and what is too small to trade is still held."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderStatus, Side
from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory
from tests.scenarios.stories import anomalies, assert_settled, fill, hear, place, verify
from tests.scenarios.told import by_rest, spot_fill, spot_order, tell
from tracking.models import (
    ExchangeAccount,
    PostingKind,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services import postings
from tracking.services.postings import NewPosting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.services.conftest import Exchange

FILLED = OrderStatus.FILLED


@pytest.fixture
def spot(transactional_db: None) -> Iterator[ExchangeAccount]:
    account: ExchangeAccount = ExchangeAccountFactory.create(
        market_type="SPOT", baseline_at=timezone.now().replace(year=2020)
    )
    yield account
    assert_clean(account.pk)


def held() -> tuple[str, str, str]:
    """Give (quantity, realised, fees) of the one position."""
    row = StrategyPosition.objects.get()
    return _n(row.quantity), _n(row.realized_pnl), _n(row.fees)


def commissions() -> list[tuple[str | None, str | None]]:
    rows = TradeExecution.objects.filter(voided_at=None).order_by("executed_at")
    return [(None if r.commission is None else _n(r.commission), r.commission_asset) for r in rows]


def _n(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def test_sim_o1_a_fee_in_the_base_asset_is_not_held(spot: ExchangeAccount) -> None:
    tell(spot, spot_order(FILLED, "1", "60000"), spot_fill("1", "1", "60000", "0.001", "BTC"))

    assert held() == ("0.999", "0", "60")
    assert commissions() == [("0.001", "BTC")]
    assert Trade.objects.get().filled_quantity == 1


def test_sim_o1_a_fee_in_a_third_asset_leaves_all_of_it_held(spot: ExchangeAccount) -> None:
    tell(spot, spot_order(FILLED, "1", "60000"), spot_fill("1", "1", "60000", "0.05", "BNB"))

    assert held() == ("1", "0", "0")
    row = StrategyPosition.objects.get()
    assert row.commissions == {"BNB": "0.05"}
    assert row.unvalued_commissions == {"BNB": "0.05"}
    assert Trade.objects.get().commissions == {"BNB": "0.05"}


def test_sim_o1_a_rebate_is_a_negative_fee(spot: ExchangeAccount) -> None:
    tell(spot, spot_order(FILLED, "1", "60000"), spot_fill("1", "1", "60000", "-6", "USDT"))

    assert held() == ("1", "0", "-6")
    assert commissions() == [("-6", "USDT")]


def test_sim_o1_a_rebate_in_the_base_asset_is_held(spot: ExchangeAccount) -> None:
    tell(spot, spot_order(FILLED, "1", "60000"), spot_fill("1", "1", "60000", "-0.001", "BTC"))

    assert held() == ("1.001", "0", "-60")


def test_sim_o1_a_fee_that_only_the_list_of_trades_tells_moves_the_position_then(
    spot: ExchangeAccount,
) -> None:
    early = spot_fill("1", "1", "60000", None, None)
    tell(spot, spot_order(FILLED, "1", "60000"), early)
    assert held() == ("1", "0", "0")
    assert commissions() == [(None, None)]

    tell(spot, by_rest(early, commission=Decimal("0.001"), commission_asset="BTC"), complete=True)

    assert held() == ("0.999", "0", "60")
    assert commissions() == [("0.001", "BTC")]
    assert TradeExecution.objects.get().verified


def test_sim_o1_a_fee_corrected_later_is_the_lists_and_not_a_second_fill(
    spot: ExchangeAccount,
) -> None:
    early = spot_fill("1", "1", "60000", "0.002", "BTC")
    tell(spot, spot_order(FILLED, "1", "60000"), early)
    assert held()[0] == "0.998"

    tell(spot, by_rest(early, commission=Decimal("0.001")), complete=True)
    tell(spot, early)

    assert held() == ("0.999", "0", "60")
    assert commissions() == [("0.001", "BTC")]
    assert anomalies() == []


@pytest.mark.parametrize("trouble", [{}, {"rest_status": 503}])
def test_sim_o1_a_fee_missing_in_the_frame_is_asked_for(
    exchange: Exchange, trouble: dict[str, int]
) -> None:
    order_id = place(exchange)
    fill(exchange, order_id, "1")
    new, filled = exchange.frames(2)
    cut = filled.replace('"n":"6.00000000",', "").replace('"N":"USDT",', "")
    assert cut != filled
    exchange.simulator.faults(**trouble)
    # the order's sums agree with REST's, which says nothing of the fee
    hear(exchange, new, cut)
    assert commissions() == [(None, None)]

    exchange.simulator.faults(reset=True)
    verify(exchange)

    assert commissions() == [("6", "USDT")]
    assert held() == ("1", "0", "6")
    assert_settled(exchange)


def test_sim_o2_what_is_left_after_selling_all_that_can_be_sold_stays_held(
    spot: ExchangeAccount,
) -> None:
    tell(
        spot,
        spot_order(FILLED, "1", "60000"),
        spot_fill("1", "1", "60000", "0.00099999", "BTC"),
    )
    sell = {"exchange_order_id": "8", "side": Side.SELL}
    tell(
        spot,
        spot_order(FILLED, "0.999", "60939", **sell),
        replace(spot_fill("2", "0.999", "61000", "60.939", "USDT"), **sell),
    )

    row = StrategyPosition.objects.get()
    assert (_n(row.quantity), _n(row.average_price)) == ("0.00000001", "60000")
    assert _n(row.realized_pnl) == "999"
    assert anomalies() == []

    swept = NewPosting(
        key="dust:1",
        kind=PostingKind.DUST,
        market_type="SPOT",
        symbol="BTC/USDT",
        quantity=Decimal("-0.00000001"),
        posted_at=timezone.now(),
    )
    postings.book(spot.pk, [swept], timezone.now())
    assert held()[:2] == ("0", "999")
