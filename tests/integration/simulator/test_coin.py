"""COIN-M over the wire: contracts, the coin, and what it shares with USD-M."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.conftest import Trader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

D = Decimal
HOUSES = (("BINANCE", "FUTURES"), ("BINANCE", "COIN_FUTURES"))
SYMBOL = "BTCUSD_PERP"


class CoinTrader(Trader):
    """The same account, in its COIN-M wallet."""

    root = "/dapi"

    def open_stream(self) -> Any:
        return self.listen(f"/ws/{self.listen_key()}")


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    config = SimulatorConfig(price_interval=0)
    with SimulatorThread(config=config, houses=HOUSES) as running:
        running.house(*HOUSES[1]).configure(price_interval=0)
        yield running


@pytest.fixture
def coin_house(simulator: SimulatorThread) -> ControlClient:
    return simulator.house(*HOUSES[1])


@pytest.fixture
def cora(simulator: SimulatorThread, coin_house: ControlClient) -> Iterator[CoinTrader]:
    trader = CoinTrader(simulator)
    coin_house.account(trader.key, trader.secret, balances={"BTC": "1", "ETH": "10"})
    yield trader
    trader.close()


def test_an_order_is_told_in_contracts_and_coins(cora: CoinTrader) -> None:
    stream = cora.open_stream()
    order = cora.place(symbol=SYMBOL, quantity="20", price="50000.0")
    cora.simulator.house(*HOUSES[1]).act(
        action="fill", account=cora.key, symbol=SYMBOL, orderId=order["orderId"], quantity="5"
    )
    new = stream.next()
    account = stream.next()
    trade = stream.next()

    assert (new["e"], new["i"], new["o"]["ma"], new["o"]["x"]) == (
        "ORDER_TRADE_UPDATE", "SgsR", "BTC", "NEW"
    )  # fmt: skip
    assert (trade["o"]["l"], trade["o"]["N"], trade["o"]["X"]) == ("5", "BTC", "PARTIALLY_FILLED")
    assert D(trade["o"]["n"]) == D("0.01") * D("0.0001")
    assert account["a"]["B"][0]["a"] == "BTC"
    assert account["a"]["P"][0]["pa"] == "5"

    seen = cora.ask("GET", "v1/order", symbol=SYMBOL, orderId=order["orderId"])
    assert (seen["executedQty"], D(seen["cumBase"]), seen["pair"]) == ("5", D("0.01"), "BTCUSD")
    assert "cumQuote" not in seen
    (listed,) = cora.ask("GET", "v1/openOrders", symbol=SYMBOL)
    assert (listed["cumQuote"], D(listed["avgPrice"])) == ("0", D(50_000))
    (row,) = cora.ask("GET", "v1/userTrades", symbol=SYMBOL)
    assert (row["qty"], D(row["baseQty"]), row["marginAsset"]) == ("5", D("0.01"), "BTC")


def test_a_closed_position_pays_in_the_coin(cora: CoinTrader) -> None:
    house = cora.simulator.house(*HOUSES[1])
    cora.place(symbol=SYMBOL, quantity="100")
    house.price(SYMBOL, "66000.0", fill="none")
    cora.place(side="SELL", symbol=SYMBOL, quantity="100")

    books = house.ledger(cora.key)["accounts"][cora.key]
    (coins,) = [each for each in books["balances"] if each["asset"] == "BTC"]
    earned = sum(D(e["realized_pnl"]) - D(e["commission"]) for e in books["executions"])
    assert D(coins["wallet_balance"]) == 1 + earned > D("1.01")
    assert not books["positions"]
    incomes = cora.ask("GET", "v1/income", incomeType="REALIZED_PNL")
    assert {row["asset"] for row in incomes} == {"BTC"}


def test_a_change_is_told_with_all_positions_of_its_coin_alone(cora: CoinTrader) -> None:
    cora.place(symbol="ETHUSD_PERP", quantity="1")
    cora.place(symbol="BTCUSD_270625", quantity="2")
    stream = cora.open_stream()

    order = cora.place(symbol=SYMBOL, quantity="3", price="50000.0")
    house = cora.simulator.house(*HOUSES[1])
    house.act(action="fill", account=cora.key, symbol=SYMBOL, orderId=order["orderId"])
    stream.next()

    told = stream.next()["a"]["P"]
    assert {row["s"]: row["pa"] for row in told} == {SYMBOL: "3", "BTCUSD_270625": "2"}


def test_positions_and_balances_are_listed(cora: CoinTrader) -> None:
    cora.place(side="SELL", symbol=SYMBOL, quantity="10")

    rows = {row["symbol"]: row for row in cora.ask("GET", "v1/positionRisk")}
    assert set(rows) == {SYMBOL, "ETHUSD_PERP", "BTCUSD_270625"}
    assert rows[SYMBOL]["positionAmt"] == "-10"
    assert D(rows[SYMBOL]["notionalValue"]) == -(D(1000) / D("60000.0")).quantize(D("1E-8"))
    assert {row["asset"] for row in cora.ask("GET", "v1/balance")} == {"BTC", "ETH"}
    assert cora.ask("GET", "v1/account")["assets"][0]["asset"] == "BTC"


def test_markets_have_contract_sizes_and_prices_come_as_lists(cora: CoinTrader) -> None:
    symbols = {row["symbol"]: row for row in cora.ask("GET", "v1/exchangeInfo")["symbols"]}

    assert symbols[SYMBOL]["contractStatus"] == "TRADING"
    assert "status" not in symbols[SYMBOL]
    assert (symbols[SYMBOL]["contractSize"], symbols["ETHUSD_PERP"]["contractSize"]) == (100, 10)
    assert symbols["BTCUSD_270625"]["contractType"] == "CURRENT_QUARTER"
    assert isinstance(cora.ask("GET", "v1/ticker/price", symbol=SYMBOL), list)


def test_a_listen_key_opens_its_own_wallet_only(cora: CoinTrader) -> None:
    usdm = Trader(cora.simulator)
    assert usdm.listen_key() != cora.listen_key()
    deaf = usdm.listen(f"/ws/{usdm.listen_key()}")
    other = usdm.listen(f"/private/ws?listenKey={cora.listen_key()}")
    mine = cora.open_stream()

    usdm.place(price="59000.0")
    cora.place(symbol=SYMBOL, quantity="1", price="50000.0")

    assert mine.next()["o"]["s"] == SYMBOL
    assert deaf.is_silent()
    assert other.is_silent()
    usdm.close()


def test_weight_order_counts_and_position_mode_are_common(cora: CoinTrader) -> None:
    usdm = Trader(cora.simulator)
    cora.ask("GET", "v1/income")
    response = usdm.send("GET", "v1/order", symbol="BTCUSDT", orderId=1)
    assert int(response.headers["X-MBX-USED-WEIGHT-1M"]) == 21
    cora.place(symbol=SYMBOL, quantity="1", price="50000.0")
    response = usdm.send("POST", "v1/order", symbol="BTCUSDT", side="BUY", type="MARKET")
    assert response.headers["X-MBX-ORDER-COUNT-1M"] == "2"

    assert usdm.code("POST", "v1/positionSide/dual", dualSidePosition="true") == (400, -4067)
    cora.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL)
    usdm.ask("POST", "v1/positionSide/dual", dualSidePosition="true")
    assert cora.ask("GET", "v1/positionSide/dual") == {"dualSidePosition": True}
    usdm.close()


def test_conditional_orders_are_at_the_desk(cora: CoinTrader) -> None:
    terms: dict[str, Any] = {"symbol": SYMBOL, "side": "SELL", "quantity": "3"}
    stop = {**terms, "type": "STOP_MARKET"}
    assert cora.code("POST", "v1/order", **stop, stopPrice="59000.0") == (400, -4120)
    stream = cora.open_stream()

    algo = cora.ask("POST", "v1/algoOrder", **stop, algoType="CONDITIONAL", triggerPrice="59000.0")
    assert cora.ask("GET", "v1/openAlgoOrders")[0]["algoId"] == algo["algoId"]
    cora.simulator.house(*HOUSES[1]).price(SYMBOL, "58000.0")

    frames = [stream.next() for _ in range(3)]
    assert [frame["e"] for frame in frames[:2]] == ["ALGO_UPDATE"] * 2
    assert frames[0]["i"] == "SgsR"


@pytest.mark.parametrize(
    ("action", "prefix"),
    [("liquidate", "autoclose-"), ("deleverage", "adl_autoclose"), ("settle", "settlement_")],
)
def test_the_exchange_closes_positions_in_the_coin(
    cora: CoinTrader, coin_house: ControlClient, action: str, prefix: str
) -> None:
    cora.place(symbol=SYMBOL, quantity="10")

    done = coin_house.act(action=action, account=cora.key, symbol=SYMBOL)

    assert done["client_order_id"].startswith(prefix)
    assert not coin_house.ledger(cora.key)["accounts"][cora.key]["positions"]


def test_a_delivery_contract_is_delivered(cora: CoinTrader, coin_house: ControlClient) -> None:
    cora.place(symbol="BTCUSD_270625", quantity="10")

    coin_house.act(action="delist", account=cora.key, symbol="BTCUSD_270625")

    books = coin_house.ledger(cora.key)["accounts"][cora.key]
    assert books["orders"][-1]["client_order_id"].startswith("delivery_autoclose-")
    assert not books["positions"]
    assert cora.refused(symbol="BTCUSD_270625", quantity="10") == -1121


def test_an_order_is_amended_in_contracts_and_within_the_margin(cora: CoinTrader) -> None:
    order = cora.place(symbol=SYMBOL, quantity="10", price="50000.0")
    named = {"symbol": SYMBOL, "side": "BUY", "orderId": order["orderId"]}
    stream = cora.open_stream()

    amended = cora.ask("PUT", "v1/order", quantity="15", price="50010.0", **named)

    assert (amended["origQty"], amended["pair"]) == ("15", "BTCUSD")
    assert "avgPrice" not in amended
    assert (stream.next()["o"]["x"], amended["status"]) == ("AMENDMENT", "NEW")
    too_much = cora.code("PUT", "v1/order", quantity="90000", price="50010.0", **named)
    assert too_much == (400, -2019)


def test_unfilled_orders_are_forgotten(cora: CoinTrader, coin_house: ControlClient) -> None:
    order = cora.place(symbol=SYMBOL, quantity="10", price="50000.0")
    named = {"symbol": SYMBOL, "orderId": order["orderId"]}
    cora.ask("DELETE", "v1/order", **named)
    assert cora.ask("GET", "v1/order", **named)["status"] == "CANCELED"

    coin_house.configure(unfilled_retention_ms=-1000)

    assert cora.code("GET", "v1/order", **named) == (400, -2013)


def test_funding_and_transfers_move_the_coin(cora: CoinTrader, coin_house: ControlClient) -> None:
    coin_house.act(action="funding", account=cora.key, symbol="ETHUSD_PERP", amount="-0.002")
    coin_house.act(action="transfer", account=cora.key, asset="ETH", amount="1.5")

    (eth,) = [row for row in cora.ask("GET", "v1/balance") if row["asset"] == "ETH"]
    assert D(eth["balance"]) == D("11.498")
    rows = cora.ask("GET", "v1/income")
    assert [(row["incomeType"], row["asset"]) for row in rows] == [
        ("FUNDING_FEE", "ETH"), ("TRANSFER", "ETH")
    ]  # fmt: skip
