"""
Rows with sensible defaults; a test names only what it is about.

The amounts and times agree with each other where the database insists. `journal` writes OrderEvent
rows the way the system does: numbers come from the user's counter row, moved in the transaction.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import factory
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from exchanges.messages import (
    Exchange,
    MarketType,
    OrderStatus,
    OrderType,
    Side,
    Source,
)
from tracking import models
from tracking.services import payloads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

PASSWORD = "correct horse battery staple"  # noqa: S105  (of test users only)


class UserFactory(DjangoModelFactory):
    """A person who may log in with PASSWORD."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"trader-{n}")
    password = factory.django.Password(PASSWORD)


class StaffFactory(UserFactory):
    """A person who may use the admin."""

    is_staff = True
    is_superuser = True


class ExchangeAccountFactory(DjangoModelFactory):
    """A simulated Binance USD-M account."""

    class Meta:
        model = models.ExchangeAccount

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"account-{n}")
    exchange = Exchange.BINANCE.value
    simulated = True
    api_key = "test-key"
    api_secret = "test-secret"  # noqa: S105  (never leaves the test database)


class StrategyFactory(DjangoModelFactory):
    """A strategy."""

    class Meta:
        model = models.Strategy

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"strategy {n}")
    slug = factory.Sequence(lambda n: f"strategy-{n}")


class StrategyAccountFactory(DjangoModelFactory):
    """A strategy's use of an account of the same user."""

    class Meta:
        model = models.StrategyAccount

    account = factory.SubFactory(ExchangeAccountFactory)
    strategy = factory.SubFactory(StrategyFactory, user=factory.SelfAttribute("..account.user"))
    token = factory.Sequence(lambda n: f"t{n:04d}")


class _OrderFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    account = factory.SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    exchange_order_id = factory.Sequence(lambda n: f"{8_000_000_000 + n}")
    client_order_id = factory.Sequence(lambda n: f"client-{n}")
    side = Side.BUY.value
    order_type = OrderType.LIMIT.value
    price = Decimal("64123.1")
    quantity = Decimal("0.5")
    status = OrderStatus.NEW.value
    version = 1
    exchange_updated_at = factory.LazyFunction(timezone.now)
    created_at = factory.LazyFunction(timezone.now)
    updated_at = factory.LazyFunction(timezone.now)


class OpenOrderFactory(_OrderFactory):
    """A working limit order."""

    class Meta:
        model = models.OpenOrder


class ClosedOrderFactory(_OrderFactory):
    """A cancelled order that never filled."""

    class Meta:
        model = models.ClosedOrder

    status = OrderStatus.CANCELLED.value
    closed_at = factory.LazyFunction(timezone.now)


class TradeFactory(DjangoModelFactory):
    """An order that filled in one piece."""

    class Meta:
        model = models.Trade

    account = factory.SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    exchange_order_id = factory.Sequence(lambda n: f"{8_500_000_000 + n}")
    side = Side.BUY.value
    filled_quantity = Decimal("0.5")
    filled_quote = Decimal("32061.55")
    execution_count = 1
    first_executed_at = factory.LazyFunction(timezone.now)
    last_executed_at = factory.SelfAttribute("first_executed_at")


class TradeExecutionFactory(DjangoModelFactory):
    """One verified fill of a trade."""

    class Meta:
        model = models.TradeExecution

    trade = factory.SubFactory(TradeFactory)
    account = factory.SelfAttribute("trade.account")
    strategy_account = factory.SelfAttribute("trade.strategy_account")
    market_type = factory.SelfAttribute("trade.market_type")
    symbol = factory.SelfAttribute("trade.symbol")
    exchange_order_id = factory.SelfAttribute("trade.exchange_order_id")
    exchange_trade_id = factory.Sequence(lambda n: f"{400_000 + n}")
    side = factory.SelfAttribute("trade.side")
    execution_price = Decimal("64123.1")
    execution_quantity = Decimal("0.5")
    is_maker = True
    commission = Decimal("0.012824620000000000")
    commission_asset = "USDT"
    realized_pnl = Decimal(0)
    executed_at = factory.LazyFunction(timezone.now)
    source = Source.WS.value
    verified = True
    created_at = factory.LazyFunction(timezone.now)


class StrategyPositionFactory(DjangoModelFactory):
    """A long of half a coin that no strategy owns."""

    class Meta:
        model = models.StrategyPosition

    account = factory.SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    quantity = Decimal("0.5")
    average_price = Decimal("64123.1")
    execution_count = 1
    version = 1
    updated_at = factory.LazyFunction(timezone.now)


class OrderTrackingSessionFactory(DjangoModelFactory):
    """A connected stream that was heard of just now."""

    class Meta:
        model = models.OrderTrackingSession

    account = factory.SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    owner = "host:1"
    epoch = 1
    status = models.SessionStatus.CONNECTED.value
    started_at = factory.LazyFunction(timezone.now)
    connected_at = factory.LazyFunction(timezone.now)
    last_ping = factory.LazyFunction(timezone.now)


class AnomalyFactory(DjangoModelFactory):
    """Something open to look at."""

    class Meta:
        model = models.Anomaly

    account = factory.SubFactory(ExchangeAccountFactory)
    kind = models.AnomalyKind.DRIFT.value
    key = factory.Sequence(lambda n: f"BTC/USDT:USDT {n}")
    detail = factory.LazyFunction(lambda: {"ours": "0.5", "theirs": "0.4"})
    opened_at = factory.LazyFunction(timezone.now)
    last_seen_at = factory.LazyFunction(timezone.now)


class StreamEventFactory(DjangoModelFactory):
    """A frame nobody has looked at yet."""

    class Meta:
        model = models.StreamEvent

    account = factory.SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    raw = "{}"
    received_at = factory.LazyFunction(timezone.now)


def next_seq(user_id: int, count: int) -> int:
    """Take `count` journal numbers of a user; give the last. Holds the counter until commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_eventcounter (user_id, seq) VALUES (%s, %s)"
            " ON CONFLICT (user_id) DO UPDATE SET seq = tracking_eventcounter.seq + excluded.seq"
            " RETURNING seq",
            [user_id, count],
        )
        (seq,) = cursor.fetchone()
    return int(seq)


def journal(
    account: models.ExchangeAccount,
    events: Iterable[tuple[models.EventKind, payloads.Payload]],
    *,
    at: dt.datetime | None = None,
) -> int:
    """Append events to the journal of the account's user in one transaction; give the last seq."""
    events = list(events)
    with transaction.atomic():
        last = next_seq(account.user_id, len(events))
        models.OrderEvent.objects.bulk_create(
            models.OrderEvent(
                user_id=account.user_id,
                seq=last - len(events) + place,
                account=account,
                kind=kind.value,
                symbol=str(payload.get("symbol", "")),
                payload=payload,
                created_at=at or timezone.now(),
            )
            for place, (kind, payload) in enumerate(events, start=1)
        )
    return last


def order_event(
    order: models.OpenOrder, *, action: str = "upsert", reason: str = ""
) -> tuple[models.EventKind, payloads.Payload]:
    """Give the event that tells of an open order."""
    return models.EventKind.PENDING_ORDER, {
        "action": action,
        "reason": reason,
        "order": payloads.order_payload(order),
    }


def numbered_events(count: int) -> list[tuple[models.EventKind, payloads.Payload]]:
    """Give `count` small events that carry their place."""
    return [(models.EventKind.SESSION, {"place": place}) for place in range(1, count + 1)]


def user_with_name(name: str, **fields: Any) -> User:
    """Make a user who is called so."""
    return UserFactory.create(username=name, **fields)
