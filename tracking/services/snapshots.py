"""The live page as JSON: everything it shows, and the journal number to stream on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking import selectors
from tracking.services import payloads

if TYPE_CHECKING:
    from tracking.services.payloads import Payload


def live_snapshot(user_id: int) -> Payload:
    """Write what the user's live page shows, in the spelling of the stream."""
    found = selectors.live_snapshot(user_id)
    return {
        "seq": found.seq,
        "taken_at": found.taken_at.isoformat(),
        "stale_after": selectors.STALE_AFTER,
        "accounts": {str(account.pk): account.name for account in found.accounts},
        "strategies": {str(key): name for key, name in found.strategy_names.items()},
        "orders": [payloads.order_payload(order) for order in found.orders],
        "executions": [payloads.execution_payload(row) for row in found.executions],
        "positions": [payloads.position_payload(row) for row in found.positions],
        "sessions": [payloads.session_payload(row) for row in found.sessions],
        "anomalies": [payloads.anomaly_payload(row) for row in found.anomalies],
    }
