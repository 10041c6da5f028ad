"""
An account's keys, in a form that cannot be shown by accident.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One API key with its secret. `repr` and `str` show neither."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    #: the third secret some exchanges ask for (OKX: the passphrase)
    api_password: str = field(default="", repr=False)
