"""The proof, for tests of anything that writes: afterwards the books must be clean."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

from exchanges.messages import IdSpace, OrderStatus, Side
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.unit.tracking.domain.builders import a_fill, a_snapshot, at, seen
from tracking.domain.client_ids import compose
from tracking.services.books import Check, check_account
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from tracking.domain.evidence import Evidence
    from tracking.models import ExchangeAccount

SYMBOL = "BTC/USDT:USDT"
#: orders of the example: ended in three fills, of a strategy; working with one; ended with none
FILLED, WORKING, CANCELLED = "11", "12", "13"
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
    """Make an account with three orders, four fills and two positions. No exchange is asked."""
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=at(-10))
    ours = compose(StrategyAccountFactory.create(account=account).token, "000000000011")
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
    return account


def _emit(account: ExchangeAccount, order_id: str, evidence: Evidence) -> None:
    gathered = Gathered(
        market_type="FUTURES",
        symbol=SYMBOL,
        id_space=IdSpace.ORDER.value,
        exchange_order_id=order_id,
        evidence=evidence,
    )
    emit_trade_event(account_id=account.pk, gathered=[gathered], now=timezone.now())
