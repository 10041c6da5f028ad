"""
Who calls: proved by a signature, or by a token that only its hash is kept of.

The secret is chosen by the address that was called: all live secrets of that strategy are tried,
and nothing the caller sends says which. What does not exist costs the same as what does: one
query, as many decryptions and hashes as a strategy may have secrets, comparisons that look at
every character, and one answer. Only who has proved the secret is told that the clock is wrong.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from tracking.models import WebhookKind
from tracking.models.fields import cipher
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused
from tracking.services.webhook_rows import live_webhooks

if TYPE_CHECKING:
    from tracking.models import Webhook
    from tracking.services.webhook_calls import WebhookCall

#: secrets of one strategy that are live at once: two to rotate, and as many spare
LIVE_SECRETS: Final = 4
#: seconds a signed timestamp may be off, either way
TOLERANCE: Final = 60
TOKEN_BYTES: Final = 24
_SECRET_BYTES: Final = 32


def new_token() -> str:
    """Make a token of 192 bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_secret() -> str:
    """Make what both sides sign with, 256 bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def token_hash(token: str) -> str:
    """Give what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def signature(secret: str, *, timestamp: str, nonce: str, body: bytes) -> str:
    """Sign a call as its caller has to: HMAC-SHA256 over "timestamp.nonce." and the raw body."""
    return hmac.digest(
        secret.encode(), f"{timestamp}.{nonce}.".encode("utf-8", "replace") + body, "sha256"
    ).hex()


def prove(call: WebhookCall, token: str) -> Webhook:
    """Give the webhook whose caller this is. Raises WebhookRefused, alike whatever was wrong.

    `token` is the one of the path or of the body; without one, the call has to be signed.
    """
    webhook = _by_token(call, token) if token else _by_signature(call)
    if webhook is None or not _comes_from_where_it_may(webhook, call):
        raise WebhookRefused(
            WebhookRefusal.NOT_AUTHENTICATED,
            "expected a signature or a token of this address, from where it may come from",
        )
    if not token:
        _check_time(call)
    return webhook


def _by_token(call: WebhookCall, token: str) -> Webhook | None:
    told = token_hash(token)
    found = live_webhooks(call.slug, WebhookKind.TOKEN, most=1, token_hash=told)
    webhook = found[0][0] if found else None
    kept = "" if webhook is None else webhook.token_hash or ""
    return webhook if hmac.compare_digest(kept.ljust(len(told)), told) else None


def _by_signature(call: WebhookCall) -> Webhook | None:
    live = live_webhooks(call.slug, WebhookKind.HMAC, most=LIVE_SECRETS)
    told = call.signature.lower().encode("utf-8", "replace")
    proved = None
    # every attempt decrypts and hashes the same number of times
    for webhook, ciphertext in [*live, *[(None, _decoy())] * (LIVE_SECRETS - len(live))]:
        secret = cipher().decrypt(ciphertext.encode()).decode()
        expected = signature(secret, timestamp=call.timestamp, nonce=call.nonce, body=call.body)
        is_it = hmac.compare_digest(expected.encode(), told)
        proved = webhook if is_it and webhook is not None else proved
    return proved


@cache
def _decoy() -> str:
    """Give the ciphertext of a secret nobody has."""
    return cipher().encrypt(new_secret().encode()).decode()


def _comes_from_where_it_may(webhook: Webhook, call: WebhookCall) -> bool:
    if webhook.client_certificate and webhook.client_certificate != call.client_certificate:
        return False
    if not webhook.allowed_ips:
        return True
    address = call.client_ip
    return address is not None and any(
        address in ip_network(network, strict=False) for network in webhook.allowed_ips
    )


def _check_time(call: WebhookCall) -> None:
    is_number = call.timestamp.isascii() and call.timestamp.isdigit()
    # more digits than a time has are no time; int() of thousands would take long
    told = int(call.timestamp[:12]) if is_number else 0
    if abs(call.received_at.timestamp() - told) > TOLERANCE:
        raise WebhookRefused(
            WebhookRefusal.STALE,
            f"the timestamp is no time in seconds, or more than {TOLERANCE} s from our clock",
        )
