"""RSA and Ed25519 keys: ccxt and python-binance sign as Binance's documents ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ccxt
import pytest
from binance import Client
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.conformance.test_binance_ccxt import redirected
from tests.conformance.test_binance_python import constants

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread

OWNER = "key-of-its-own"


def opened(simulator: SimulatorThread, kind: str) -> str:
    """Open an account with a public key; returns the private one."""
    rsa = generate_private_key(public_exponent=65_537, key_size=2048)
    key = rsa if kind == "rsa" else Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for house in ("SPOT", "FUTURES"):
        simulator.house("BINANCE", house).account(OWNER, public.decode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_ccxt_signs_with_a_private_key(simulator: SimulatorThread, kind: str) -> None:
    secret = opened(simulator, kind)
    terms = {"apiKey": OWNER, "secret": secret, "timeout": 5000}
    client = redirected(ccxt.binance(terms), simulator)

    order = client.create_order("BTC/USDT", "limit", "buy", 0.1, 59_000)
    assert client.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_python_binance_signs_with_a_private_key(simulator: SimulatorThread, kind: str) -> None:
    private = opened(simulator, kind).encode()
    redirect: Any = type("Redirected", (Client,), constants(simulator))
    client = redirect(OWNER, private_key=private)

    assert client.get_account()["canTrade"]
    assert client.futures_get_open_orders() == []
