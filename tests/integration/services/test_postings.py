"""What moves without a fill is booked once, by whom it concerns, and folded among the fills."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import IdSpace, OrderStatus, PositionSide, Side
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.conftest import PAST, SYMBOL
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.domain.client_ids import compose
from tracking.models import (
    Anomaly,
    ExchangeAccount,
    OrderEvent,
    Posting,
    PostingKind,
    StrategyPosition,
    TradeExecution,
)
from tracking.services import postings
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered
from tracking.services.order_tracking import sync_open_orders
from tracking.services.position_rows import PositionKey, position_state, recomputed
from tracking.services.postings import NewPosting

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount


def sync(exchange: Exchange) -> None:
    ExchangeAccount.objects.update(income_checked_at=timezone.now() - PAST)
    sync_open_orders(exchange.account.pk, force=True)


def test_funding_is_booked_once_for_who_holds_the_market(exchange: Exchange) -> None:
    exchange.act("place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5")
    sync(exchange)
    exchange.act("funding", symbol="BTCUSDT", amount="-0.125")

    sync(exchange)
    sync(exchange)

    posting = Posting.objects.get()
    assert (posting.kind, posting.symbol, posting.asset) == ("FUNDING", SYMBOL, "USDT")
    position = StrategyPosition.objects.get()
    assert position.funding == Decimal("-0.125")
    assert position.fees == sum(e.commission or 0 for e in TradeExecution.objects.all()) > 0
    assert position.net_pnl == -position.fees - Decimal("0.125")
    told = OrderEvent.objects.filter(kind="position").latest("seq").payload
    assert told["funding"] == "-0.125"


def test_a_transfer_belongs_to_no_market(exchange: Exchange) -> None:
    exchange.act("transfer", amount="50")

    sync(exchange)

    posting = Posting.objects.get()
    assert (posting.kind, posting.symbol, posting.amount) == ("TRANSFER", "", Decimal(50))
    assert not StrategyPosition.objects.exists()


def test_what_moved_before_the_books_were_opened_is_not_booked(exchange: Exchange) -> None:
    moved_at = exchange.account.baseline_at
    assert moved_at is not None

    assert postings.book(exchange.account.pk, [funding("-1", at=moved_at)], timezone.now()) == 0
    assert not Posting.objects.exists()


def funding(amount: str, *, at: object, key: str = "1", symbol: str = SYMBOL) -> NewPosting:
    return NewPosting(
        key=f"income:FUNDING_FEE:{key}",
        kind=PostingKind.FUNDING,
        market_type="FUTURES",
        symbol=symbol,
        asset="USDT",
        amount=Decimal(amount),
        posted_at=at,  # type: ignore[arg-type]
    )


class Books:
    """An account whose strategies trade one market, a fill at a time."""

    def __init__(self, symbol: str = SYMBOL, market_type: str = "FUTURES") -> None:
        self.account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-1))
        self.symbol, self.market_type = symbol, market_type
        self.orders = 0

    def strategy(self) -> StrategyAccount:
        made: StrategyAccount = StrategyAccountFactory.create(account=self.account)
        return made

    def fill(
        self,
        owner: StrategyAccount | None,
        side: Side,
        quantity: str,
        price: str,
        *,
        second: int,
        position_side: PositionSide = PositionSide.NET,
        **terms: object,
    ) -> None:
        self.orders += 1
        number = str(self.orders)
        same = {
            "exchange_order_id": number,
            "side": side,
            "position_side": position_side,
        }
        fill = a_fill(number, quantity, price, executed_at=at(second), **same, **terms)
        whole = a_snapshot(
            OrderStatus.FILLED,
            quantity,
            second=second,
            quantity=Decimal(quantity),
            filled_quote=Decimal(quantity) * Decimal(price),
            client_order_id=compose(owner.token, f"{number:0>12}") if owner else None,
            **same,
        )
        emit_trade_event(
            account_id=self.account.pk,
            gathered=[
                Gathered(
                    market_type=self.market_type,
                    symbol=self.symbol,
                    id_space=IdSpace.ORDER.value,
                    exchange_order_id=number,
                    evidence=seen(whole, fills=(fill,), complete=True),
                )
            ],
            now=timezone.now(),
        )

    def book(self, *told: NewPosting) -> int:
        return postings.book(self.account.pk, told, timezone.now())

    def position(
        self, owner: StrategyAccount | None, side: PositionSide = PositionSide.NET
    ) -> StrategyPosition:
        key = PositionKey(owner.pk if owner else None, self.market_type, self.symbol, side.value)
        row = StrategyPosition.objects.get(account=self.account, **key._asdict())
        assert position_state(row) == recomputed(self.account.pk, key)
        return row


pytestmark = pytest.mark.django_db(transaction=True)


def test_funding_goes_to_the_only_strategy_that_held_the_market_then() -> None:
    books = Books()
    first, second = books.strategy(), books.strategy()
    books.fill(first, Side.BUY, "2", "100", second=1)
    books.fill(first, Side.SELL, "2", "110", second=3)
    books.fill(second, Side.BUY, "1", "110", second=4)

    books.book(funding("-1", at=at(2)), funding("-2", at=at(5), key="2"))

    assert books.position(first).funding == Decimal(-1)
    assert books.position(second).funding == Decimal(-2)


def test_funding_of_a_market_that_several_held_is_the_residuals() -> None:
    books = Books()
    first, second = books.strategy(), books.strategy()
    books.fill(first, Side.BUY, "2", "100", second=1)
    books.fill(second, Side.SELL, "1", "100", second=1)

    books.book(funding("-1", at=at(2)))

    assert books.position(None).funding == Decimal(-1)
    assert books.position(first).funding == 0


def test_in_hedge_mode_funding_goes_to_the_greater_side() -> None:
    books = Books()
    owner = books.strategy()
    books.fill(owner, Side.BUY, "2", "100", second=1, position_side=PositionSide.LONG)
    books.fill(owner, Side.SELL, "1", "100", second=1, position_side=PositionSide.SHORT)

    books.book(funding("-1", at=at(2)))

    assert books.position(owner, PositionSide.LONG).funding == Decimal(-1)
    assert books.position(owner, PositionSide.SHORT).funding == 0


def test_a_movement_between_two_fills_is_folded_between_them() -> None:
    books = Books()
    books.fill(None, Side.BUY, "2", "100", second=1)
    books.fill(None, Side.SELL, "1", "110", second=5)
    correction = NewPosting(
        key="by hand",
        kind=PostingKind.CORRECTION,
        market_type="FUTURES",
        symbol=SYMBOL,
        quantity=Decimal(2),
        price=Decimal(120),
        posted_at=at(3),
    )

    assert books.book(correction) == 1
    assert books.book(correction) == 0

    row = books.position(None)
    assert (row.quantity, row.average_price, row.realized_pnl) == (3, 110, 0)
    assert TradeExecution.objects.latest("executed_at").closed_pnl == 0


def test_each_fill_says_what_it_realised_also_when_an_earlier_one_comes_late() -> None:
    books = Books()
    books.fill(None, Side.BUY, "1", "100", second=1)
    books.fill(None, Side.SELL, "1", "130", second=5)
    assert closed() == [0, 30]

    books.fill(None, Side.BUY, "1", "110", second=3)

    assert closed() == [0, 0, 25]
    assert books.position(None).realized_pnl == 25


def closed() -> list[Decimal | None]:
    rows = TradeExecution.objects.order_by("executed_at")
    return list(rows.values_list("closed_pnl", flat=True))


def test_spot_holds_what_is_left_after_a_fee_in_the_base_asset() -> None:
    books = Books("BTC/USDT", "SPOT")
    owner = books.strategy()
    fee = Decimal("0.001")

    books.fill(owner, Side.BUY, "1", "100", second=1, commission=fee, commission_asset="BTC")

    row = books.position(owner)
    assert (row.quantity, row.average_price, row.fees) == (Decimal("0.999"), 100, Decimal("0.1"))


def test_selling_more_than_is_held_stays_with_its_owner_and_is_told_once() -> None:
    books = Books("BTC/USDT", "SPOT")
    owner = books.strategy()
    books.fill(owner, Side.BUY, "1", "100", second=1)

    books.fill(owner, Side.SELL, "3", "110", second=2)
    books.fill(owner, Side.BUY, "1", "110", second=3)

    assert books.position(owner).quantity == -1
    anomaly = Anomaly.objects.get(kind="OVERSOLD")
    assert anomaly.key == f"SPOT:BTC/USDT:NET:{owner.pk}"
    assert anomaly.seen_count == 1


def test_a_short_futures_position_is_no_anomaly() -> None:
    books = Books()

    books.fill(None, Side.SELL, "1", "100", second=1)

    assert not Anomaly.objects.filter(kind="OVERSOLD").exists()


def test_a_commission_of_no_known_worth_leaves_no_net() -> None:
    books = Books()

    books.fill(None, Side.BUY, "1", "100", second=1, commission_asset="BNB")

    row = books.position(None)
    assert (row.fees, row.unvalued_commissions, row.net_pnl) == (0, {"BNB": "0.01"}, None)


def test_money_may_move_in_a_market_nobody_holds() -> None:
    books = Books()
    later = at(0) + timedelta(hours=8)

    books.book(funding("0.5", at=later))

    row = books.position(None)
    assert (row.quantity, row.funding, row.execution_count) == (0, Decimal("0.5"), 0)
