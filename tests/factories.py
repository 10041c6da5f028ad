"""
Rows with sensible defaults; a test names only what it is about.

The amounts and times agree with each other where the database insists. `journal` writes through the
real journal: numbers come from the user's counter row, moved in the same transaction.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from factory.declarations import LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory, Password

from exchanges.messages import (
    Exchange,
    MarketType,
    OrderStatus,
    OrderType,
    Side,
    Source,
)
from exchanges.refusals import RefusalKind
from tracking import models
from tracking.services import payloads
from tracking.services.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable

PASSWORD = "correct horse battery staple"


class UserFactory(DjangoModelFactory[User]):
    """A person; `with_password` lets them sign in with PASSWORD (hashing takes a while)."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        with_password = Trait(password=Password(PASSWORD))

    username = Sequence(lambda n: f"trader-{n}")
    password = LazyFunction(lambda: make_password(None))


class StaffFactory(UserFactory):
    """A person who may use the admin."""

    is_staff = True
    is_superuser = True


class ExchangeAccountFactory(DjangoModelFactory[models.ExchangeAccount]):
    """A simulated Binance USD-M account."""

    class Meta:
        model = models.ExchangeAccount

    user = SubFactory(UserFactory)
    name = Sequence(lambda n: f"account-{n}")
    exchange = Exchange.BINANCE.value
    simulated = True
    api_key = "test-key"
    api_secret = "test-secret"


class StrategyFactory(DjangoModelFactory[models.Strategy]):
    """A strategy."""

    class Meta:
        model = models.Strategy

    user = SubFactory(UserFactory)
    name = Sequence(lambda n: f"strategy {n}")
    slug = Sequence(lambda n: f"strategy-{n}")


class StrategyAccountFactory(DjangoModelFactory[models.StrategyAccount]):
    """A strategy's use of an account of the same user."""

    class Meta:
        model = models.StrategyAccount

    account = SubFactory(ExchangeAccountFactory)
    strategy = SubFactory(StrategyFactory, user=SelfAttribute("..account.user"))
    token = Sequence(lambda n: f"t{n:04d}")
    max_orders_per_minute = None


OrderRow = TypeVar("OrderRow", models.OpenOrder, models.ClosedOrder)


class _OrderFactory(DjangoModelFactory[OrderRow]):
    class Meta:
        abstract = True

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    exchange_order_id = Sequence(lambda n: f"{8_000_000_000 + n}")
    client_order_id = Sequence(lambda n: f"client-{n}")
    side = Side.BUY.value
    order_type = OrderType.LIMIT.value
    price = Decimal("64123.1")
    quantity = Decimal("0.5")
    status = OrderStatus.NEW.value
    version = 1
    exchange_updated_at = LazyFunction(timezone.now)
    created_at = LazyFunction(timezone.now)
    updated_at = LazyFunction(timezone.now)


class OpenOrderFactory(_OrderFactory[models.OpenOrder]):
    """A working limit order."""

    class Meta:
        model = models.OpenOrder


class ClosedOrderFactory(_OrderFactory[models.ClosedOrder]):
    """A cancelled order that never filled."""

    class Meta:
        model = models.ClosedOrder

    status = OrderStatus.CANCELLED.value
    closed_at = LazyFunction(timezone.now)


class TradeFactory(DjangoModelFactory[models.Trade]):
    """An order that filled in one piece."""

    class Meta:
        model = models.Trade

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    exchange_order_id = Sequence(lambda n: f"{8_500_000_000 + n}")
    side = Side.BUY.value
    filled_quantity = Decimal("0.5")
    filled_quote = Decimal("32061.55")
    execution_count = 1
    first_executed_at = LazyFunction(timezone.now)
    last_executed_at = SelfAttribute("first_executed_at")


class TradeExecutionFactory(DjangoModelFactory[models.TradeExecution]):
    """One verified fill of a trade."""

    class Meta:
        model = models.TradeExecution

    trade = SubFactory(TradeFactory)
    account = SelfAttribute("trade.account")
    strategy_account = SelfAttribute("trade.strategy_account")
    market_type = SelfAttribute("trade.market_type")
    symbol = SelfAttribute("trade.symbol")
    exchange_order_id = SelfAttribute("trade.exchange_order_id")
    exchange_trade_id = Sequence(lambda n: f"{400_000 + n}")
    side = SelfAttribute("trade.side")
    execution_price = Decimal("64123.1")
    execution_quantity = Decimal("0.5")
    is_maker = True
    commission = Decimal("0.012824620000000000")
    commission_asset = "USDT"
    realized_pnl = Decimal(0)
    executed_at = LazyFunction(timezone.now)
    source = Source.WS.value
    verified = True
    created_at = LazyFunction(timezone.now)


