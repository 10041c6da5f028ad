"""
Who is asking: API key, signature over the exact text that was sent, and the time of the request.

The payload is the query string followed by the form body, both as they came, without their
`signature` parameter; it is never re-encoded. An account whose secret is a public key in PEM form
(RSA or Ed25519) signs with the private one, in base64; every other by HMAC-SHA256, in hexadecimal.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from exchanges.simulator.errors import UNAUTHORISED, ApiError, ControlError, invalid_key, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account

DEFAULT_WINDOW: Final = 5_000
LONGEST_WINDOW: Final = 60_000
#: how far a client's clock may be ahead
AHEAD: Final = 1_000
SIGNATURE: Final = re.compile(r"(?:^|&)signature=([^&]*)")
PUBLIC_KEY: Final = "-----BEGIN PUBLIC KEY-----"
KEY_FORMAT: Final = re.compile(r"[A-Za-z0-9_-]+")


def account_of(accounts: Mapping[str, Account], api_key: str | None) -> Account:
    """The account with this key. Raises -2014 for no key at all, -2015 for one nobody has."""
    if not api_key or not KEY_FORMAT.fullmatch(api_key):
        raise ApiError(-2014, "API-key format invalid.", status=UNAUTHORISED)
    found = accounts.get(api_key)
    if found is None:
        raise invalid_key()
    return found


def check_signature(account: Account, query: str, body: str) -> None:
    """The signature over what was sent (-1022)."""
    match = SIGNATURE.search(body) or SIGNATURE.search(query)
    if match is None:
        msg = "signature"
        raise missing(msg)
    payload = SIGNATURE.sub("", query) + SIGNATURE.sub("", body)
    check_payload(account, payload, unquote(match[1]))


def check_payload(account: Account, payload: str, signature: str) -> None:
    """The signature over a payload (-1022)."""
    key = public_key(account.api_secret)
    is_valid = (
        has_signed(key, payload, signature)
        if key
        else is_keyed_hash(account.api_secret, payload, signature)
    )
    if not is_valid:
        raise ApiError(-1022, "Signature for this request is not valid.")


def is_keyed_hash(secret: str, payload: str, signature: str) -> bool:
    """HMAC-SHA256 in hexadecimal."""
    expected = hmac.new(secret.encode(), payload.encode(), sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())


def has_signed(key: RSAPublicKey | Ed25519PublicKey, payload: str, signature: str) -> bool:
    """Whether the owner of this key's private half signed the payload."""
    try:
        signed = base64.b64decode(signature, validate=True)
        if isinstance(key, RSAPublicKey):
            key.verify(signed, payload.encode(), PKCS1v15(), SHA256())
        else:
            key.verify(signed, payload.encode())
    except (binascii.Error, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=256)
def public_key(secret: str) -> RSAPublicKey | Ed25519PublicKey | None:
    """The public key an account has instead of a secret; None for an ordinary secret."""
    if not secret.startswith(PUBLIC_KEY):
        return None
    key = load_pem_public_key(secret.encode())
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        text = "expected an RSA or Ed25519 key"
        raise ControlError(text)
    return key


def check_time(params: Mapping[str, str], now: int) -> None:
    """The request must be neither old nor from the future (-1021)."""
    stamp, window = params.get("timestamp", ""), params.get("recvWindow", str(DEFAULT_WINDOW))
    if not stamp.isdigit():
        msg = "timestamp"
        raise missing(msg)
    if not window.isdigit() or int(window) > LONGEST_WINDOW:
        raise ApiError(-1131, f"recvWindow must be less than {LONGEST_WINDOW}")
    if int(stamp) > now + AHEAD:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if int(stamp) < now - int(window):
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
