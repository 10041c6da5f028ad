"""Signatures: over exactly what was sent, checked against Binance's published example."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exchanges.simulator.accounts import Account
from exchanges.simulator.auth import account_of, check_signature, check_time
from exchanges.simulator.errors import ApiError

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
QUERY = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


@pytest.fixture
def account() -> Account:
    return Account(api_key="key", api_secret=SECRET)


def test_the_published_example_passes_in_query_and_body(account: Account) -> None:
    check_signature(account, f"{QUERY}&signature={SIGNATURE}", "")
    check_signature(account, "", f"{QUERY}&signature={SIGNATURE}")
    head, tail = QUERY[:29], QUERY[29:]
    check_signature(account, head, f"{tail}&signature={SIGNATURE}")


def test_another_order_of_parameters_does_not(account: Account) -> None:
    with pytest.raises(ApiError) as caught:
        check_signature(account, f"x=1&{QUERY}&signature={SIGNATURE}", "")
    assert caught.value.code == -1022


def test_no_signature_is_a_missing_parameter(account: Account) -> None:
    with pytest.raises(ApiError) as caught:
        check_signature(account, QUERY, "")
    assert caught.value.code == -1102


@pytest.mark.parametrize(
    ("key", "code"), [(None, -2014), ("", -2014), ("a b", -2014), ("x", -2015)]
)
def test_keys_are_told_apart(account: Account, key: str | None, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        account_of({"key": account}, key)
    assert (caught.value.code, caught.value.status) == (code, 401)


@pytest.mark.parametrize(
    ("stamp", "window", "code"),
    [
        ("1001001", None, -1021),
        ("994999", None, -1021),
        ("989999", "10000", -1021),
        ("now", None, -1102),
        ("1000000", "60001", -1131),
    ],
)
def test_a_request_must_be_of_now(stamp: str, window: str | None, code: int) -> None:
    params = {"timestamp": stamp} | ({"recvWindow": window} if window else {})
    with pytest.raises(ApiError) as caught:
        check_time(params, 1_000_000)
    assert caught.value.code == code
    check_time({"timestamp": "1001000"}, 1_000_000)
    check_time({"timestamp": "995000"}, 1_000_000)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_private_key_signs_in_base64(account: Account, kind: str) -> None:
    if kind == "rsa":
        rsa = generate_private_key(public_exponent=65_537, key_size=2048)
        signature = rsa.sign(QUERY.encode(), PKCS1v15(), SHA256())
        public = rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    else:
        curve = Ed25519PrivateKey.generate()
        signature = curve.sign(QUERY.encode())
        public = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    account.api_secret = public.decode()
    text = quote(base64.b64encode(signature).decode(), safe="")

    check_signature(account, f"{QUERY}&signature={text}", "")
    for wrong in (f"x=1&{QUERY}&signature={text}", f"{QUERY}&signature=no%20base64"):
        with pytest.raises(ApiError, match="not valid"):
            check_signature(account, wrong, "")
