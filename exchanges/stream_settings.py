"""
The timers of a private stream.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """How patient a stream is, in seconds."""

    connect_timeout: float = 10.0
    #: how long one read waits; timers are looked at no less often
    poll: float = 1.0
    ping_interval: float = 20.0
    silence_limit: float = 45.0
    #: a connection this old is replaced (Binance ends it after 24 h)
    lifetime: float = 23 * 3600.0
    #: how long the old connection may go on beside the new one
    overlap: float = 5.0
    backoff_base: float = 0.5
    backoff_cap: float = 60.0
    #: a connection that lasted this long was a good one
    stable_after: float = 30.0
    #: prolong the credential from here; else somebody else does
    refreshes_credential: bool = True
