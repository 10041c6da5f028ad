"""
Making, rotating and revoking the secrets of webhooks.

A secret is made here and given back once. Of a token only the hash is kept; of a signing secret the
ciphertext. To rotate is to make a second webhook like the first: both are live until the old one is
revoked. What was revoked never comes back.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone

from tracking.models import Strategy, Webhook, WebhookKind
from tracking.services.webhook_proofs import LIVE_SECRETS, new_secret, new_token, token_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)

_TEMPLATE = (
    "strategy_id",
    "kind",
    "allowed_symbols",
    "allowed_sides",
    "max_order_notional",
    "max_orders_per_minute",
    "allowed_ips",
    "client_certificate",
)


class TooManySecretsError(Exception):
    """The strategy has as many live webhooks of callers who sign as are tried: revoke one first."""


def issue(webhook: Webhook) -> str:
    """Save a new webhook with a new secret; give the secret, which nobody is told again.

    Raises TooManySecretsError.
    """
    if webhook.kind == WebhookKind.TOKEN.value:
        told = new_token()
        webhook.token_hash = token_hash(told)
    else:
        told = webhook.secret = new_secret()
    with transaction.atomic():
        _check_room(webhook)
        webhook.save(force_insert=True)
    log.info("webhook.issued", webhook=webhook.pk, kind=webhook.kind, strategy=webhook.strategy_id)
    return told


def has_room(strategy: Strategy, kind: str) -> bool:
    """Whether the strategy may have one more live webhook of a kind."""
    live = Webhook.objects.filter(strategy=strategy, kind=kind, revoked_at__isnull=True)
    return kind == WebhookKind.TOKEN.value or live.count() < LIVE_SECRETS


def _check_room(webhook: Webhook) -> None:
    strategy = Strategy.objects.select_for_update(no_key=True).get(pk=webhook.strategy_id)
    if not has_room(strategy, webhook.kind):
        raise TooManySecretsError(TooManySecretsError.__doc__)


def rotate(webhook: Webhook) -> tuple[Webhook, str]:
    """Make a webhook that may do the same, with a secret of its own; give both.

    Raises TooManySecretsError.
    """
    same = {name: getattr(webhook, name) for name in _TEMPLATE}
    second = Webhook(**same, name=f"{webhook.name[:48]} {timezone.now():%F %H:%M}"[:64])
    with transaction.atomic():
        told = issue(second)
        second.uses.set(webhook.uses.all())
    return second, told


def revoke(ids: Iterable[int]) -> int:
    """Revoke webhooks for good; give how many were live."""
    live = Webhook.objects.filter(pk__in=list(ids), revoked_at__isnull=True)
    count = live.update(revoked_at=timezone.now())
    log.info("webhook.revoked", webhooks=count)
    return count
