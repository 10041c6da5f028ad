"""
Listen keys: one per account, valid for an hour, extended by POST and PUT, gone by DELETE.

POST while a key is active answers the same key. When a key ends, its sockets are told once
(`listenKeyExpired`) and then hear nothing more, though they stay open.
"""

from __future__ import annotations

import asyncio
import random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator.errors import no_listen_key

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_LENGTH: Final = 64
ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(slots=True, kw_only=True, eq=False)
class ListenKey:
    """One key of one account."""

    text: str
    api_key: str
    is_valid: bool = True
    timer: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """From now on nothing is sent for this key."""
        self.is_valid = False
        if self.timer:
            self.timer.cancel()


class ListenKeys:
    """All active keys."""

    def __init__(self, seed: int, expired: Callable[[ListenKey, bool], None]) -> None:
        """`expired(key, announced)` is called when a key runs out, before it is forgotten."""
        self._chance = random.Random(f"{seed}:listen-keys")
        self._expired = expired
        self._of_account: dict[str, ListenKey] = {}
        self._by_text: dict[str, ListenKey] = {}

    def start(self, api_key: str, lifetime: float) -> ListenKey:
        """The account's key, made if it has none, valid for a whole lifetime from now."""
        key = self._of_account.get(api_key)
        if key is None:
            text = "".join(self._chance.choices(ALPHABET, k=KEY_LENGTH))
            key = ListenKey(text=text, api_key=api_key)
            self._of_account[api_key] = self._by_text[text] = key
        self._arm(key, lifetime)
        return key

    def extend(self, api_key: str, lifetime: float) -> ListenKey:
        """Keep the account's key alive. Raises -1125 if it has none."""
        key = self._of_account.get(api_key)
        if key is None:
            raise no_listen_key()
        self._arm(key, lifetime)
        return key

    def _arm(self, key: ListenKey, lifetime: float) -> None:
        if key.timer:
            key.timer.cancel()
        loop = asyncio.get_running_loop()
        key.timer = loop.call_later(lifetime, self.expire, key.api_key)

    def expire(self, api_key: str, *, announced: bool = True) -> None:
        """The account's key, if any, has run out."""
        key = self._of_account.get(api_key)
        if key:
            self._expired(key, announced)
        self.drop(api_key)

    def drop(self, api_key: str) -> ListenKey | None:
        """Forget the account's key; returns it if there was one."""
        key = self._of_account.pop(api_key, None)
        if key:
            self._by_text.pop(key.text, None)
            key.end()
        return key

    def find(self, text: str) -> ListenKey | None:
        """The active key with this text."""
        return self._by_text.get(text)

    def close(self) -> None:
        """End every key and its timer."""
        for api_key in list(self._of_account):
            self.drop(api_key)
