"""Following `docs/adding-an-exchange.md`: two files and a registry line, nothing else."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges import registry
from exchanges.adapter import Limits, Rate
from exchanges.credentials import Credentials
from exchanges.messages import MarketType, OrderReport, OrderStatus
from exchanges.questions import OrderRef, TradeCursor
from exchanges.stream import PrivateStream
from exchanges.stream_state import StreamStatus
from tests.integration.exchanges.generic_listener import Listener
from tests.integration.exchanges.generic_okx import KEY, PASSPHRASE, SECRET, Okx

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = Credentials(api_key=KEY, api_secret=SECRET, api_password=PASSPHRASE)


@pytest.fixture
def own_adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    line = {"OKX": "tests.integration.exchanges.generic_own_okx"}
    monkeypatch.setattr(registry, "_MODULES", registry._MODULES | line)
    registry.adapter.cache_clear()
    yield
    registry.adapter.cache_clear()


@pytest.mark.usefixtures("own_adapter")
def test_two_files_and_a_registry_line_make_an_adapter() -> None:
    assert "OKX" in registry.names()
    assert "OKX" not in registry.generic_names()
    with Okx() as okx:
        client = registry.rest_for(
            "OKX",
            "SPOT",
            credentials=KEYS,
            redis_url=os.environ["REDIS_URL"],
            base_url=okx.url,
            limits=Limits(address=Rate(limit=1_000_000, period=60)),
        )
        listener = Listener()
        stream = registry.stream_for(
            "OKX",
            "SPOT",
            session_id="0123456789",
            credentials=KEYS,
            client=client,
            handler=listener,
            base_url=okx.ws_url,
        )
        assert isinstance(stream, PrivateStream)
        stream.start()
        listener.await_that(lambda: okx.sockets and stream.state.status is StreamStatus.CONNECTED)
        order = okx.place(sz="1")
        okx.fill(order, "0.4", "58999.9")
        okx.cancel(order)

        def heard() -> list[OrderReport]:
            return listener.reports("OKX", "SPOT")

        listener.await_that(lambda: heard() and heard()[-1].status is OrderStatus.CANCELLED)
        assert stream.stop()

        ref = OrderRef(
            market_type=MarketType.SPOT,
            symbol_id="BTC-USDT",
            exchange_order_id=order["ordId"],
        )
        told = client.verify_orders([ref], cursor=TradeCursor(after_trade_id="0"), want_trades=True)

    (by_stream,) = [report.execution for report in heard() if report.execution]
    (by_rest,) = told.executions
    # both halves mean one order, one market and one fill
    assert (by_stream.symbol_id, by_stream.exchange_order_id, by_stream.exchange_trade_id) == (
        by_rest.symbol_id,
        by_rest.exchange_order_id,
        by_rest.exchange_trade_id,
    )
    assert by_stream.commission == by_rest.commission == Decimal("0.01")
    assert told.snapshots[0].status is heard()[-1].status
