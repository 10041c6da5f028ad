"""
What is said on a private socket: who it is, what it wants to hear, and that it is alive.

A state machine without a socket: text in, answers out. `api_key` says who has proven whose it is,
`topics` what was subscribed to. Failing to authenticate changes nothing; what the socket is worth
then is not documented, so it stays open. Source: "Connect" of v5, and answers seen by clients.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from exchanges.simulator.bybit import topics

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = dict[str, Any]

PARAMS_ERROR: Final = "Params Error"
NOT_AUTHORISED: Final = "Request not authorized"
AUTH_ARGUMENTS: Final = 3
DAY_MS: Final = 86_400_000


@dataclass(slots=True, kw_only=True)
class Session:
    """The conversation of one connection."""

    conn_id: str
    #: the secret of a key; None for a key that nobody has, or that is not valid now
    secret_of: Callable[[str], str | None]
    #: how far ahead `expires` must lie
    margin_ms: Callable[[], int]
    api_key: str = ""
    topics: set[str] = field(default_factory=set)

    def react(self, text: str, now: int) -> Json:
        """The answer to one message."""
        try:
            asked = json.loads(text)
        except ValueError:
            return self._failed("", "Failed to decode incoming data")
        if not isinstance(asked, dict):
            return self._failed("", "Failed to decode incoming data")
        answer = self._answer(asked, now)
        if "req_id" in asked:
            answer = {"req_id": str(asked["req_id"]), **answer}
        return answer

    def _answer(self, asked: Json, now: int) -> Json:
        operation, arguments = str(asked.get("op") or ""), asked.get("args")
        if operation == "ping":
            return {"op": "pong", "args": [str(now)], "conn_id": self.conn_id}
        if operation == "auth":
            return self._authenticate(arguments, now)
        if operation in {"subscribe", "unsubscribe"}:
            return self._subscribe(operation, arguments)
        return self._failed(operation, "error:invalid op")

    def _authenticate(self, arguments: object, now: int) -> Json:
        if self.api_key:
            return self._failed("auth", "Repeat auth")
        api_key = proven(arguments, now + self.margin_ms(), self.secret_of)
        if api_key is None:
            return self._failed("auth", PARAMS_ERROR)
        self.api_key = api_key
        return self._done("auth")

    def _subscribe(self, operation: str, arguments: object) -> Json:
        if not self.api_key:
            return self._failed(operation, NOT_AUTHORISED)
        if not isinstance(arguments, list) or not arguments:
            return self._failed(operation, PARAMS_ERROR)
        wanted = [str(each) for each in arguments]
        if operation == "unsubscribe":
            self.topics -= set(wanted)
            return self._done(operation)
        if reason := topics.refusal(wanted, self.topics):
            return self._failed(operation, reason)
        self.topics |= set(wanted)
        return self._done(operation)

    def _done(self, operation: str) -> Json:
        return {"success": True, "ret_msg": "", "op": operation, "conn_id": self.conn_id}

    def _failed(self, operation: str, reason: str) -> Json:
        return {"success": False, "ret_msg": reason, "op": operation, "conn_id": self.conn_id}


def proven(arguments: object, earliest: int, secret_of: Callable[[str], str | None]) -> str | None:
    """The key of an auth message whose signature fits and whose `expires` is not too early."""
    if not isinstance(arguments, list) or len(arguments) != AUTH_ARGUMENTS:
        return None
    api_key, expires, signature = (str(each) for each in arguments)
    secret = secret_of(api_key)
    if secret is None or not expires.isdecimal():
        return None
    if not earliest <= int(expires) <= earliest + DAY_MS:
        return None
    expected = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), sha256).hexdigest()
    return api_key if hmac.compare_digest(expected.encode(), signature.encode()) else None
