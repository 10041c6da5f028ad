"""What must hold once the system has come round, whatever failed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.books import assert_clean
from tracking.models import OpenOrder, OrderEvent, OrderRequest, SymbolSubscription

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange


def check_everything(exchange: Exchange) -> None:
    """Hold the books against the exchange, and against themselves."""
    exchange.assert_equal_books()
    assert_clean(exchange.account.pk)
    ledger = exchange.ledger()
    check_sent_once(ledger)
    check_requests(exchange, ledger)
    check_journal(exchange)
    check_interests(exchange)


def there(ledger: Any) -> list[Any]:
    """Every order the exchange ever had, of both kinds."""
    return [*ledger["orders"], *ledger["conditional_orders"]]


def check_sent_once(ledger: Any) -> None:
    """No client order id reached the exchange twice."""
    orders = Counter(order["client_order_id"] for order in there(ledger))
    assert [name for name, count in orders.items() if count > 1] == []
    assert ledger["client_ids_reused"] == []


def check_requests(exchange: Exchange, ledger: Any) -> None:
    """A placement was accepted exactly when the exchange has its order."""
    placed = {order["client_order_id"] for order in there(ledger)}
    requests = OrderRequest.objects.filter(account=exchange.account)
    for request in requests.filter(action="PLACE"):
        assert (request.outcome == "ACCEPTED") == (request.client_order_id in placed)
    assert not requests.filter(outcome__in=["PENDING", "UNKNOWN"]).exists()


def check_journal(exchange: Exchange) -> None:
    """The journal of the account's user has every number once."""
    events = OrderEvent.objects.filter(user_id=exchange.account.user_id)
    numbers = list(events.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def check_interests(exchange: Exchange) -> None:
    """A symbol's count of live interests is the number of its open orders."""
    rows = SymbolSubscription.objects.filter(account=exchange.account, live_count__gt=0)
    counts = {row.symbol: row.live_count for row in rows}
    orders = OpenOrder.objects.filter(account=exchange.account)
    assert counts == Counter(orders.values_list("symbol", flat=True))
