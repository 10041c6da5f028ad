"""
How messages to Binance are signed. Pure.

Policy: the kind of key is told by the secret: an HMAC secret is a word, an RSA or Ed25519 key is a
PEM text. What is signed on a socket are the parameters in alphabetical order, unencoded (REST
signs the encoded query as sent, which ccxt does).

Source: Spot "WebSocket API: Request security" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from exchanges.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PEM = "PRIVATE KEY"


def payload(parameters: Mapping[str, object]) -> str:
    """Write parameters down as they are signed on a socket."""
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))


def signature(secret: str, text: str) -> str:
    """Sign a text: in hex with an HMAC secret, in base64 with an RSA or Ed25519 key.

    Raises AuthenticationError for a key that cannot be read; its text is not repeated.
    """
    if _PEM not in secret:
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(_signed(secret, text.encode())).decode()


def _signed(pem: str, text: bytes) -> bytes:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text)
    if isinstance(key, RSAPrivateKey):
        return key.sign(text, PKCS1v15(), SHA256())
    msg = "the secret is no private key of RSA or Ed25519 that can be read"
    # raised out here: what the library says may quote the key
    raise AuthenticationError(msg)
