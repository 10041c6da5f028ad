"""RE-10, RE-13: every accepted call is one call, and its requests are committed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from tests.factories import OpenOrderFactory
from tests.integration.api.webhook_caller import (
    a_use,
    another_use,
    body,
    sample,
    signer,
    trading_view,
)
from tracking.models import OpenOrder, OrderRequest, WebhookDelivery
from tracking.services import webhooks
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.models import StrategyAccount
    from tracking.services.webhook_calls import WebhookCall
    from tracking.services.webhooks import Receipt

pytestmark = pytest.mark.django_db(transaction=True)

ORDER_SAMPLES = [
    "strategy_order",
    "limit_with_numbers",
    "action_percent",
    "stop_short",
    "quote_market",
]


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    return a_use(strategy__name="breakout")


def refusal(call: WebhookCall) -> WebhookRefused:
    with pytest.raises(WebhookRefused) as refused:
        webhooks.receive(call)
    return refused.value


def at_once(call: Callable[[int], Receipt], count: int) -> list[Receipt]:
    """Make so many calls in so many threads; their connections are closed."""

    def one(number: int) -> Receipt:
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_re_13_a_repeated_call_gets_the_same_answer(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    call = caller.call(body())

    first, again = webhooks.receive(call), webhooks.receive(call)

    assert (first.is_repeated, again.is_repeated) == (False, True)
    assert first.answer == again.answer
    assert not again.request_ids
    assert OrderRequest.objects.count() == 1


def test_re_13_a_key_makes_calls_with_several_nonces_one(use: StrategyAccount) -> None:
    caller = signer(use.strategy)

    first, again = caller.send(body(), key="my-1"), caller.send(body(), key="my-1")

    assert first.answer == again.answer
    assert OrderRequest.objects.count() == 1


@pytest.mark.parametrize("how", [{"key": "my-1"}, {"nonce": "one-nonce"}])
def test_re_13_a_key_with_another_body_is_a_conflict(
    use: StrategyAccount, how: dict[str, str]
) -> None:
    caller = signer(use.strategy)
    caller.send(body(), **how)

    assert refusal(caller.call(body(qty="1"), **how)).kind is WebhookRefusal.KEY_REUSED
    assert OrderRequest.objects.count() == 1


def test_re_19_a_nonce_counts_once_whatever_key_comes_with_it(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    call = caller.call(body())
    webhooks.receive(call)

    replayed = replace(call, idempotency_key="the-listener's-own")

    assert refusal(replayed).kind is WebhookRefusal.NONCE_USED
    assert OrderRequest.objects.count() == 1


def test_re_19_the_nonce_of_a_repeated_call_counts_too(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    caller.send(body(), key="my-1")
    repeated = caller.call(body(), key="my-1")
    webhooks.receive(repeated)

    assert refusal(replace(repeated, idempotency_key="other")).kind is WebhookRefusal.NONCE_USED
    assert webhooks.receive(replace(repeated, idempotency_key="")).is_repeated
    assert OrderRequest.objects.count() == 1


def test_re_13_the_id_of_an_alert_makes_it_one_call(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)

    first, later = caller.send(body(id="bar-1")), caller.send(body(id="bar-1"), after=3600)

    assert (later.is_repeated, later.answer) == (True, first.answer)
    assert refusal(caller.call(body(id="bar-1", qty="7"))).kind is WebhookRefusal.KEY_REUSED


def test_re_13_without_an_id_the_same_body_is_the_same_call_for_half_a_minute(
    use: StrategyAccount,
) -> None:
    caller = trading_view(use.strategy)

    calls = [caller.send(body(), after=seconds) for seconds in (0, 29, 31)]

    assert [call.is_repeated for call in calls] == [False, True, False]
    assert OrderRequest.objects.count() == 2


def test_re_13_thirty_duplicates_at_once_are_one_request(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    call = caller.call(body())

    receipts = at_once(lambda _: webhooks.receive(call), 30)

    assert len({json.dumps(receipt.answer, sort_keys=True) for receipt in receipts}) == 1
    assert [receipt.is_repeated for receipt in receipts].count(False) == 1
    assert OrderRequest.objects.count() == WebhookDelivery.objects.count() == 1


def test_re_13_thirty_retries_under_one_key_at_once_are_one_request(use: StrategyAccount) -> None:
    caller = signer(use.strategy)

    receipts = at_once(lambda _: caller.send(body(), key="my-1"), 30)

    assert len({json.dumps(receipt.answer, sort_keys=True) for receipt in receipts}) == 1
    assert OrderRequest.objects.count() == 1


def test_re_13_thirty_alerts_without_an_id_at_once_are_one_request(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)

    receipts = at_once(lambda _: caller.send(body()), 30)

    assert len({json.dumps(receipt.answer, sort_keys=True) for receipt in receipts}) == 1
    assert OrderRequest.objects.count() == 1


def test_re_13_a_token_s_caller_may_give_a_key(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy)

    def send(key: str, after: float) -> Receipt:
        return webhooks.receive(replace(caller.call(body(), after=after), idempotency_key=key))

    first, late, other = send("my-1", 0), send("my-1", 600), send("my-2", 1)

    assert [late.is_repeated, other.is_repeated] == [True, False]
    assert late.answer == first.answer
    assert OrderRequest.objects.count() == 2
    changed = replace(caller.call(body(qty="9")), idempotency_key="my-1")
    assert refusal(changed).kind is WebhookRefusal.KEY_REUSED


def test_re_13_what_is_answered_was_accepted_and_nothing_else(use: StrategyAccount) -> None:
    caller = signer(use.strategy)

    receipts = at_once(lambda number: caller.send(body(qty=str(number + 1))), 20)

    told = {told["id"] for receipt in receipts for told in receipt.answer["requests"]}
    assert told == set(OrderRequest.objects.values_list("pk", flat=True))
    assert len(told) == 20


def test_re_10_one_wrong_order_refuses_the_whole_list(use: StrategyAccount) -> None:
    orders = [json.loads(body()), json.loads(body(symbol="NOSUCH")), json.loads(body())]

    refused = refusal(signer(use.strategy).call(json.dumps(orders).encode()))

    assert (refused.kind, refused.index) == (WebhookRefusal.INVALID, 1)
    assert not OrderRequest.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_re_10_a_refused_call_may_be_sent_again_with_its_key(use: StrategyAccount) -> None:
    caller = signer(use.strategy)
    refusal(caller.call(body(symbol="NOSUCH"), key="my-1"))

    assert caller.send(body(), key="my-1").request_ids


@pytest.mark.parametrize("name", ORDER_SAMPLES)
def test_a_sample_of_tradingview_becomes_a_request(use: StrategyAccount, name: str) -> None:
    trading_view(use.strategy).send(sample(name))

    request = OrderRequest.objects.get()
    assert request.symbol == "BTC/USDT:USDT"
    assert request.strategy_account == use


def test_amounts_are_committed_digit_by_digit(use: StrategyAccount) -> None:
    raw = (
        b'{"symbol":"BTCUSDT","side":"buy","type":"LIMIT",'
        b'"price":0.100000000000000007,"qty":12345678901234567890}'
    )

    signer(use.strategy).send(raw)

    asked = OrderRequest.objects.get().body
    assert (asked["price"], asked["quantity"]) == ("0.100000000000000007", "12345678901234567890")


def test_a_list_becomes_requests_in_its_order(use: StrategyAccount) -> None:
    receipt = trading_view(use.strategy).send(sample("list_of_orders"))

    ids = [told["id"] for told in receipt.answer["requests"]]
    prices = [OrderRequest.objects.get(pk=pk).body["price"] for pk in ids]
    assert prices == ["60000", "59000"]


def test_the_end_of_all_orders_cancels_those_of_the_strategy_that_fit(
    use: StrategyAccount,
) -> None:
    mine = {"account": use.account, "strategy_account": use}
    fits = OpenOrderFactory.create(**mine, side="SELL")
    OpenOrderFactory.create(**mine, side="BUY")
    OpenOrderFactory.create(**mine, side="SELL", symbol="ETH/USDT:USDT")
    OpenOrderFactory.create(account=use.account, side="SELL")

    receipt = trading_view(use.strategy).send(sample("cancel_all"))

    (told,) = receipt.answer["cancels"]
    assert told["client_order_id"] == fits.client_order_id
    cancelling = OpenOrder.objects.filter(cancel_requested_at__isnull=False)
    assert cancelling.get() == fits
    assert receipt.request_ids == (told["id"],)


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_replayed_end_of_all_orders_spares_what_came_later(
    use: StrategyAccount, *, is_signed: bool
) -> None:
    if is_signed:
        call = signer(use.strategy).call(sample("cancel_all"))
    else:
        call = trading_view(use.strategy).call(sample("cancel_all"))
    first = webhooks.receive(call)
    later = OpenOrderFactory.create(account=use.account, strategy_account=use, side="SELL")

    again = webhooks.receive(call)

    later.refresh_from_db()
    assert later.cancel_requested_at is None
    assert (again.is_repeated, again.answer) == (True, first.answer)


def test_a_list_may_cancel_all_and_order_anew(use: StrategyAccount) -> None:
    OpenOrderFactory.create(account=use.account, strategy_account=use)
    caller = trading_view(use.strategy)

    receipt, again = caller.send(sample("orders_with_id")), caller.send(sample("orders_with_id"))

    assert (len(receipt.answer["cancels"]), len(receipt.answer["requests"])) == (1, 1)
    assert receipt.request_ids[0] == receipt.answer["cancels"][0]["id"]
    assert again.answer == receipt.answer
    assert OrderRequest.objects.count() == 2


def test_an_account_has_to_be_named_where_there_are_several(use: StrategyAccount) -> None:
    other = another_use(use.strategy, name="second")
    caller = signer(use.strategy)

    assert "account" in refusal(caller.call(body())).detail
    assert refusal(caller.call(body(account="third"))).kind is WebhookRefusal.INVALID
    caller.send(body(account="second"))
    assert OrderRequest.objects.get().strategy_account == other
    assert len(caller.send(body(account="*")).request_ids) == 2


@pytest.mark.parametrize(
    ("template", "changed"),
    [
        ({"allowed_symbols": ["BTC/USDT:USDT"]}, {"symbol": "ETHUSDT"}),
        ({"allowed_sides": ["BUY"]}, {"side": "sell"}),
        ({"allowed_sides": ["BUY"]}, {"side": "short"}),
    ],
)
def test_re_19_a_token_authorises_its_template_and_nothing_else(
    use: StrategyAccount, template: dict[str, Any], changed: dict[str, str]
) -> None:
    caller = trading_view(use.strategy, **template)

    assert caller.send(body()).request_ids
    assert refusal(caller.call(body(**changed))).kind is WebhookRefusal.NOT_AUTHORISED


def test_re_19_a_template_holds_for_the_end_of_all_orders_too(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy, allowed_symbols=["ETH/USDT:USDT"])

    assert refusal(caller.call(sample("cancel_all"))).kind is WebhookRefusal.NOT_AUTHORISED


def test_re_19_a_token_may_be_for_some_of_the_accounts(use: StrategyAccount) -> None:
    other = another_use(use.strategy, name="second")
    caller = trading_view(use.strategy)
    use.strategy.webhooks.get().uses.add(other)

    caller.send(body())

    assert OrderRequest.objects.get().strategy_account == other
    assert refusal(caller.call(body(account=use.account.name))).kind is WebhookRefusal.INVALID


def test_re_19_a_token_orders_so_often_a_minute(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy, max_orders_per_minute=3)
    caller.send(sample("list_of_orders"))

    assert refusal(caller.call(sample("list_of_orders"), after=31)).kind is (
        WebhookRefusal.TOO_MANY_ORDERS
    )
    assert caller.send(body()).request_ids
    assert refusal(caller.call(body(qty="9"))).kind is WebhookRefusal.TOO_MANY_ORDERS
    assert caller.send(body(qty="9"), after=61).request_ids


def test_re_19_the_rate_holds_for_calls_at_once(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy, max_orders_per_minute=5)

    def call(number: int) -> Receipt | None:
        try:
            return caller.send(body(qty=str(number + 1)))
        except WebhookRefused:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as threads:
        accepted = [receipt for receipt in threads.map(call, range(12)) if receipt]

    assert len(accepted) == OrderRequest.objects.count() == 5


@pytest.mark.parametrize(
    ("mode", "side", "position_side"),
    [
        ("HEDGE", "long", "LONG"),
        ("HEDGE", "short", "SHORT"),
        ("HEDGE", "buy", "NET"),
        ("ONE_WAY", "long", "NET"),
    ],
)
def test_long_and_short_are_positions_where_the_account_keeps_them_apart(
    mode: str, side: str, position_side: str
) -> None:
    use = a_use(account__position_mode=mode)

    signer(use.strategy).send(body(side=side))

    assert OrderRequest.objects.get().body["position_side"] == position_side


def test_a_repeated_call_is_answered_though_it_would_be_refused_now(use: StrategyAccount) -> None:
    caller = trading_view(use.strategy, max_orders_per_minute=1)
    first = caller.send(body(id="bar-1"))
    use.is_active = False
    use.save()

    assert caller.send(body(id="bar-1")).answer == first.answer
    assert refusal(caller.call(body(id="bar-2"))).kind is WebhookRefusal.INVALID


def test_an_order_keeps_the_webhook_that_limits_its_worth(use: StrategyAccount) -> None:
    trading_view(use.strategy, max_order_notional=Decimal(100)).send(body())

    delivery = OrderRequest.objects.select_related("delivery__webhook").get().delivery
    assert delivery is not None
    assert delivery.webhook.max_order_notional == 100
