"""
What must never be read in a log: API keys, secrets, signatures, listen keys, passwords, tokens.

Exceptions of HTTP libraries carry whole URLs, signature and listen key included, so the text of an
event is searched as well as its fields.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

STRUCK_OUT = "***"

SECRET_NAMES = (
    "api[_-]?key",
    "api[_-]?secret",
    "authorization",
    "encryption[_-]?keys?",
    "listen[_-]?key",
    "passphrase",
    "password",
    "secret",
    "secret[_-]?key",
    "signature",
    "token",
    "x-mbx-apikey",
)
_NAME = "|".join(SECRET_NAMES)
_SECRET_FIELD = re.compile(rf"(?:{_NAME})$", re.IGNORECASE)
_SUBSTITUTIONS = (
    # name=value, name: value, "name": "value"; in URLs, headers and reprs
    (
        re.compile(
            rf"""(?ix) ( (?:{_NAME}) ["']? \s* [=:] \s* (?:(?:b|token|bearer)\s*)? ["']? )
            [^\s&"',;)}}\]]+""",
        ),
        rf"\g<1>{STRUCK_OUT}",
    ),
    # the token of a webhook, which senders that can set no header put into the path
    (re.compile(r"(/api/webhook/[^/\s]+/)[^\s\"',;)}\]>?]+"), rf"\g<1>{STRUCK_OUT}"),
    # scheme://user:password@host
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\g<1>{STRUCK_OUT}@"),
    # Binance's keys, secrets, listen keys and hexadecimal signatures are all 64 letters and digits
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{64}(?![A-Za-z0-9])"), STRUCK_OUT),
)


def scrub_text(text: str) -> str:
    """Strike out whatever looks like a secret in `text`."""
    for pattern, replacement in _SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    return text


def scrub(value: Any) -> Any:
    """Scrub a value and all it contains. Other types than these are told by their `str`."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return scrub_text(value)
        case bytes():
            return scrub_text(value.decode("utf-8", "replace"))
        case dict():
            return {name: _scrub_field(str(name), held) for name, held in value.items()}
        case list() | tuple() | set() | frozenset():
            return [scrub(held) for held in value]
        case _:
            return scrub_text(str(value))


def _scrub_field(name: str, value: Any) -> Any:
    return STRUCK_OUT if value and _is_secret(name) else scrub(value)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.search(name) is not None
