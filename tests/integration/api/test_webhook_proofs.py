"""RE-19: who may order by a webhook, and what everybody else is told."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.integration.api.webhook_caller import (
    Signer,
    TradingView,
    a_use,
    body,
    signer,
    trading_view,
)
from tracking.models import OrderRequest, Webhook, WebhookDelivery
from tracking.services import webhook_issue, webhooks
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused
from tracking.services.webhook_proofs import LIVE_SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.models import StrategyAccount
    from tracking.services.webhook_calls import WebhookCall

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    return a_use()


def refusal(call: WebhookCall) -> WebhookRefused:
    with pytest.raises(WebhookRefused) as refused:
        webhooks.receive(call)
    return refused.value


def test_re_19_a_signed_call_is_accepted_and_names_its_requests(use: StrategyAccount) -> None:
    receipt = signer(use.strategy).send(body())

    request = OrderRequest.objects.get()
    assert receipt.answer == {
        "requests": [
            {
                "id": request.pk,
                "client_order_id": request.client_order_id,
                "outcome": "PENDING",
                "url": f"/api/order-requests/{request.pk}",
            }
        ],
        "cancels": [],
    }
    assert (request.symbol, request.source) == ("BTC/USDT:USDT", "WEBHOOK")
    assert request.delivery == WebhookDelivery.objects.get()
    assert Webhook.objects.get().last_used_at is not None


def test_re_19_any_live_secret_of_the_strategy_will_do(use: StrategyAccount) -> None:
    old, new = signer(use.strategy), signer(use.strategy)

    assert old.send(body()).request_ids
    assert new.send(body()).request_ids


def test_re_19_a_wrong_signature_is_refused(use: StrategyAccount) -> None:
    caller = signer(use.strategy)

    forged = Signer(caller.slug, "another secret").call(body())

    assert refusal(forged).kind is WebhookRefusal.NOT_AUTHENTICATED
    assert not OrderRequest.objects.exists()


def test_re_19_a_changed_body_is_refused(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    honest = caller.call(body())

    assert refusal(replace(honest, body=body(qty="50"))).kind is WebhookRefusal.NOT_AUTHENTICATED


def test_re_19_the_secret_of_another_strategy_is_refused(use: StrategyAccount) -> None:
    other = signer(a_use().strategy)
    signer(use.strategy)

    assert (
        refusal(Signer(use.strategy.slug, other.secret).call(body())).kind
        is WebhookRefusal.NOT_AUTHENTICATED
    )


@pytest.mark.parametrize("off", [-61, 61, -3600])
def test_re_19_a_timestamp_far_from_our_clock_is_refused(use: StrategyAccount, off: int) -> None:
    at = timezone.now() + timedelta(seconds=off)

    assert refusal(signer(use.strategy).call(body(), at=at)).kind is WebhookRefusal.STALE
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("off", [-55, 55])
def test_re_19_a_clock_may_be_a_little_off(use: StrategyAccount, off: int) -> None:
    at = timezone.now() + timedelta(seconds=off)

    assert signer(use.strategy).send(body(), at=at).request_ids


def the_unknown(use: StrategyAccount) -> WebhookCall:
    return Signer("nobody-has-this-slug", signer(use.strategy).secret).call(body())


def the_forged(use: StrategyAccount) -> WebhookCall:
    return Signer(signer(use.strategy).slug, "another secret").call(body())


def the_revoked(use: StrategyAccount) -> WebhookCall:
    caller = signer(use.strategy)
    webhook_issue.revoke(Webhook.objects.values_list("pk", flat=True))
    return caller.call(body())


def the_unsigned(use: StrategyAccount) -> WebhookCall:
    call = signer(use.strategy).call(body())

    return replace(call, timestamp="", nonce="", signature="")


def the_switched_off(use: StrategyAccount) -> WebhookCall:
    caller = signer(use.strategy)
    use.strategy.is_active = False
    use.strategy.save()
    return caller.call(body())


HOPELESS = [the_unknown, the_forged, the_revoked, the_unsigned, the_switched_off]


@pytest.mark.parametrize("case", HOPELESS)
def test_re_19_whatever_is_wrong_costs_the_same_and_is_told_alike(
    use: StrategyAccount,
    case: Callable[[StrategyAccount], WebhookCall],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = case(use)
    hashed: list[bytes] = []
    digest = hmac.digest

    def counted(key: bytes, message: bytes, name: str) -> bytes:
        hashed.append(key)
        return digest(key, message, name)

    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as asked:
        patch.setattr(hmac, "digest", counted)
        told = refusal(call)

    mine = [key for key in hashed if len(key) == 43]
    assert (len(asked), len(mine)) == (1, LIVE_SECRETS)
    assert (told.kind, told.detail) == (
        WebhookRefusal.NOT_AUTHENTICATED,
        "expected a signature or a token of this address, from where it may come from",
    )


def test_re_19_a_strategy_has_no_more_secrets_than_are_tried(use: StrategyAccount) -> None:
    for _ in range(LIVE_SECRETS):
        signer(use.strategy)

    with pytest.raises(webhook_issue.TooManySecretsError):
        signer(use.strategy)


def test_re_19_a_token_orders_without_a_signature(use: StrategyAccount) -> None:
    assert trading_view(use.strategy).send(body()).request_ids


def test_re_19_a_token_may_stand_in_the_body(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)

    assert TradingView(caller.slug, "").send(body(token=caller.token)).request_ids


def test_re_19_a_wrong_token_is_refused_wherever_it_stands(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)
    wrong = "x" * len(caller.token)

    for call in (
        TradingView(caller.slug, wrong).call(body()),
        TradingView(caller.slug, "").call(body(token=wrong)),
        TradingView("another-slug", caller.token).call(body()),
    ):
        assert refusal(call).kind is WebhookRefusal.NOT_AUTHENTICATED


def test_re_19_of_a_token_only_its_hash_is_kept(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(w)::text FROM tracking_webhook w")
        (stored,) = cursor.fetchone()

    assert len(caller.token) >= 22
    assert caller.token not in stored


def test_re_19_a_signing_secret_is_ciphertext_in_the_database(use: StrategyAccount) -> None:
    caller = signer(use.strategy)

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM tracking_webhook")
        (stored,) = cursor.fetchone()

    assert caller.secret not in stored


def test_re_19_rotated_tokens_are_both_live_until_the_old_one_is_revoked(
    use: StrategyAccount,
) -> None:
    old = trading_view(use.strategy, allowed_sides=["BUY"])
    first = Webhook.objects.get()

    second, token = webhook_issue.rotate(first)
    new = TradingView(old.slug, token)

    assert second.allowed_sides == ["BUY"]
    assert old.send(body(id="1")).request_ids
    assert new.send(body(id="1")).request_ids
    webhook_issue.revoke([first.pk])
    assert refusal(old.call(body(id="2"))).kind is WebhookRefusal.NOT_AUTHENTICATED
    assert new.send(body(id="2")).request_ids


@pytest.mark.parametrize(
    ("ip", "is_allowed"),
    [
        ("52.89.214.238", True),
        ("10.1.2.3", True),
        ("52.89.214.239", False),
        ("2001:db8::1", False),
        ("", False),
    ],
)
def test_re_19_a_list_of_addresses_holds(
    use: StrategyAccount, *, ip: str, is_allowed: bool
) -> None:
    caller = trading_view(use.strategy, allowed_ips=["52.89.214.238", "10.0.0.0/8"])

    if is_allowed:
        assert caller.send(body(), ip=ip).request_ids
    else:
        assert refusal(caller.call(body(), ip=ip)).kind is WebhookRefusal.NOT_AUTHENTICATED


def test_re_19_a_client_certificate_is_wanted_by_name(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy, client_certificate="TradingView Webhooks")

    assert refusal(caller.call(body())).kind is WebhookRefusal.NOT_AUTHENTICATED
    assert caller.send(body(), certificate="TradingView Webhooks").request_ids
