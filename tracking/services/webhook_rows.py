"""
The rows a webhook's call needs, read and written in three statements of our own.

Every call pays for them, those of nobody too: composing the same joins anew by the ORM costs more
than all the rest of a call. Columns that are not read here are deferred, above all secrets.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection
from django.db.models import Model

from tracking.models import AccountState, ExchangeAccount, Strategy, StrategyAccount, Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.models import WebhookDelivery, WebhookKind

Row = TypeVar("Row", bound=Model)

_WEBHOOK: Final = (
    "id",
    "strategy_id",
    "kind",
    "token_hash",
    "max_orders_per_minute",
    "client_certificate",
    "last_used_at",
)
_LISTS: Final = ("allowed_symbols", "allowed_sides", "allowed_ips")
_STRATEGY: Final = ("id", "user_id", "name", "slug")
_USE: Final = ("id", "strategy_id", "account_id", "token")
_ACCOUNT: Final = ("id", "user_id", "name", "exchange", "market_type", "position_mode")


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


# put together from names of ours only
_LIVE: Final = f"""
    SELECT w.secret, {_columns("w", _WEBHOOK)}, {_columns("w", _LISTS)}, {_columns("s", _STRATEGY)}
    FROM tracking_webhook w
    JOIN tracking_strategy s ON s.id = w.strategy_id
    JOIN auth_user u ON u.id = s.user_id
    WHERE s.slug = %s AND s.is_active AND u.is_active AND w.kind = %s AND w.revoked_at IS NULL
        AND (%s = '' OR w.token_hash = %s)
    ORDER BY w.id DESC LIMIT %s
"""  # noqa: S608
_USES: Final = f"""
    SELECT {_columns("u", _USE)}, {_columns("a", _ACCOUNT)}
    FROM tracking_strategyaccount u
    JOIN tracking_exchangeaccount a ON a.id = u.account_id
    WHERE u.strategy_id = %s AND u.is_active AND a.state <> %s AND (
        NOT EXISTS (SELECT FROM tracking_webhook_uses t WHERE t.webhook_id = %s)
        OR EXISTS (
            SELECT FROM tracking_webhook_uses t
            WHERE t.webhook_id = %s AND t.strategyaccount_id = u.id
        )
    )
    ORDER BY a.name
"""  # noqa: S608
_DELIVERY: Final = """
    WITH delivery AS (
        INSERT INTO tracking_webhookdelivery
            (webhook_id, key, nonce, body_sha256, received_at, answer)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
    ), requests AS (
        UPDATE tracking_orderrequest SET delivery_id = (SELECT id FROM delivery) WHERE id = ANY(%s)
    )
    SELECT id FROM delivery
"""


def live_webhooks(
    slug: str, kind: WebhookKind, *, most: int, token_hash: str = ""
) -> list[tuple[Webhook, str]]:
    """Give the live webhooks of a strategy that is switched on, each with its secret's ciphertext.

    With a hash, only the one whose token it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [slug, kind.value, token_hash, token_hash, most])
        return [(_webhook(row[1:]), str(row[0])) for row in cursor.fetchall()]


def _webhook(row: Sequence[Any]) -> Webhook:
    end = len(_WEBHOOK) + len(_LISTS)
    lists = [json.loads(text) for text in row[len(_WEBHOOK) : end]]
    webhook = _built(Webhook, (*_WEBHOOK, *_LISTS), [*row[: len(_WEBHOOK)], *lists])
    webhook.strategy = _built(Strategy, _STRATEGY, row[end:])
    return webhook


def uses_of(webhook: Webhook) -> list[StrategyAccount]:
    """Give the uses a webhook may order for, by the names of their accounts."""
    given: list[Any] = [webhook.strategy_id, AccountState.DISABLED.value, webhook.pk, webhook.pk]
    with connection.cursor() as cursor:
        cursor.execute(_USES, given)
        rows = cursor.fetchall()
    uses = []
    for row in rows:
        use = _built(StrategyAccount, _USE, row[: len(_USE)])
        use.account = _built(ExchangeAccount, _ACCOUNT, row[len(_USE) :])
        uses.append(use)
    return uses


def write_delivery(delivery: WebhookDelivery, request_ids: list[int]) -> None:
    """Insert a new delivery and name it in its requests. Raises IntegrityError for an old one."""
    row: list[Any] = [
        delivery.webhook_id,
        delivery.key,
        delivery.nonce,
        delivery.body_sha256,
        delivery.received_at,
        json.dumps(delivery.answer),
        request_ids,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERY, row)
        (delivery.pk,) = cursor.fetchone()


def _built(model: type[Row], names: Sequence[str], values: Sequence[Any]) -> Row:
    """Build a row of some columns; Django wants them in the model's order."""
    given = dict(zip(names, values, strict=True))
    ordered = [field.attname for field in model._meta.concrete_fields if field.attname in given]
    return model.from_db(connection.alias, ordered, [given[name] for name in ordered])
