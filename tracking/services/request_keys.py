"""
Idempotency keys of several requests that were made by one call.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import hashlib
from typing import Final

#: what fits into the column before ":" and the number of an order
_LONGEST: Final = 80


def stem(key: str) -> str:
    """Give what the keys of a call's requests begin with, before ":"; one stem for one key."""
    return key if len(key) <= _LONGEST else hashlib.sha256(key.encode()).hexdigest()


def derived(key: str, part: int) -> str:
    """Give the key of one request of a call; the same again for the same part."""
    return f"{stem(key)}:{part}"
