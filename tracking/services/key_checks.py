"""
Whether an account's API key is one we accept: asked when it is added or changed, and daily.

Fails closed where an account is added: it is DISABLED ("its key is being checked") until the
exchange has said that the key can neither withdraw nor transfer. An account that is tracked
already goes on being tracked while the exchange cannot be asked; it is stopped once the exchange
says something that refuses its key. The exchange is asked outside any transaction; what it said
is written only if the account still has the key it was asked about.

`ExchangeAccount.permissions` holds what was told and what follows: `warnings`, `refused` (the
reason, or ""), and `awaits` while an account waits for its first check.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchanges.errors import ExchangeError, TransientError
from exchanges.governor import Priority
from tracking.domain import key_rules
from tracking.domain.findings import AnomalyKind
from tracking.models import AccountState, Anomaly, ExchangeAccount
from tracking.services import anomalies, clients, leases
from tracking.services.anomalies import Noticed
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.payloads import to_json
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.questions import KeyPermissions
    from tracking.domain.key_rules import Judgement
    from tracking.services.payloads import Payload

log = structlog.get_logger(__name__)

#: seconds an exchange may take to answer
TIMEOUT: Final = 10.0
EVERY: Final = timedelta(hours=24)
#: checks handed out at once; what is left is handed out next time
AT_ONCE: Final = 50
BEING_CHECKED: Final = "its key is being checked"
SETTLED: Final = "the key was checked again, and this is not so any more"
CHANGED_MEANWHILE: Final = "the key was changed meanwhile: check again"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVerdict:
    """What came of a check.

    `unasked` says why the exchange could not tell; nothing has changed then.
    """

    account_id: int
    state: str
    refused: str = ""
    warnings: tuple[str, ...] = ()
    tracking_only: bool = False
    unasked: str = ""

    @property
    def told(self) -> str:
        """Say it in one sentence."""
        if self.unasked:
            return f"the key could not be checked: {self.unasked}"
        if self.refused:
            return f"refused: {self.refused}"
        return "; ".join(("the key is accepted", *self.warnings))


def check_key(account_id: int) -> KeyVerdict:
    """Ask the exchange what the account's key may do, and act on it.

    A key that the exchange does not let ask this is not judged by it: whether it is good at all
    the next sync finds out. Raises ExchangeAccount.DoesNotExist only.
    """
    account = ExchangeAccount.objects.get(pk=account_id)
    try:
        told = _ask(account)
    except ExchangeError as error:
        return _unasked(account, error)
    return _write(account, told)


def _ask(account: ExchangeAccount) -> KeyPermissions:
    """Ask as a sync would: a person may be waiting, and a budget nobody has used yet is small."""
    client = clients.rest_client(account)
    try:
        return client.fetch_key_permissions(timeout=TIMEOUT, priority=Priority.SYNC)
    except TransientError as error:
        raise clients.told_plainly(error, client) from error


def may_be_set_active(account: ExchangeAccount) -> str:
    """Say why an account may not be set ACTIVE by hand; "" if it may."""
    if refused := account.permissions.get("refused"):
        return f"its key was refused: {refused}"
    return BEING_CHECKED if account.permissions.get("awaits") else ""


def await_check(account: ExchangeAccount) -> None:
    """Set an unsaved account's columns for a key that nobody has looked at yet.

    One that was to be ACTIVE, or was stopped for its last key, becomes so when the check accepts
    this one.
    """
    before = account.permissions
    awaits = account.state == AccountState.ACTIVE.value or _stopped_by_check(account, before)
    account.permissions = {
        "owner_id": before.get("owner_id", ""),
        "made_tracking_only": before.get("made_tracking_only", False),
        "awaits": awaits,
    }
    account.keys_checked_at = None
    if awaits:
        account.state, account.state_reason = AccountState.DISABLED.value, BEING_CHECKED


def accounts_to_check(now: datetime) -> list[int]:
    """Give those whose check is a day old or was never made, and those that wait for theirs.

    A few at a time and in no order, so that they spread over the day and none that cannot be asked
    keeps others waiting.
    """
    active = Q(state=AccountState.ACTIVE.value)
    due = Q(keys_checked_at__isnull=True) | Q(keys_checked_at__lt=now - EVERY)
    waits = Q(state=AccountState.DISABLED.value, permissions__awaits=True)
    rows = ExchangeAccount.objects.filter((active & due) | waits)
    return list(rows.order_by("?").values_list("pk", flat=True)[:AT_ONCE])


def _unasked(account: ExchangeAccount, error: ExchangeError) -> KeyVerdict:
    """Leave an account as it is; one that waits for its check is told why it still does."""
    reason = str(error)
    log.warning("key.unchecked", account=account.pk, error=type(error).__name__)
    waits = ExchangeAccount.objects.filter(
        pk=account.pk, state=AccountState.DISABLED.value, permissions__awaits=True
    )
    waits.update(state_reason=f"the key could not be checked: {reason}"[:200])
    account.refresh_from_db(fields=["state", "tracking_only"])
    return KeyVerdict(
        account_id=account.pk,
        state=account.state,
        tracking_only=account.tracking_only,
        unasked=reason,
    )


def _write(asked: ExchangeAccount, told: KeyPermissions) -> KeyVerdict:
    now = timezone.now()
    with transaction.atomic(durable=True):
        account = lock_account(asked.pk)
        if clients.credentials(account) != clients.credentials(asked):
            return KeyVerdict(account_id=asked.pk, state=account.state, unasked=CHANGED_MEANWHILE)
        judged = key_rules.judge(told, now, owner_id=_owner(account))
        was_active = account.state == AccountState.ACTIVE.value
        _apply(account, told, judged, now)
        journal = Journal(account.user_id, account.pk, now)
        _tell(journal, judged)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})
    if account.state == AccountState.ACTIVE.value and not was_active:
        # whoever streams it may do so with the key it had before
        leases.revoke(account.pk)
    log.info("key.checked", account=account.pk, state=account.state, refused=account.state_reason)
    return KeyVerdict(
        account_id=account.pk,
        state=account.state,
        refused="; ".join(judged.refusals),
        warnings=judged.warnings,
        tracking_only=account.tracking_only,
    )


def _owner(account: ExchangeAccount) -> str:
    """Whose key it has to be: books that are open belong to whom they were opened for."""
    return account.permissions.get("owner_id", "") if account.baseline_at else ""


def _apply(
    account: ExchangeAccount, told: KeyPermissions, judged: Judgement, now: datetime
) -> None:
    """Write what was told and what follows for the account."""
    before = account.permissions
    refused = "; ".join(judged.refusals)
    account.permissions = _told(told) | {
        "owner_id": _owner(account) or told.owner_id or before.get("owner_id", ""),
        "warnings": list(judged.warnings),
        "refused": refused,
        "awaits": False,
        "made_tracking_only": _restrict(account, judged),
    }
    account.keys_checked_at = now
    if refused:
        account.state, account.state_reason = AccountState.DISABLED.value, refused[:200]
    elif _stopped_by_check(account, before):
        account.state, account.state_reason = AccountState.ACTIVE.value, ""
    account.save(
        update_fields=["permissions", "keys_checked_at", "tracking_only", "state", "state_reason"]
    )


def _restrict(account: ExchangeAccount, judged: Judgement) -> bool:
    """Send nothing with a key that cannot trade; lift that again only if a check had set it."""
    was_ours = bool(account.permissions.get("made_tracking_only"))
    if judged.lacks_trading:
        is_ours = was_ours or not account.tracking_only
        account.tracking_only = True
        return is_ours
    if was_ours:
        account.tracking_only = False
    return False


def _stopped_by_check(account: ExchangeAccount, before: Payload) -> bool:
    """Whether a good key makes the account ACTIVE: not if a person disabled it."""
    if account.state == AccountState.AUTH_FAILED.value:
        return True
    return account.state == AccountState.DISABLED.value and bool(
        before.get("awaits") or before.get("refused")
    )


def _told(told: KeyPermissions) -> Payload:
    return {name: to_json(value) for name, value in asdict(told).items()}


def _tell(journal: Journal, judged: Judgement) -> None:
    """Book what is wrong with the key, and close what is not so any more."""
    noticed = {f"refused: {reason}"[:200]: reason for reason in judged.refusals}
    # what an exchange never tells would be open for ever
    warnings = (reason for reason in judged.warnings if reason != key_rules.TELLS_NOTHING)
    noticed |= {f"warned: {reason}"[:200]: reason for reason in warnings}
    open_rows = Anomaly.objects.select_for_update(no_key=True).filter(
        account_id=journal.account_id,
        kind__in=(AnomalyKind.KEY_PERMISSIONS.value, AnomalyKind.AUTH_FAILED.value),
        closed_at__isnull=True,
    )
    settled = [row for row in open_rows.order_by("kind", "key") if row.key not in noticed]
    anomalies.close(journal, settled, SETTLED)
    anomalies.book(
        journal,
        [
            Noticed(kind=AnomalyKind.KEY_PERMISSIONS, key=key, detail=reason)
            for key, reason in noticed.items()
        ],
        journal.now,
    )