class StrategyPositionFactory(DjangoModelFactory[models.StrategyPosition]):
    """A long of half a coin that no strategy owns."""

    class Meta:
        model = models.StrategyPosition

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    quantity = Decimal("0.5")
    average_price = Decimal("64123.1")
    execution_count = 1
    version = 1
    updated_at = LazyFunction(timezone.now)


class OrderRequestFactory(DjangoModelFactory[models.OrderRequest]):
    """A limit order that was asked for, and not yet tried."""

    class Meta:
        model = models.OrderRequest

    strategy_account = SubFactory(StrategyAccountFactory)
    account = SelfAttribute("strategy_account.account")
    user = SelfAttribute("account.user")
    idempotency_key = Sequence(lambda n: f"key-{n}")
    action = models.RequestAction.PLACE.value
    body = LazyFunction(
        lambda: {
            "symbol": "BTC/USDT:USDT",
            "side": Side.BUY.value,
            "order_type": OrderType.LIMIT.value,
            "quantity": "0.5",
            "price": "64123.1",
        }
    )
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    client_order_id = Sequence(lambda n: f"asked-{n}")
    created_at = LazyFunction(timezone.now)


class FailedOrderFactory(DjangoModelFactory[models.FailedOrder]):
    """An order the exchange refused for lack of funds."""

    class Meta:
        model = models.FailedOrder

    request = SubFactory(OrderRequestFactory, outcome=models.RequestOutcome.REJECTED.value)
    account = SelfAttribute("request.account")
    kind = RefusalKind.INSUFFICIENT_FUNDS.value
    reason = "Insufficient funds"
    created_at = LazyFunction(timezone.now)


class HaltFactory(DjangoModelFactory[models.Halt]):
    """An account on which nothing new is sent."""

    class Meta:
        model = models.Halt

    account = SubFactory(ExchangeAccountFactory)
    reason = "looking into it"
    set_by = "ops"
    set_at = LazyFunction(timezone.now)


class OrderTrackingSessionFactory(DjangoModelFactory[models.OrderTrackingSession]):
    """A connected stream that was heard of just now."""

    class Meta:
        model = models.OrderTrackingSession

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    owner = "host:1"
    epoch = 1
    status = models.SessionStatus.CONNECTED.value
    started_at = LazyFunction(timezone.now)
    connected_at = LazyFunction(timezone.now)
    last_ping = LazyFunction(timezone.now)


class AnomalyFactory(DjangoModelFactory[models.Anomaly]):
    """Something open to look at."""

    class Meta:
        model = models.Anomaly

    account = SubFactory(ExchangeAccountFactory)
    kind = models.AnomalyKind.DRIFT.value
    key = Sequence(lambda n: f"BTC/USDT:USDT {n}")
    detail = LazyFunction(lambda: {"ours": "0.5", "theirs": "0.4"})
    opened_at = LazyFunction(timezone.now)
    last_seen_at = LazyFunction(timezone.now)


class StreamEventFactory(DjangoModelFactory[models.StreamEvent]):
    """A frame nobody has looked at yet."""

    class Meta:
        model = models.StreamEvent

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    raw = "{}"
    received_at = LazyFunction(timezone.now)


class OrderEvidenceFactory(DjangoModelFactory[models.OrderEvidence]):
    """A frame that told of a new order."""

    class Meta:
        model = models.OrderEvidence

    account = SubFactory(ExchangeAccountFactory)
    market_type = MarketType.FUTURES.value
    symbol = "BTC/USDT:USDT"
    exchange_order_id = Sequence(lambda n: f"{8_000_000_000 + n}")
    client_order_id = Sequence(lambda n: f"client-{n}")
    sources = LazyFunction(lambda: [Source.WS.value])
    answers = ""
    changed = True
    status_after = OrderStatus.NEW.value
    version = 1
    created_at = LazyFunction(timezone.now)


class StreamQualityFactory(DjangoModelFactory[models.StreamQuality]):
    """An hour of three fills, one of them first seen by REST."""

    class Meta:
        model = models.StreamQuality

    account = SubFactory(ExchangeAccountFactory)
    hour = LazyFunction(lambda: timezone.now().replace(minute=0, second=0, microsecond=0))
    frames = 4
    first_by_stream = 2
    first_by_rest = 1
    lag_count = 4
    lag_total_ms = 120
    lag_max_ms = 60
    lag_buckets = LazyFunction(lambda: [0, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0])


def journal(
    account: models.ExchangeAccount, events: Iterable[tuple[models.EventKind, payloads.Payload]]
) -> int:
    """Append events to the journal of the account's user in one transaction; give the last seq."""
    book = Journal(user_id=account.user_id, account_id=account.pk, now=timezone.now())
    for kind, payload in events:
        book.add(kind, payload)
    with transaction.atomic():
        return book.write()


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
