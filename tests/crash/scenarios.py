"""What is interrupted: a scenario is prepared undisturbed, then acts while points are counted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from exchanges.messages import OrderType, Side
from tests.integration.api import webhook_caller
from tracking.models import ExchangeAccount, OpenOrder, StrategyAccount
from tracking.services import inbox, order_dispatch
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.integration.services.conftest import Exchange

SYMBOL = "BTC/USDT:USDT"


def _never(_exchange: Exchange) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something an account goes through. What `prepare` gives, `act` gets: frames to come."""

    act: Callable[[ExchangeAccount, Sequence[str]], None]
    prepare: Callable[[Exchange], list[str]] = _never
    #: no fewer points than these of each kind, or the test has lost its object
    least: Mapping[str, int] = field(default_factory=dict)


def _manager(account: ExchangeAccount) -> OrderManager:
    return OrderManager(StrategyAccount.objects.select_related("account").get(account=account))


def _intent(order_type: OrderType) -> OrderIntent:
    price = Decimal(30000) if order_type is OrderType.LIMIT else None
    return OrderIntent(
        symbol=SYMBOL, side=Side.BUY, order_type=order_type, quantity=Decimal("0.2"), price=price
    )


def place_resting(account: ExchangeAccount, _frames: Sequence[str]) -> None:
    _manager(account).execute(_intent(OrderType.LIMIT), idempotency_key=f"place-{account.pk}")


def place_filling(account: ExchangeAccount, _frames: Sequence[str]) -> None:
    _manager(account).execute(_intent(OrderType.MARKET), idempotency_key=f"place-{account.pk}")


def receive_and_drain(account: ExchangeAccount, frames: Sequence[str]) -> None:
    now = timezone.now()
    inbox.receive(
        [
            inbox.Frame(
                account_id=account.pk,
                market_type="FUTURES",
                session_id=uuid.uuid4(),
                epoch=1,
                raw=raw,
                received_at=now,
            )
            for raw in frames
        ]
    )
    OrderFillMonitor(account.pk).on_order_update()


def sync(account: ExchangeAccount, _frames: Sequence[str]) -> None:
    sync_open_orders(account.pk, force=True)


def cancel(account: ExchangeAccount, _frames: Sequence[str]) -> None:
    order = OpenOrder.objects.get(account=account)
    _manager(account).cancel(order, idempotency_key=f"cancel-{account.pk}")


def amend(account: ExchangeAccount, _frames: Sequence[str]) -> None:
    order = OpenOrder.objects.get(account=account)
    _manager(account).amend(
        order, quantity=Decimal("0.3"), price=Decimal(31000), idempotency_key=f"amend-{account.pk}"
    )


def webhook(account: ExchangeAccount, secrets: Sequence[str]) -> None:
    """A signed call, and then what it wakes up."""
    use = StrategyAccount.objects.select_related("strategy").get(account=account)
    raw = webhook_caller.body(symbol=SYMBOL, qty="0.2", price="30000")
    receipt = webhook_caller.Signer(use.strategy.slug, secrets[0]).send(raw)
    order_dispatch.dispatch(receipt.request_ids)


def _with_webhook(exchange: Exchange) -> list[str]:
    use = StrategyAccount.objects.select_related("strategy").get(account=exchange.account)
    return [webhook_caller.signer(use.strategy).secret]


def _resting(exchange: Exchange) -> list[str]:
    _one_resting(exchange)
    return []


def _one_resting(exchange: Exchange) -> str:
    place_resting(exchange.account, ())
    return str(OpenOrder.objects.get(account=exchange.account).exchange_order_id)


def _fill(exchange: Exchange, order_id: str, quantity: str, counterparties: int = 1) -> None:
    exchange.act(
        "fill",
        symbol="BTCUSDT",
        orderId=int(order_id),
        quantity=quantity,
        counterparties=counterparties,
    )


def _filled_on_the_stream(exchange: Exchange) -> list[str]:
    """One order fills to its end in two pieces, another in part; the frames are on their way."""
    exchange.connect()
    first = _one_resting(exchange)
    other = exchange.act(
        "place", symbol="ETHUSDT", side="SELL", type="LIMIT", quantity="0.5", price="9000"
    )
    _fill(exchange, first, "0.2", counterparties=2)
    exchange.act("fill", symbol="ETHUSDT", orderId=int(other["exchange_order_id"]), quantity="0.1")
    return exchange.frames(5)


def _filled_unseen(exchange: Exchange) -> list[str]:
    _fill(exchange, _one_resting(exchange), "0.2", counterparties=2)
    return []


def _filled_in_part_unseen(exchange: Exchange) -> list[str]:
    _fill(exchange, _one_resting(exchange), "0.1")
    return []


SCENARIOS: dict[str, Scenario] = {
    "place-resting": Scenario(act=place_resting, least={"sql": 15, "commit": 2, "http": 1}),
    "place-filling": Scenario(act=place_filling, least={"sql": 20, "commit": 2, "http": 1}),
    "stream-fill": Scenario(
        act=receive_and_drain,
        prepare=_filled_on_the_stream,
        least={"sql": 20, "commit": 1, "http": 2},
    ),
    "sync-finds-fill": Scenario(
        act=sync, prepare=_filled_unseen, least={"sql": 25, "commit": 1, "http": 3}
    ),
    "cancel": Scenario(
        act=cancel, prepare=_filled_in_part_unseen, least={"sql": 20, "commit": 2, "http": 2}
    ),
    "amend": Scenario(act=amend, prepare=_resting, least={"sql": 15, "commit": 2, "http": 1}),
    "webhook": Scenario(
        act=webhook, prepare=_with_webhook, least={"sql": 18, "commit": 3, "http": 1}
    ),
}
