"""
What staff may ask of the system: sync an account now (or say what that would change), and how the
streams are doing.

Session with CSRF, or a token of a staff user. Another user's account is synced, or rehearsed, only
with the permission the admin asks for; whose an account is, or whether it exists, is not told to
whoever lacks it. These paths begin with `admin/`, and the project
routes them before its admin site.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanges.errors import ExchangeError, TransientError
from tracking import selectors
from tracking.api.errors import Problem
from tracking.api.staff_serializers import (
    DryRunSerializer,
    SyncRequestSerializer,
    SyncResultSerializer,
)
from tracking.models import ExchangeAccount, OrderTrackingSession
from tracking.services.clients import AccountNotActiveError
from tracking.services.order_tracking import sync_open_orders
from tracking.services.payloads import to_json
from tracking.services.rehearsal import rehearse_sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rest_framework.request import Request

    from tracking.services.sync_plan import SyncPlan

log = structlog.get_logger(__name__)


class SyncOrders(APIView):
    """Compare an account's open orders with the exchange's, now."""

    permission_classes = (IsAdminUser,)

    @extend_schema(
        request=SyncRequestSerializer, responses=SyncResultSerializer, operation_id="sync_orders"
    )
    def post(self, request: Request) -> Response:
        """Answer what was inserted, updated and closed; 502 or 503 if it cannot be read."""
        body = SyncRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        _require_sync(request, asked["account_id"])
        return Response(_answer(asked["account_id"], dry_run=asked["dry_run"]))


class SyncAccount(APIView):
    """Compare an account with the exchange now; `dry_run` says only what that would change."""

    permission_classes = (IsAdminUser,)

    @extend_schema(
        request=DryRunSerializer, responses=SyncResultSerializer, operation_id="sync_account"
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Answer as `sync_orders` does."""
        body = DryRunSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        _require_sync(request, account_id)
        return Response(_answer(account_id, dry_run=body.validated_data["dry_run"]))


def _require_sync(request: Request, account_id: int) -> None:
    """Raise PermissionDenied unless this person may make us talk to the account's exchange."""
    if request.user.has_perm("tracking.change_exchangeaccount"):
        return
    owner = ExchangeAccount.objects.filter(pk=account_id).values_list("user_id", flat=True)
    if request.user.pk not in owner:
        raise PermissionDenied


def _answer(account_id: int, *, dry_run: bool) -> dict[str, Any]:
    with _exchange_problems(account_id):
        if dry_run:
            return _planned(rehearse_sync(account_id))
        result = sync_open_orders(account_id, full=True, force=True)
    if result.skipped:
        raise Problem(HTTPStatus.CONFLICT, "expected an active account", code="account_not_active")
    told = {"dry_run": False, **asdict(result), "plan": None}
    return dict(SyncResultSerializer(told).data)


def _planned(plan: SyncPlan) -> dict[str, Any]:
    counts = plan.counts
    return {
        "dry_run": True,
        "inserted": counts["insert"],
        "updated": counts["update"] + counts["reopen"],
        "closed": counts["close"],
        "executions": counts["executions"],
        "plan": plan.payload(),
    }


@contextmanager
def _exchange_problems(account_id: int) -> Iterator[None]:
    """Answer with a problem when the account or its exchange cannot be asked."""
    if not ExchangeAccount.objects.filter(pk=account_id).exists():
        raise Problem(HTTPStatus.NOT_FOUND, f"no account {account_id}", code="unknown_account")
    try:
        yield
    except AccountNotActiveError as error:
        raise Problem(
            HTTPStatus.CONFLICT, "expected an active account", code="account_not_active"
        ) from error
    except TransientError as error:
        log.warning("sync.unavailable", account=account_id, error=type(error).__name__)
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="exchange_unavailable"
        ) from error
    except ExchangeError as error:
        log.warning("sync.refused", account=account_id, error=type(error).__name__)
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error), code="exchange_refused") from error


class Metrics(APIView):
    """How tracking is doing, over all users."""

    permission_classes = (IsAdminUser,)

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="metrics")
    def get(self, request: Request) -> Response:
        """Give `websocket_stats` per account, and the totals."""
        del request
        now = timezone.now()
        sessions: dict[int, list[OrderTrackingSession]] = {}
        for session in selectors.newest_sessions(OrderTrackingSession.objects.all()):
            sessions.setdefault(session.account_id, []).append(session)
        stats = [
            _account_stats(account, sessions.get(account.pk, ()), now)
            for account in selectors.account_overview()
        ]
        return Response({"websocket_stats": stats, **asdict(selectors.totals())})


def _account_stats(
    account: Any, sessions: Iterable[OrderTrackingSession], now: datetime
) -> dict[str, Any]:
    return {
        "account": account.pk,
        "name": account.name,
        "exchange": account.exchange,
        "state": account.state,
        "lease_owner": account.lease_owner,
        "synced_at": to_json(account.synced_at),
        "pending_events": account.pending_events,
        "quarantined": account.quarantined,
        "sessions": [_session_stats(session, now) for session in sessions],
    }


def _session_stats(session: OrderTrackingSession, now: datetime) -> dict[str, Any]:
    badge = selectors.badge_of(session, now)
    return {
        "session_id": str(session.pk),
        "market_type": session.market_type,
        "owner": session.owner,
        "status": session.status,
        "badge": badge.state,
        "silent_for": badge.silent_for,
        "last_ping": to_json(session.last_ping),
        "last_event_at": to_json(session.last_event_at),
        "reconnects": session.reconnect_count,
        "frames": session.frame_count,
        "events": session.event_count,
    }
