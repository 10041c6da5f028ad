"""The control end points of houses that keep balances, or coins, instead of one wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.errors import ControlError
from exchanges.simulator.thread import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

D = Decimal
KEY = "ann-key"
SPOT = ("BINANCE", "SPOT")
COIN = ("BINANCE", "COIN_FUTURES")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(houses=(SPOT, COIN)) as running:
        for house in (SPOT, COIN):
            running.house(*house).configure(price_interval=0)
        yield running


@pytest.fixture
def spot(simulator: SimulatorThread) -> ControlClient:
    return simulator.house(*SPOT)


def owned(house: ControlClient, key: str) -> dict[str, dict[str, str]]:
    books = house.ledger(key)["accounts"][key]
    return {each["asset"]: each for each in books["balances"]}


def test_an_account_owns_what_was_said_or_what_is_usual(simulator: SimulatorThread) -> None:
    spot, coin = simulator.house(*SPOT), simulator.house(*COIN)

    assert set(spot.account("usual", "s")["balances"]) == {"USDT", "BTC", "ETH", "SOL", "BNB"}
    assert set(coin.account("usual", "s")["balances"]) == {"BTC", "ETH"}
    assert spot.account("told", "s", balances={"USDT": "7.5"})["balances"] == {"USDT": "7.5"}
    for nonsense in ({"USDT": "-1"}, {"USDT": "much"}):
        with pytest.raises(ControlError):
            spot.account("refused", "s", balances=nonsense)


def test_spot_balances_are_told_free_locked_and_deposited(spot: ControlClient) -> None:
    key = "locked"
    spot.account(key, "s", balances={"USDT": "1000"})
    terms: dict[str, Any] = {"account": key, "symbol": "BTCUSDT"}
    spot.act(action="place", side="BUY", type="LIMIT", quantity="0.01", price="50000", **terms)

    (row,) = owned(spot, key).values()
    assert {name: each if name == "asset" else D(each) for name, each in row.items()} == {
        "asset": "USDT", "free": D(500), "locked": D(500), "deposited": D(1000)
    }  # fmt: skip


def test_a_hand_buys_for_an_amount_and_sets_a_stop(spot: ControlClient) -> None:
    key = "hand"
    spot.account(key, "s", balances={"USDT": "1000"})
    terms: dict[str, Any] = {"action": "place", "account": key, "symbol": "BTCUSDT"}

    bought = spot.act(side="BUY", quoteOrderQty="900", **terms)
    stop = spot.act(
        side="SELL", type="LIMIT", quantity="0.01", price="54000", stopPrice="55000", **terms
    )

    assert (bought["status"], bought["origin"]) == ("FILLED", "hand")
    assert D(899) < D(bought["filled_quote"]) <= D(900)
    assert (stop["status"], stop["is_waiting"], D(stop["trigger_price"])) == ("NEW", True, D(55000))
    assert D(owned(spot, key)["BTC"]["locked"]) == D("0.01")


@pytest.mark.parametrize(
    "terms",
    [
        {"action": "place", "symbol": "BTCUSDT", "side": "BUY", "quantity": "1"},
        {"action": "place", "symbol": "BTCUSDT", "side": "SELL", "quoteOrderQty": "50"},
        {"action": "transfer", "asset": "USDT", "amount": "-1001"},
        {"action": "funding", "symbol": "BTCUSDT", "amount": "1"},
        {"action": "liquidate", "symbol": "BTCUSDT"},
        {"action": "dust", "asset": "ETH", "amount": "1"},
    ],
)
def test_what_spot_cannot_do_is_refused(spot: ControlClient, terms: dict[str, Any]) -> None:
    spot.account("poor", "s", balances={"USDT": "1000"})
    with pytest.raises(ControlError):
        spot.act(account="poor", **terms)


def test_dust_becomes_another_asset_and_transfers_are_deposits(spot: ControlClient) -> None:
    key = "dusty"
    spot.account(key, "s", balances={"USDT": "1000", "SOL": "0.003"})

    spot.act(action="dust", account=key, asset="SOL", into="BNB", amount="0.0007")
    spot.act(action="transfer", account=key, asset="ETH", amount="2")

    rows = owned(spot, key)
    assert {asset: row["free"] for asset, row in rows.items()} == {
        "USDT": "1000", "SOL": "0.000", "BNB": "0.0007", "ETH": "2"
    }  # fmt: skip
    assert (rows["ETH"]["deposited"], rows["BNB"]["deposited"]) == ("2", "0")
    incomes = spot.ledger(key)["accounts"][key]["incomes"]
    assert [(row["kind"], row["asset"]) for row in incomes] == [
        ("DUST", "SOL"), ("DUST", "BNB"), ("TRANSFER", "ETH")
    ]  # fmt: skip


def test_a_delisted_spot_market_leaves_the_assets_alone(spot: ControlClient) -> None:
    key = "holder"
    spot.account(key, "s", balances={"SOL": "3"})
    terms: dict[str, Any] = {"account": key, "symbol": "SOLUSDT"}
    order = spot.act(action="place", side="SELL", type="LIMIT", quantity="1", price="200", **terms)

    spot.act(action="delist", **terms)

    books = spot.ledger(key)["accounts"][key]
    assert [(o["exchange_order_id"], o["status"]) for o in books["orders"]] == [
        (order["exchange_order_id"], "EXPIRED")
    ]
    assert D(owned(spot, key)["SOL"]["free"]) == D(3)


@pytest.mark.parametrize("house", [SPOT, COIN], ids=":".join)
def test_a_burst_fills_in_every_house(simulator: SimulatorThread, house: tuple[str, str]) -> None:
    control, key = simulator.house(*house), "burst"
    control.account(key, "s")

    control.burst(accounts=[key], fills=40, seconds=5)
    while control.burst()["state"] == "running":
        continue

    assert control.ledger(key, summary=True)["executions"] == 40
