"""
The token that proves to Upbit whose a request is: a JSON Web Token signed with HMAC-SHA512.

Written out here because there is so little of it: the libraries for it warn about the length of
secrets, and Upbit's are 40 characters.

Source: docs.upbit.com, "Authentication" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import hmac
import json
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exchanges.credentials import Credentials

_HEADER: Final = {"alg": "HS512", "typ": "JWT"}


def token(credentials: Credentials) -> str:
    """Sign a token that may be shown once: its nonce is not taken again."""
    claims = {"access_key": credentials.api_key, "nonce": str(uuid.uuid4())}
    signed = f"{_encoded(_HEADER)}.{_encoded(claims)}"
    signature = hmac.digest(credentials.api_secret.encode(), signed.encode(), "sha512")
    return f"{signed}.{_text(signature)}"


def _encoded(part: dict[str, str]) -> str:
    return _text(json.dumps(part, separators=(",", ":")).encode())


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
