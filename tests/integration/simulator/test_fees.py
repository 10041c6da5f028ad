"""Commissions paid in another asset, and the prices by the minute that tell their worth."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.errors import ControlError

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.simulator.conftest import Trader

MINUTE = 60_000


def test_commissions_are_paid_in_the_asset_of_ones_choice(
    simulator: SimulatorThread, ann: Trader
) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.act(action="fee_asset", account=ann.key, asset="BNB")
    order = ann.place("BUY", "0.100", price="59000.0")
    simulator.act(action="fill", account=ann.key, symbol="BTCUSDT", orderId=order["orderId"])

    _, filled = stream.orders(2)
    assert (filled["n"], filled["N"]) == ("0.00196667", "BNB")
    trade = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")[0]
    assert (trade["commission"], trade["commissionAsset"]) == ("0.00196667", "BNB")
    income = ann.ask("GET", "v1/income", incomeType="COMMISSION")[0]
    assert (income["income"], income["asset"]) == ("-0.00196667", "BNB")
    ledger = simulator.ledger(ann.key)["accounts"][ann.key]
    assert ledger["executions"][0]["commission_asset"] == "BNB"
    assert Decimal(ledger["balances"][0]["wallet_balance"]) == 100_000


def test_commissions_are_paid_as_usual_again(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.act(action="fee_asset", account=ann.key, asset="BNB")
    simulator.act(action="fee_asset", account=ann.key, asset="")
    ann.place("BUY", "0.001")

    trade = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")[0]
    assert trade["commissionAsset"] == "USDT"


def test_no_commission_is_paid_in_what_has_no_market(
    simulator: SimulatorThread, ann: Trader
) -> None:
    with pytest.raises(ControlError, match="no such symbol"):
        simulator.act(action="fee_asset", account=ann.key, asset="XYZ")


def test_the_price_of_a_minute_is_told(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.price("BNBUSDT", "612.50")
    minute = int(time.time() * 1000) // MINUTE * MINUTE
    terms = {"symbol": "BNBUSDT", "interval": "1m"}

    told = ann.ask("GET", "v1/klines", startTime=minute, limit=1, **terms)
    assert [(row[0], row[4]) for row in told] == [(minute, "612.500")]
    assert ann.ask("GET", "v1/klines", endTime=minute - 10 * MINUTE, **terms) == []
    assert ann.code("GET", "v1/klines", symbol="BNBUSDT", interval="1h") == (400, -1120)
