"""Only what may be forgotten is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.factories import (
    ClosedOrderFactory,
    ExchangeAccountFactory,
    OrderEvidenceFactory,
    OrderRequestFactory,
    StrategyAccountFactory,
    UserFactory,
)
from tracking.models import (
    ClosedOrder,
    Notice,
    NoticeChannel,
    OrderEvidence,
    StreamEvent,
    Webhook,
    WebhookDelivery,
)
from tracking.services.pruning import prune

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def a_frame(age_days: int, *, is_processed: bool) -> StreamEvent:
    at = timezone.now() - timedelta(days=age_days)
    return StreamEvent.objects.create(
        account=ExchangeAccountFactory.create(),
        market_type="FUTURES",
        raw="{}",
        received_at=at,
        processed_at=at if is_processed else None,
    )


def test_old_processed_frames_go_and_waiting_ones_stay() -> None:
    a_frame(8, is_processed=True)
    kept = {a_frame(8, is_processed=False).pk, a_frame(6, is_processed=True).pk}

    assert prune()["stream_events"] == 1

    assert set(StreamEvent.objects.values_list("pk", flat=True)) == kept


def test_unreadable_frames_wait_for_a_person_four_times_as_long() -> None:
    for age in (27, 29):
        frame = a_frame(age, is_processed=False)
        StreamEvent.objects.filter(pk=frame.pk).update(quarantined_at=frame.received_at)

    assert prune()["stream_events"] == 1

    assert StreamEvent.objects.get().received_at > timezone.now() - timedelta(days=28)


def test_evidence_goes_with_its_frames() -> None:
    OrderEvidenceFactory.create(created_at=timezone.now() - timedelta(days=8))
    kept = OrderEvidenceFactory.create(created_at=timezone.now() - timedelta(days=6))

    assert prune()["order_evidence"] == 1

    assert OrderEvidence.objects.get() == kept


def test_orders_that_filled_or_were_ours_are_remembered_for_ever() -> None:
    long_ago = timezone.now() - timedelta(days=91)
    ClosedOrderFactory.create(closed_at=long_ago, keep=False)
    kept = ClosedOrderFactory.create(closed_at=long_ago, keep=True)

    assert prune()["closed_orders"] == 1

    assert ClosedOrder.objects.get() == kept


def a_call(webhook: Webhook, age: timedelta) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        webhook=webhook, key=f"key:{age}", body_sha256="", received_at=timezone.now() - age
    )


def test_calls_of_webhooks_go_and_their_requests_stay() -> None:
    use = StrategyAccountFactory.create()
    webhook = Webhook.objects.create(strategy=use.strategy, name="own", kind="HMAC")
    old, kept = a_call(webhook, timedelta(days=8)), a_call(webhook, timedelta(days=6))
    request = OrderRequestFactory.create(strategy_account=use, delivery=old)

    assert prune()["webhook_deliveries"] == 1

    request.refresh_from_db()
    assert request.delivery is None
    assert WebhookDelivery.objects.get() == kept


def test_no_nonce_goes_while_its_signature_may_be_good(settings: Settings) -> None:
    settings.WEBHOOK_DELIVERY_RETENTION_DAYS = 0
    use = StrategyAccountFactory.create()
    webhook = Webhook.objects.create(strategy=use.strategy, name="own", kind="HMAC")
    a_call(webhook, timedelta(minutes=11))
    kept = a_call(webhook, timedelta(minutes=9))

    prune()

    assert WebhookDelivery.objects.get() == kept


def test_notices_go_after_a_month() -> None:
    channel = NoticeChannel.objects.create(user=UserFactory.create(), name="phone", url="tgram://x")
    for age in (31, 29):
        at = timezone.now() - timedelta(days=age)
        Notice.objects.create(channel=channel, kind="FILL", key=str(age), created_at=at)

    assert prune()["notices"] == 1

    assert Notice.objects.get().key == "29"
