"""A simulated exchange, an account there, and the frames its private stream sends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import redis
import websocket
from django.conf import settings
from django.utils import timezone

from exchanges.rest import KeyedRestClient
from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tracking.models import (
    OpenOrder,
    StrategyPosition,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import clients, inbox
from tracking.services.baseline import ensure_baseline
from tracking.services.inbox import Frame
from tracking.services.order_manager import OrderManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.models import ExchangeAccount, StrategyAccount

SYMBOL = "BTC/USDT:USDT"
#: a budget no test spends: together they ask more in a minute than one address may
PLENTY = 1_000_000
PAST = timedelta(minutes=1)


class Exchange:
    """One account at the simulator, seen from outside: its ledger and its frames."""

    def __init__(self, simulator: SimulatorThread, account: ExchangeAccount) -> None:
        self.simulator = simulator
        self.account = account
        self.key = account.api_key
        self._socket: websocket.WebSocket | None = None

    def connect(self) -> None:
        client = clients.rest_client(self.account)
        assert isinstance(client, KeyedRestClient)
        key = client.create_listen_key()
        url = f"{self.simulator.ws_url}/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE"
        self._socket = websocket.create_connection(url, timeout=2, suppress_origin=True)

    def frames(self, count: int) -> list[str]:
        """Wait for so many frames."""
        assert self._socket is not None
        return [str(self._socket.recv()) for _ in range(count)]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def deliver(self, *frames: str) -> None:
        """Put frames into the inbox as the stream worker does."""
        inbox.receive(
            [
                Frame(
                    account_id=self.account.pk,
                    market_type="FUTURES",
                    session_id=uuid.uuid4(),
                    epoch=1,
                    raw=raw,
                    received_at=timezone.now(),
                )
                for raw in frames
            ]
        )

    def act(self, action: str, **terms: object) -> Any:
        return self.simulator.act(action=action, account=self.key, **terms)

    def price(self) -> Decimal:
        ticker = self.simulator.ask("GET", "/fapi/v1/ticker/price?symbol=BTCUSDT")
        return Decimal(str(ticker["price"]))

    def ledger(self) -> Any:
        return self.simulator.ledger(self.key)["accounts"][self.key]

    def assert_equal_books(self) -> None:
        """Our executions, open orders and positions are the ledger's, exactly."""
        ledger = self.ledger()
        assert booked_executions(self.account) == {_fill(f) for f in ledger["executions"]}
        assert booked_open_orders(self.account) == {
            (o["symbol"], str(o["exchange_order_id"]), Decimal(o["filled_quantity"]))
            for o in ledger["open_orders"]
        } | {
            (o["symbol"], o["exchange_order_id"], Decimal(0))
            for o in ledger["conditional_orders"]
            if o["is_waiting"]
        }
        held = {_holding(p): Decimal(p["quantity"]) for p in ledger["positions"]}
        assert booked_positions(self.account) == {key: q for key, q in held.items() if q}


def _id(symbol: str) -> str:
    return symbol.split(":", maxsplit=1)[0].replace("/", "")


def _holding(position: dict[str, Any]) -> tuple[str, str]:
    side = position["position_side"]
    return position["symbol"], "NET" if side == "BOTH" else side


def _fill(fill: dict[str, Any]) -> tuple[object, ...]:
    return (
        fill["symbol"],
        str(fill["exchange_order_id"]),
        str(fill["exchange_trade_id"]),
        fill["side"],
        Decimal(fill["price"]),
        Decimal(fill["quantity"]),
        Decimal(fill["commission"]),
        fill["commission_asset"],
        fill["is_maker"],
        Decimal(fill["realized_pnl"]),
    )


def booked_executions(account: ExchangeAccount) -> set[tuple[object, ...]]:
    rows = TradeExecution.objects.filter(account=account, voided_at__isnull=True)
    return {
        (
            _id(e.symbol),
            e.exchange_order_id,
            e.exchange_trade_id,
            e.side,
            e.execution_price,
            e.execution_quantity,
            e.commission,
            e.commission_asset,
            e.is_maker,
            e.realized_pnl,
        )
        for e in rows
    }


def booked_open_orders(account: ExchangeAccount) -> set[tuple[str, str | None, Decimal]]:
    rows = OpenOrder.objects.filter(account=account)
    return {(_id(o.symbol), o.exchange_order_id, o.filled_quantity) for o in rows}


def booked_positions(account: ExchangeAccount) -> dict[tuple[str, str], Decimal]:
    held: dict[tuple[str, str], Decimal] = {}
    for row in StrategyPosition.objects.filter(account=account):
        key = (_id(row.symbol), row.position_side)
        held[key] = held.get(key, Decimal(0)) + row.quantity
    return {key: quantity for key, quantity in held.items() if quantity}


def make_due() -> None:
    """Let everything in the verification queue be due now."""
    past = timezone.now() - PAST
    OpenOrder.objects.exclude(next_verify_at=None).update(next_verify_at=past)
    TradeExecution.objects.exclude(next_verify_at=None).update(next_verify_at=past)
    SymbolSubscription.objects.update(verified_at=None)


def fill_budget(tokens: int = 1_000_000) -> None:
    """A new budget starts a quarter full; these tests are about one that has rested.

    One that is spent has fewer than none.
    """
    state = redis.Redis.from_url(settings.REDIS_STATE_URL)
    for key in state.scan_iter(_type="HASH"):
        state.hset(key, "tokens", tokens)
    state.close()


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=1) as running:
        # `fill_budget` gives each test a rested budget: together they ask more than one address may
        running.configure(weight_limit=1_000_000)
        yield running


@pytest.fixture
def weight_limit() -> int:
    """What one address may ask in a minute; stories about that have a limit of their own."""
    return PLENTY


@pytest.fixture
def account(
    transactional_db: None,
    simulator: SimulatorThread,
    monkeypatch: pytest.MonkeyPatch,
    weight_limit: int,
) -> ExchangeAccount:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", weight_limit)
    simulator.faults(reset=True)
    key = uuid.uuid4().hex
    simulator.account(key, f"secret-{key}")
    made: ExchangeAccount = ExchangeAccountFactory.create(api_key=key, api_secret=f"secret-{key}")
    return made


@pytest.fixture
def strategy_account(account: ExchangeAccount) -> StrategyAccount:
    made: StrategyAccount = StrategyAccountFactory.create(account=account)
    return made


@pytest.fixture
def exchange(account: ExchangeAccount, simulator: SimulatorThread) -> Iterator[Exchange]:
    ensure_baseline(account)
    account.refresh_from_db()
    # a worker has its market table long before the faults a test sets
    clients.rest_client(account).markets.all()
    fill_budget()
    opened = Exchange(simulator, account)
    opened.connect()
    yield opened
    opened.close()


@pytest.fixture
def manager(exchange: Exchange, strategy_account: StrategyAccount) -> OrderManager:
    strategy_account.account.refresh_from_db()
    return OrderManager(strategy_account)
