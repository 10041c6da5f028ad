"""A strategy with an account to order on, its webhooks, and whoever calls them."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tracking.models import MarketTerms, Webhook
from tracking.services import webhook_issue, webhooks
from tracking.services.webhook_calls import WebhookCall
from tracking.services.webhook_proofs import signature

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.models import Strategy, StrategyAccount
    from tracking.services.webhooks import Receipt

SAMPLES = Path(__file__).parents[2] / "data" / "tradingview"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "buy",
    "order_type": "LIMIT",
    "price": "60000",
    "qty": "0.5",
}
_nonces = itertools.count(1)


def body(**changed: Any) -> bytes:
    """Give the body of a limit order, or one like it."""
    return json.dumps(LIMIT | changed).encode()


def sample(name: str) -> bytes:
    """Give what TradingView would send."""
    return (SAMPLES / f"{name}.json").read_bytes()


def a_use(**fields: Any) -> StrategyAccount:
    """Make a strategy that uses one account, whose market is known."""
    use: StrategyAccount = StrategyAccountFactory.create(**fields)
    for symbol, base in (("BTC/USDT:USDT", "BTC"), ("ETH/USDT:USDT", "ETH")):
        MarketTerms.objects.get_or_create(
            exchange="BINANCE",
            market_type="FUTURES",
            symbol=symbol,
            defaults={"base": base, "quote": "USDT", "settle": "USDT"},
        )
    return use


def another_use(strategy: Strategy, **fields: Any) -> StrategyAccount:
    """Let a strategy use one account more."""
    account = ExchangeAccountFactory.create(user=strategy.user, **fields)
    use: StrategyAccount = StrategyAccountFactory.create(strategy=strategy, account=account)
    return use


@dataclass
class Signer:
    """Calls a strategy's webhook as its own client does."""

    slug: str
    secret: str

    def headers(
        self,
        raw: bytes,
        *,
        nonce: str = "",
        at: datetime | None = None,
        key: str = "",
    ) -> dict[str, str]:
        """Sign a body; a new nonce each time unless one is given."""
        timestamp = str(int((at or timezone.now()).timestamp()))
        nonce = nonce or f"nonce-{next(_nonces)}"
        signed = signature(self.secret, timestamp=timestamp, nonce=nonce, body=raw)
        return {
            "X-OrderTrack-Timestamp": timestamp,
            "X-OrderTrack-Nonce": nonce,
            "X-OrderTrack-Signature": signed,
        } | ({"Idempotency-Key": key} if key else {})

    def call(self, raw: bytes, **how: Any) -> WebhookCall:
        """Give the call the view would make of it."""
        headers = self.headers(raw, **how)
        return WebhookCall(
            slug=self.slug,
            received_at=timezone.now(),
            body=raw,
            timestamp=headers["X-OrderTrack-Timestamp"],
            nonce=headers["X-OrderTrack-Nonce"],
            signature=headers["X-OrderTrack-Signature"],
            idempotency_key=headers.get("Idempotency-Key", ""),
        )

    def send(self, raw: bytes, **how: Any) -> Receipt:
        """Call, without a web server."""
        return webhooks.receive(self.call(raw, **how))


@dataclass
class TradingView:
    """Calls a strategy's webhook with a token in its path."""

    slug: str
    token: str

    def call(
        self, raw: bytes, *, ip: str = "", certificate: str = "", after: float = 0
    ) -> WebhookCall:
        """Give the call the view would make of it."""
        return WebhookCall(
            slug=self.slug,
            received_at=timezone.now() + timedelta(seconds=after),
            body=raw,
            token=self.token,
            client_ip=ip_address(ip) if ip else None,
            client_certificate=certificate,
        )

    def send(self, raw: bytes, **how: Any) -> Receipt:
        """Call, without a web server."""
        return webhooks.receive(self.call(raw, **how))


def signer(strategy: Strategy, **fields: Any) -> Signer:
    """Make a webhook whose callers sign; no rate unless one is given."""
    webhook = Webhook(
        strategy=strategy, name="own", kind="HMAC", **{"max_orders_per_minute": None} | fields
    )
    return Signer(strategy.slug, webhook_issue.issue(webhook))


def trading_view(strategy: Strategy, **fields: Any) -> TradingView:
    """Make a webhook with a token."""
    webhook = Webhook(strategy=strategy, name="TradingView", kind="TOKEN", **fields)
    return TradingView(strategy.slug, webhook_issue.issue(webhook))
