"""
The simulator with every house open, as other people's clients find it.

They are unchanged but for where they connect. `url` and `ws_url` are plain; `tls` is for clients
that speak https and wss alone: its `netloc` takes the place of their host, and its certificate is
the one that OpenSSL, requests and websocket-client trust during these tests.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.fronts import every_house
from exchanges.simulator.thread import SimulatorThread
from tests.conformance.tls import TlsPort, make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY, SECRET = "conformance-key", "a-secret-as-long-as-signatures-ask-for"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


async def eventually(condition: Callable[[], bool], patience: float = 5.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy stand between the clients and this machine."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    """Open every house; prices stand still, and one account has the same key everywhere."""
    houses = every_house()
    with SimulatorThread(houses=houses) as running:
        for house in houses:
            control = running.house(*house)
            control.configure(price_interval=0)
            control.account(KEY, SECRET)
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(
    simulator: SimulatorThread, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TlsPort]:
    """Offer the simulator over TLS, and have its certificate trusted."""
    for name in TRUST:
        monkeypatch.setenv(name, str(certificate))
    with TlsPort(simulator.url, certificate) as port:
        yield port
