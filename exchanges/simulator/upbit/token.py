"""
Who asks: a JSON Web Token in `Authorization`, signed with HMAC-SHA256 or -SHA512.

It names the key, a nonce that may not come again, and, where there are parameters, the SHA512 of
them as `key=value&key[]=value`, of the query or of the JSON body. Whether the query is hashed as it
was sent or decoded differs between clients; both are taken.
Source: "Authentication".
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, unquote_plus

from exchanges.simulator.upbit.errors import unauthorised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account

BEARER: Final = "Bearer "
ALGORITHMS: Final = {"HS256": "sha256", "HS512": "sha512"}
PARTS: Final = 3
REMEMBERED: Final = 50_000


class Tokens:
    """Checks tokens, and that none comes twice."""

    def __init__(self) -> None:
        """None was seen."""
        self._nonces: set[str] = set()
        self._order: deque[str] = deque()

    def check(
        self, header: str, accounts: Mapping[str, Account], hashed: tuple[str, ...]
    ) -> Account:
        """The account whose token it is; `hashed` are the forms its parameters may be hashed in.

        Raises ApiError.
        """
        head, claims = part(header, 0), part(header, 1)
        account = accounts.get(str(claims.get("access_key")))
        if account is None:
            raise unauthorised(name="invalid_access_key")
        check_signature(header, str(head.get("alg")), account.api_secret)
        if hashed and claims.get("query_hash") not in {digest(text) for text in hashed}:
            raise unauthorised(name="invalid_query_payload")
        self._use(claims.get("nonce"))
        return account

    def _use(self, nonce: object) -> None:
        if not isinstance(nonce, str) or not nonce:
            raise unauthorised(name="jwt_verification")
        if nonce in self._nonces:
            raise unauthorised(name="nonce_used")
        self._nonces.add(nonce)
        self._order.append(nonce)
        if len(self._order) > REMEMBERED:
            self._nonces.discard(self._order.popleft())


def key_in(header: str) -> str | None:
    """The key a token names, unchecked."""
    key = part(header, 1).get("access_key")
    return key if isinstance(key, str) else None


def part(header: str, number: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token; {} of what is none."""
    pieces = header.removeprefix(BEARER).split(".")
    if not header.startswith(BEARER) or len(pieces) != PARTS:
        return {}
    try:
        found = json.loads(decoded(pieces[number]))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def check_signature(header: str, algorithm: str, secret: str) -> None:
    """The token must be signed with the secret of its key."""
    signed, _, signature = header.removeprefix(BEARER).rpartition(".")
    name = ALGORITHMS.get(algorithm)
    if name is None:
        raise unauthorised(name="jwt_verification")
    expected = hmac.digest(secret.encode(), signed.encode(), name)
    try:
        told = decoded(signature)
    except ValueError:
        told = b""
    if not hmac.compare_digest(expected, told):
        raise unauthorised(name="jwt_verification")


def decoded(text: str) -> bytes:
    """Base 64 of URLs, whose padding was left out."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest(text: str) -> str:
    """What stands for the parameters."""
    return hashlib.sha512(text.encode()).hexdigest()


def hashed_forms(query: str, body: str) -> tuple[str, ...]:
    """In which forms parameters may have been hashed; () where there are none."""
    if body:
        return (of_body(body),)
    if not query:
        return ()
    brackets = query.replace("%5B", "[").replace("%5D", "]")
    return query, unquote(query), unquote_plus(query), brackets


def of_body(body: str) -> str:
    """A JSON body as if it were a query."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    if not isinstance(found, dict):
        return body
    pairs = [
        (f"{name}[]", each) if isinstance(value, list) else (name, each)
        for name, value in found.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return "&".join(f"{name}={value}" for name, value in pairs)
