"""The proof, for tests of anything that writes: afterwards the books must be clean."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone

from exchanges.messages import IdSpace, OrderStatus, Side
from tests.factories import ExchangeAccountFactory, OpenOrderFactory, StrategyAccountFactory
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.domain.client_ids import compose
from tracking.models import OrderRequest
from tracking.services.books import Check, check_account
from tracking.services.event_emitter import emit_trade_event
from tracking.services.journal import Journal, emit_pending_order_sse
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from tracking.domain.evidence import Evidence
    from tracking.models import ExchangeAccount, StrategyAccount

SYMBOL = "BTC/USDT:USDT"
#: orders of the example: ended in three fills, of a strategy; working with one; ended with none
FILLED, WORKING, CANCELLED = "11", "12", "13"
#: and one that was asked for here, and ended with none
PLACED = "14"
ORDER, OPEN = f"FUTURES:{SYMBOL}:{FILLED}", f"FUTURES:{SYMBOL}:{WORKING}"
POSITION = f"FUTURES:{SYMBOL}:NET"


def assert_clean(account_id: int, *, with_exchange: bool = False) -> Check:
    """Fail with every violation of the account's books. Needs `transactional_db`."""
    check = check_account(account_id, with_exchange=with_exchange)
    assert not check.violation_count, "\n".join(map(str, check.violations))
    return check


def run(*statements: str) -> None:
    """Do to the rows what no code of ours would."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def example_books() -> ExchangeAccount:
    """Make an account with four orders, four fills and two positions. No exchange is asked."""
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-10))
    use = StrategyAccountFactory.create(account=account)
    ours = compose(use.token, "000000000011")
    terms: dict[str, Any] = {"exchange_order_id": FILLED, "client_order_id": ours}
    fills = [
        a_fill(str(n), "1", str(100 + n), exchange_order_id=FILLED, executed_at=at(n))
        for n in (1, 2, 3)
    ]
    end = a_snapshot(OrderStatus.FILLED, "3", second=4, filled_quote=Decimal(306), **terms)
    closing = a_fill("4", "1", "110", exchange_order_id=WORKING, side=Side.SELL, executed_at=at(4))
    cancelled = a_snapshot(OrderStatus.CANCELLED, second=5, exchange_order_id=CANCELLED)
    for order_id, evidence in (
        (FILLED, seen(a_snapshot(**terms))),
        *((FILLED, seen(fills=(fill,))) for fill in fills),
        (FILLED, seen(end, complete=True)),
        (WORKING, seen(a_snapshot(exchange_order_id=WORKING, side=Side.SELL))),
        (WORKING, seen(fills=(closing,))),
        (CANCELLED, seen(a_snapshot(exchange_order_id=CANCELLED))),
        (CANCELLED, seen(cancelled)),
    ):
        _emit(account, order_id, evidence)
    _place(use, compose(use.token, "000000000014"))
    return account


def _place(use: StrategyAccount, client_order_id: str) -> None:
    """Ask for an order, have it accepted, and cancelled."""
    account = use.account
    named = {
        "account": account,
        "strategy_account": use,
        "market_type": "FUTURES",
        "symbol": SYMBOL,
        "client_order_id": client_order_id,
        "created_at": at(6),
    }
    OrderRequest.objects.create(
        **named,
        user_id=account.user_id,
        idempotency_key="placed",
        action="PLACE",
        body={},
        attempted_at=at(6),
        sent_at=at(6),
    )
    row = OpenOrderFactory.create(
        **named,
        exchange_order_id=None,
        exchange_updated_at=None,
        placed_by_us=True,
        status=OrderStatus.PENDING.value,
        quantity=Decimal(3),
        price=Decimal(100),
    )
    with transaction.atomic():
        journal = Journal(account.user_id, account.pk, at(6))
        emit_pending_order_sse(journal, row, action="upsert")
        journal.write()
    terms: dict[str, Any] = {"exchange_order_id": PLACED, "client_order_id": client_order_id}
    for status, second in ((OrderStatus.NEW, 7), (OrderStatus.CANCELLED, 8)):
        _emit(account, PLACED, seen(a_snapshot(status, second=second, **terms)), client_order_id)


def _emit(
    account: ExchangeAccount, order_id: str, evidence: Evidence, client_order_id: str | None = None
) -> None:
    gathered = Gathered(
        market_type="FUTURES",
        symbol=SYMBOL,
        id_space=IdSpace.ORDER.value,
        exchange_order_id=order_id,
        client_order_id=client_order_id,
        evidence=evidence,
    )
    emit_trade_event(account_id=account.pk, gathered=[gathered], now=timezone.now())
