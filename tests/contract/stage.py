"""One test's account at a simulated exchange: its client, its stream and a hand at the market."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.adapter import Limits, Pool, Rate
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionReport,
    FillReport,
    HoldingsChanged,
    IdSpace,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
)
from exchanges.questions import NewOrder, OrderRef, TradeCursor
from exchanges.registry import adapter, parse, rest_for, stream_for
from exchanges.stream_settings import StreamSettings
from tests.integration.exchanges.test_stream import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.credentials import Credentials
    from exchanges.messages import OrderStatement
    from exchanges.rest import RestClient
    from exchanges.simulator.control_client import ControlClient
    from exchanges.streams import Stream
    from tests.contract.case import Case, Trait

QUICK = StreamSettings(poll=0.05, backoff_base=0.01, backoff_cap=0.05)
PATIENCE = 10.0
ENDED = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the stream has told of one order so far, in whatever order it came."""

    status: OrderStatus | None
    filled: Decimal
    fills: dict[str, ExecutionReport]
    reports: tuple[OrderReport, ...]

    @property
    def executed(self) -> Decimal:
        """Return the sum of the fills, each counted once."""
        return sum((fill.execution_quantity for fill in self.fills.values()), Decimal(0))


class Stage:
    """Everything a test of the contract needs."""

    def __init__(self, case: Case, house: ControlClient) -> None:
        self.case, self.house = case, house
        self.recorder = Recorder()
        self.credentials = self.account()
        self.client = self.client_of(self.credentials)
        self._streams: list[Stream] = []

    @property
    def key(self) -> str:
        """Return the account's name at the control end points."""
        return self.credentials.api_key

    def needs(self, trait: Trait) -> None:
        """Leave the test out where the exchange has no such thing."""
        if trait in self.case.lacks:
            pytest.skip(f"{self.case.name} has no {trait.name}")

    # -------------------------------------------------------------------- accounts and clients

    def account(self, *, hedge: bool = False) -> Credentials:
        """Open an account."""
        fresh = self.case.credentials(next(numbers))
        self.house.account(fresh.api_key, fresh.api_secret, hedge=hedge)
        return fresh

    def hedge(self) -> None:
        """Go on with an account that keeps long and short apart, if the exchange has such."""
        if not self.case.hedges:
            pytest.skip(f"{self.case.name} keeps one position a market")
        self.credentials = self.account(hedge=True)
        self.client = self.client_of(self.credentials)

    def client_of(self, credentials: Credentials, egress_ip: str = "contract") -> RestClient:
        """Return a client; one with an address of its own shares no budget and no clock."""
        limits = adapter(self.case.exchange).limits[self.case.market_type]
        return rest_for(
            self.case.exchange,
            self.case.market_type,
            credentials=credentials,
            redis_url=os.environ["REDIS_URL"],
            base_url=self.house.url,
            egress_ip=egress_ip,
            limits=widened(limits),
        )

    def stream_of(self, credentials: Credentials) -> Stream:
        """Start a stream of an account; it ends with the test."""
        made = stream_for(
            self.case.exchange,
            self.case.market_type,
            session_id="contract",
            credentials=credentials,
            client=self.client_of(credentials),
            handler=self.recorder,
            base_url=self.house.url.replace("http://", "ws://"),
            settings=QUICK,
        )
        self._streams.append(made)
        made.start()
        return made

    def connect(self) -> Stream:
        """Start the account's stream and wait until it is connected."""
        stream = self.stream_of(self.credentials)
        self.wait_for_gaps(1)
        return stream

    def close(self) -> list[Stream]:
        """End what was started; returns the streams, which may take a moment."""
        for stream in self._streams:
            stream.stop(0)
        self.house.faults(reset=True)
        return self._streams

    # ------------------------------------------------------------------------------ by the API

    def order(self, **changes: Any) -> NewOrder:
        """Return an order that would rest."""
        resting = NewOrder(
            market_type=self.case.market_type,
            symbol_id=self.case.symbol_id,
            client_order_id=f"otc{next(numbers)}x{time.time_ns() % 10**9}",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=self.case.quantity,
            price=self.case.price,
        )
        return replace(resting, **changes)

    def place(self, **changes: Any) -> OrderRef:
        """Place an order that rests."""
        return self.ref(self.client.place_order(self.order(**changes)))

    def place_elsewhere(self) -> OrderRef:
        """Place an order that rests in another market."""
        symbol_id, price, quantity = self.case.elsewhere
        return self.place(symbol_id=symbol_id, price=price, quantity=quantity)

    def ref(self, order: OrderStatement | NewOrder) -> OrderRef:
        """Name an order by what is known of it."""
        return OrderRef(
            market_type=self.case.market_type,
            symbol_id=order.symbol_id,
            exchange_order_id=getattr(order, "exchange_order_id", None),
            client_order_id=order.client_order_id,
            id_space=getattr(order, "id_space", IdSpace.ORDER),
        )

    def since(self) -> TradeCursor:
        """Return a cursor that begins now."""
        return TradeCursor(since=self.client.fetch_server_time())

    # ------------------------------------------------------------------------------- by hand

    def act(self, action: str, ref: OrderRef, **terms: object) -> None:
        """Do something to an order at the exchange itself."""
        self.house.act(
            action=action,
            account=self.key,
            symbol=ref.symbol_id,
            orderId=ref.exchange_order_id,
            **terms,
        )

    def fill(self, ref: OrderRef, quantity: Decimal | None = None) -> None:
        """Let a resting order trade."""
        terms = {} if quantity is None else {"quantity": str(quantity)}
        self.act("fill", ref, **terms)

    def disturb(self, **switches: object) -> None:
        """Set fault switches for this account alone."""
        self.house.faults(account=self.key, **switches)

    # ------------------------------------------------------------------------ what was heard

    def heard(self, ref: OrderRef) -> Heard:
        """Put together what the stream has told of an order."""
        reports, fills = [], {}
        for message in self.messages():
            about = getattr(message, "exchange_order_id", None)
            if about != ref.exchange_order_id:
                continue
            if isinstance(message, OrderReport):
                reports.append(message)
            fill = message.execution if isinstance(message, OrderReport | FillReport) else None
            if fill is not None:
                fills[fill.exchange_trade_id] = fill
        told = [report.status for report in reports]
        return Heard(
            status=next((status for status in told if status in ENDED), told[-1] if told else None),
            filled=max((report.filled_quantity for report in reports), default=Decimal(0)),
            fills=fills,
            reports=tuple(reports),
        )

    def messages(self) -> Iterable[object]:
        """Read every frame that can be read."""
        for raw in list(self.recorder.frames):
            try:
                yield from parse(self.case.exchange, self.case.market_type, raw)
            except MalformedMessage:
                continue

    def changed_holdings(self) -> list[HoldingsChanged]:
        """Return what the stream has told of holdings."""
        return [message for message in self.messages() if isinstance(message, HoldingsChanged)]

    def wait_for_gaps(self, count: int) -> None:
        """Wait until the stream has been connected so often, and hears."""
        self.recorder.wait(
            lambda: len({gap.connected_at for gap in self.recorder.gaps}) >= count, PATIENCE
        )
        deadline = time.monotonic() + PATIENCE
        while not self._listened_for() >= self.case.listens_for:
            assert time.monotonic() < deadline, "nobody listens"

    def _listened_for(self) -> frozenset[str]:
        return frozenset(self.house.ledger(self.key, summary=True)["listened_for"])

    def wait_for(
        self, ref: OrderRef, status: OrderStatus, *, executed: Decimal = Decimal(0)
    ) -> Heard:
        """Wait until the stream has told that an order is so, and all its fills."""

        def is_told() -> bool:
            now = self.heard(ref)
            return now.status is status and now.filled >= executed and now.executed >= executed

        self.recorder.wait(is_told, PATIENCE)
        return self.heard(ref)


def widened(limits: Limits) -> Limits:
    """Return ceilings so high that tests do not wait for each other's requests."""

    def wide(rate: Rate) -> Rate:
        return Rate(limit=rate.limit * 200, period=rate.period)

    return Limits(
        address=wide(limits.address),
        pools=tuple(Pool(name=pool.name, rate=wide(pool.rate)) for pool in limits.pools),
    )
