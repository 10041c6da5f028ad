"""Books are opened with what was held at one moment, even if the account never stops trading."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from exchanges.binance_futures_rest import BinanceFuturesRest as Futures
from tests.factories import ExchangeAccountFactory
from tests.integration.services.conftest import PAST, Exchange, booked_positions, fill_budget
from tracking.models import ExchangeAccount, Posting, TradeExecution
from tracking.services import clients
from tracking.services.baseline import HoldingsKeepMovingError, ensure_baseline
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.simulator.thread import SimulatorThread


class Trader:
    """Trades by hand before and after every question, always the same or now this, now that."""

    def __init__(self, exchange: Exchange, sizes: tuple[str, ...]) -> None:
        self.exchange, self.sizes, self.count = exchange, sizes, 0

    def trade(self) -> None:
        size = self.sizes[self.count % len(self.sizes)]
        self.count += 1
        side = "SELL" if size.startswith("-") else "BUY"
        terms = {"symbol": "ETHUSDT", "side": side, "type": "MARKET"}
        self.exchange.act("place", **terms, quantity=size.lstrip("-"))

    def around(self, question: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any, **named: Any) -> Any:
            self.trade()
            answer = question(*args, **named)
            self.trade()
            return answer

        return asked


@pytest.fixture
def newcomer(account: ExchangeAccount, simulator: SimulatorThread) -> Exchange:
    """Give an account whose books are not open yet, with something held."""
    clients.rest_client(account).markets.all()
    fill_budget()
    exchange = Exchange(simulator, account)
    exchange.act("place", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="3")
    exchange.act("place", symbol="SOLUSDT", side="SELL", type="MARKET", quantity="2")
    return exchange


def held_at(exchange: Exchange) -> dict[str, Decimal]:
    held = {p["symbol"]: Decimal(p["quantity"]) for p in exchange.ledger()["positions"]}
    return {symbol: quantity for symbol, quantity in held.items() if quantity}


@pytest.mark.parametrize("sizes", [("1",), ("1", "-1"), ("2", "-1", "0.5", "-3", "0.1")])
def test_an_account_that_never_stops_trading_gets_its_books(
    newcomer: Exchange, monkeypatch: pytest.MonkeyPatch, sizes: tuple[str, ...]
) -> None:
    trader = Trader(newcomer, sizes)
    with monkeypatch.context() as patched:
        for name in ("fetch_holdings", "fetch_executions"):
            patched.setattr(Futures, name, trader.around(getattr(Futures, name)))
        ensure_baseline(newcomer.account)
    fill_budget()
    # there and back again leaves no holding to find it by
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - PAST)

    sync_open_orders(newcomer.account.pk, full=True, force=True)

    booked = {symbol: held for (symbol, _), held in booked_positions(newcomer.account).items()}
    assert booked == held_at(newcomer)
    assert Posting.objects.filter(kind="OPENING", symbol="SOL/USDT:USDT").exists()
    assert TradeExecution.objects.filter(is_history=False).exists()


def test_a_trades_list_that_lags_opens_no_books(
    newcomer: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    trader = Trader(newcomer, ("1", "0.3", "0.7"))
    for name in ("fetch_holdings", "fetch_executions"):
        monkeypatch.setattr(Futures, name, trader.around(getattr(Futures, name)))

    with pytest.raises(HoldingsKeepMovingError):
        ensure_baseline(newcomer.account)

    assert ExchangeAccount.objects.get().baseline_at is None


def test_the_position_mode_is_the_exchanges_whatever_was_typed_in(
    newcomer: Exchange, simulator: SimulatorThread
) -> None:
    newcomer.account.position_mode = "HEDGE"
    newcomer.account.save()

    assert ensure_baseline(newcomer.account).position_mode == "ONE_WAY"

    key = uuid.uuid4().hex
    simulator.account(key, f"secret-{key}", hedge=True)
    hedged = ExchangeAccountFactory.create(api_key=key, api_secret=f"secret-{key}")
    assert ensure_baseline(hedged).position_mode == "HEDGE"
