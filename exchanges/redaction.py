"""
What must never be kept of a frame: listen keys, API keys, signatures, tokens, passwords.

Policy: frames are stored as they came, but for these values, which become "redacted". Valid JSON
stays valid, and no reader looks at what is struck out. Nearly every frame is about an order and
holds no such name, so a few substring searches decide before any pattern runs.

Sources: Binance sends the listen key as the name of the stream ({"stream": ..., "data": ...}) and
in listenKeyExpired; its spot API echoes apiKey and listenToken; Bybit and Upbit answer to what was
signed.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "redacted"
#: one of these is in every name below, in lower case
_MARKERS: Final = ("key", "token", "sign", '"stream"', "secret", "pass", "auth", "result")
#: "name": "value" or "name": 123; a value cut off by the end of a broken frame counts as well
_FIELD: Final = re.compile(
    r"""(?isx)
    ( "(?: [^"\\]{0,40} (?: key | token | signature | sign | secret | passphrase | password
                          | authorization ) | stream ) " \s* : \s* )
    (?: " (?: [^"\\] | \\. )* (?: " | \\? $ ) | -? [0-9] [0-9.eE+-]* )
    """
)
#: Binance's keys and listen keys, wherever they stand
_LONE_KEY: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{64}(?![A-Za-z0-9])")


def redacted(raw: str) -> str:
    """Strike out what is secret in a frame, or in any text that quotes one. Idempotent."""
    if raw[:1] in {"{", "["} and not _has_marker(raw):
        return raw
    return _LONE_KEY.sub(REDACTED, _FIELD.sub(rf'\g<1>"{REDACTED}"', raw))


def _has_marker(raw: str) -> bool:
    lowered = raw.lower()
    return any(marker in lowered for marker in _MARKERS)
