from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from base64 import urlsafe_b64encode

import pytest

from exchanges.simulator.accounts import Account
from exchanges.simulator.errors import ApiError
from exchanges.simulator.upbit.token import Tokens, hashed_forms, key_in

SECRET = "s" * 40
ACCOUNTS = {"ann": Account(api_key="ann", api_secret=SECRET)}
DIGESTS = {"HS256": "sha256", "HS512": "sha512", "none": "sha256"}


def header(algorithm: str = "HS512", secret: str = SECRET, **claims: object) -> str:
    """Sign a token as the documentation says, with nothing of ours."""
    told = {"access_key": "ann", "nonce": str(uuid.uuid4())} | claims
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": algorithm, "typ": "JWT"}, told)
    ]
    signature = hmac.digest(secret.encode(), ".".join(parts).encode(), DIGESTS[algorithm])
    return f"Bearer {'.'.join(parts)}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def hashed(text: str) -> str:
    return hashlib.sha512(text.encode()).hexdigest()


def name_of(told: str, query: str = "", body: str = "") -> str:
    with pytest.raises(ApiError) as caught:
        Tokens().check(told, ACCOUNTS, hashed_forms(query, body))
    return str(caught.value.code)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_both_algorithms_are_taken(algorithm: str) -> None:
    assert Tokens().check(header(algorithm), ACCOUNTS, ()).api_key == "ann"


def test_parameters_are_hashed_decoded_or_as_they_were_sent() -> None:
    query = "states%5B%5D=done&states%5B%5D=cancel"
    for text in ("states[]=done&states[]=cancel", query):
        Tokens().check(header(query_hash=hashed(text)), ACCOUNTS, hashed_forms(query, ""))


def test_a_body_is_hashed_as_if_it_were_a_query() -> None:
    body = json.dumps({"market": "KRW-BTC", "price": "1000", "ids": ["a", "b"]})
    told = header(query_hash=hashed("market=KRW-BTC&price=1000&ids[]=a&ids[]=b"))

    assert Tokens().check(told, ACCOUNTS, hashed_forms("", body)).api_key == "ann"


def test_whoever_is_not_believed_hears_why() -> None:
    assert name_of("") == "invalid_access_key"
    assert name_of("Bearer a.b.c") == "invalid_access_key"
    assert name_of(header(access_key="bob")) == "invalid_access_key"
    assert name_of(header(secret="wrong")) == "jwt_verification"
    assert name_of(header("none")) == "jwt_verification"
    assert name_of(header()[:-4]) == "jwt_verification"
    assert name_of(header(nonce=None)) == "jwt_verification"
    assert name_of(header(), query="uuid=a") == "invalid_query_payload"
    assert name_of(header(query_hash=hashed("uuid=b")), query="uuid=a") == "invalid_query_payload"


def test_a_nonce_is_used_once() -> None:
    tokens, told = Tokens(), header()
    tokens.check(told, ACCOUNTS, ())

    with pytest.raises(ApiError) as caught:
        tokens.check(told, ACCOUNTS, ())

    assert caught.value.code == "nonce_used"


def test_the_key_is_read_before_the_token_is_believed() -> None:
    assert key_in(header(secret="wrong")) == "ann"
    assert key_in("Basic abc") is None
    assert key_in(header(access_key=7)) is None
