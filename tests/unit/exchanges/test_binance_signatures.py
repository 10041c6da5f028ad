from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from exchanges.binance_signatures import payload, signature
from exchanges.errors import AuthenticationError

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
ORDER = {
    "type": "LIMIT",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "timeInForce": "GTC",
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": 100,
    "timestamp": 1645423376532,
    "apiKey": KEY,
}


def test_parameters_are_signed_in_alphabetical_order_as_documented() -> None:
    assert payload(ORDER) == (
        f"apiKey={KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL"
        "&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    )
    assert (
        signature(SECRET, payload(ORDER))
        == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
    )


def test_a_rest_query_is_signed_as_documented() -> None:
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )

    assert (
        signature(SECRET, query)
        == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )


def test_an_ed25519_key_signs_in_base64() -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    signed = base64.b64decode(signature(pem, "timestamp=1"), validate=True)

    key.public_key().verify(signed, b"timestamp=1")


def test_an_rsa_key_signs_in_base64() -> None:
    key = generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    signed = base64.b64decode(signature(pem, "symbol=币安人生USDT"), validate=True)

    key.public_key().verify(signed, "symbol=币安人生USDT".encode(), PKCS1v15(), SHA256())


def test_a_key_that_cannot_be_read_is_not_repeated() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"

    with pytest.raises(AuthenticationError) as caught:
        signature(pem, "timestamp=1")

    assert "secret\n" not in str(caught.value)
    assert caught.value.__context__ is None
