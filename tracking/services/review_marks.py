"""
Requests that need a person: each is an open anomaly, until the request is settled.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.domain.findings import AnomalyKind
from tracking.models import Anomaly
from tracking.services import anomalies
from tracking.services.anomalies import Noticed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.models import OrderRequest
    from tracking.services.journal import Journal


def mark(journal: Journal, requests: Sequence[OrderRequest], why: str) -> None:
    """Tell a person to look at requests. Inside the caller's transaction."""
    noticed = [
        Noticed(kind=AnomalyKind.NEEDS_REVIEW, key=_key(request), detail=f"{request}; {why}")
        for request in requests
    ]
    anomalies.book(journal, noticed, journal.now)


def close(journal: Journal, requests: Sequence[OrderRequest], reason: str) -> None:
    """Tell that nobody has to look any more. Inside the caller's transaction."""
    rows = Anomaly.objects.select_for_update(no_key=True).filter(
        account_id=journal.account_id,
        kind=AnomalyKind.NEEDS_REVIEW.value,
        key__in=[_key(request) for request in requests],
        closed_at__isnull=True,
    )
    anomalies.close(journal, rows.order_by("key"), reason)


def _key(request: OrderRequest) -> str:
    return f"request {request.pk}"
