"""Commissions in a third asset get the worth they had at the fill, and with it comes net PnL."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from exchanges.messages import IdSpace, Source
from ordertrack.celery import app
from tests.books import assert_clean
from tests.scenarios.stories import assert_settled, fill, hear, place, verify
from tests.unit.tracking.domain.builders import a_fill, seen
from tracking import tasks
from tracking.models import (
    AccountState,
    ExchangeAccount,
    OrderEvent,
    StrategyPosition,
    TradeExecution,
)
from tracking.models.trades import WAITS_FOR_RATE
from tracking.services import clients, commission_rates, event_emitter, row_writes
from tracking.services.commission_rates import accounts_with_unvalued, value_commissions
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from exchanges.messages import MarketType
    from exchanges.questions import Market
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.services.conftest import Exchange

SOON = timedelta(minutes=2)
DAY = timedelta(days=1)


@pytest.fixture
def paying_bnb(exchange: Exchange) -> Iterator[Exchange]:
    """Let commissions be paid in BNB, which costs 600, and let prices stand still."""
    simulator = exchange.simulator
    simulator.configure(price_interval=0)
    for symbol, price in (("BNBUSDT", "600"), ("SOLUSDT", "150")):
        simulator.price(symbol, price, fill="none")
    exchange.act("fee_asset", asset="BNB")
    yield exchange
    simulator.configure(price_interval=0.25)


def value(exchange: Exchange, later: timedelta = SOON) -> int:
    return value_commissions(exchange.account.pk, timezone.now() + later)


def questions(simulator: SimulatorThread) -> int:
    told = simulator.ledger(summary=True)["requests_by_endpoint"]
    return sum(count for name, count in told.items() if "klines" in name)


def held() -> tuple[str, dict[str, str], str | None]:
    """Give (fees, unvalued commissions, net PnL) of the one position."""
    row = StrategyPosition.objects.get()
    return (
        _n(row.fees),
        row.unvalued_commissions,
        row.net_pnl if row.net_pnl is None else _n(row.net_pnl),
    )


def rates() -> list[str | None]:
    rows = TradeExecution.objects.order_by("executed_at", "exchange_trade_id")
    return [
        row.commission_rate if row.commission_rate is None else _n(row.commission_rate)
        for row in rows
    ]


def _n(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def bought_and_sold(exchange: Exchange) -> None:
    """Buy 1 at 30000 in two fills (fees worth 2.4 and 3.6), sell it at 90000 (18)."""
    bought = place(exchange)
    fill(exchange, bought, "0.4")
    fill(exchange, bought, "0.6")
    fill(exchange, place(exchange, side="SELL", price="90000"), "1")
    hear(exchange, *exchange.frames(5))


def test_what_commissions_were_worth_is_asked_for_and_net_pnl_is_known(
    paying_bnb: Exchange,
) -> None:
    bought_and_sold(paying_bnb)
    assert held() == ("0", {"BNB": "0.04"}, None)
    before = questions(paying_bnb.simulator)

    assert value(paying_bnb) == 3

    assert held() == ("24", {}, "59976")
    assert rates() == ["600", "600", "600"]
    # one question a minute, and the fills may lie on both sides of one
    assert questions(paying_bnb.simulator) - before in {1, 2}
    told = OrderEvent.objects.filter(kind="position").latest("seq").payload
    assert (told["fees"], told["unvalued_commissions"], told["net_pnl"]) == ("24", {}, "59976")
    assert value(paying_bnb) == 0
    assert accounts_with_unvalued(timezone.now() + SOON) == []
    verify(paying_bnb)
    assert held() == ("24", {}, "59976")
    assert_settled(paying_bnb)


def test_what_each_fill_realised_stays_with_it(paying_bnb: Exchange) -> None:
    bought_and_sold(paying_bnb)
    rows = TradeExecution.objects.order_by("executed_at", "exchange_trade_id")
    before = list(rows.values_list("pk", "closed_pnl"))

    value(paying_bnb)

    assert list(rows.values_list("pk", "closed_pnl")) == before
    assert sorted(closed for _, closed in before) == [0, 0, 60_000]


def test_a_minute_that_is_not_over_is_not_asked_about(paying_bnb: Exchange) -> None:
    bought_and_sold(paying_bnb)
    before = questions(paying_bnb.simulator)

    assert accounts_with_unvalued(timezone.now()) == []
    assert value(paying_bnb, timedelta(seconds=60)) == 0
    assert questions(paying_bnb.simulator) == before
    assert accounts_with_unvalued(timezone.now() + SOON) == [paying_bnb.account.pk]


def test_commissions_in_the_settlement_asset_wait_for_nothing(exchange: Exchange) -> None:
    fill(exchange, place(exchange), "1")
    hear(exchange, *exchange.frames(2))

    assert accounts_with_unvalued(timezone.now() + SOON) == []
    assert held() == ("6", {}, "-6")


def test_being_stopped_in_the_middle_leaves_nothing_half_done(
    paying_bnb: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought_and_sold(paying_bnb)
    real = row_writes.upsert

    def stopped(*rows: Any) -> None:
        real(*rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.commission_rates.upsert", stopped)
        with pytest.raises(KeyboardInterrupt):
            value(paying_bnb)
    assert (held(), rates()) == (("0", {"BNB": "0.04"}, None), [None] * 3)
    assert_clean(paying_bnb.account.pk)

    assert value(paying_bnb) == 3
    assert held() == ("24", {}, "59976")


@pytest.mark.parametrize(
    "trouble", [{"rest_status": {"klines": 503}}, {"rest_garbage": {"klines": True}}]
)
def test_a_price_that_cannot_be_asked_for_now_is_asked_for_in_the_next_run(
    paying_bnb: Exchange, trouble: dict[str, Any]
) -> None:
    bought_and_sold(paying_bnb)
    paying_bnb.simulator.faults(**trouble)
    assert value(paying_bnb) == 0

    paying_bnb.simulator.faults(reset=True)

    assert value(paying_bnb) == 3


def test_an_asset_that_was_corrected_has_another_rate(paying_bnb: Exchange) -> None:
    at = timezone.now()
    booked(paying_bnb, at, commission_asset="SOL")
    assert value(paying_bnb) == 1
    assert (held(), rates()) == (("1.5", {}, "-1.5"), ["150"])

    booked(paying_bnb, at, source=Source.REST_TRADES)

    assert (held(), rates()) == (("0", {"BNB": "0.01"}, None), [None])
    assert value(paying_bnb) == 1
    assert (held(), rates()) == (("6", {}, "-6"), ["600"])
    assert_clean(paying_bnb.account.pk)


def test_a_commission_that_is_the_settlement_asset_s_after_all_needs_no_rate(
    paying_bnb: Exchange,
) -> None:
    at = timezone.now()
    booked(paying_bnb, at)
    value(paying_bnb)

    booked(paying_bnb, at, source=Source.REST_TRADES, commission_asset="USDT")

    assert (held(), rates()) == (("0.01", {}, "-0.01"), [None])
    assert accounts_with_unvalued(timezone.now() + SOON) == []
    assert_clean(paying_bnb.account.pk)


def test_a_commission_told_late_is_valued_late(paying_bnb: Exchange) -> None:
    at = timezone.now()
    booked(paying_bnb, at, commission=None, commission_asset=None)
    assert value(paying_bnb) == 0

    booked(paying_bnb, at, source=Source.REST_TRADES)

    assert value(paying_bnb) == 1
    assert (held(), rates()) == (("6", {}, "-6"), ["600"])


def test_an_asset_corrected_while_its_price_was_asked_for_does_not_get_it(
    paying_bnb: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(paying_bnb, place(paying_bnb), "1")
    new, filled = paying_bnb.frames(2)
    hear(paying_bnb, new, filled.replace('"N":"BNB"', '"N":"SOL"'))
    real = event_emitter.lock_account

    def corrected_first(account_id: int) -> ExchangeAccount:
        TradeExecution.objects.update(commission_asset="BNB")
        return real(account_id)

    monkeypatch.setattr("tracking.services.commission_rates.lock_account", corrected_first)

    assert value(paying_bnb) == 0
    assert rates() == [None]


def test_an_amount_that_was_corrected_keeps_the_rate_of_its_asset(paying_bnb: Exchange) -> None:
    at = timezone.now()
    booked(paying_bnb, at, commission=Decimal("0.02"))
    value(paying_bnb)
    assert held() == ("12", {}, "-12")

    booked(paying_bnb, at, source=Source.REST_TRADES)

    assert (held(), rates()) == (("6", {}, "-6"), ["600"])
    assert_clean(paying_bnb.account.pk)


def test_what_has_no_market_is_asked_about_once_a_day_and_keeps_nothing_waiting(
    paying_bnb: Exchange,
) -> None:
    strange, plain = (place(paying_bnb, price=price) for price in ("30000", "15000"))
    fill(paying_bnb, strange, "1")
    frames = [text.replace('"N":"BNB"', '"N":"XYZ"') for text in paying_bnb.frames(3)]
    hear(paying_bnb, *frames)
    looked_up: list[str] = []
    table = clients.rest_client(paying_bnb.account).markets
    real = table.market_of_pair

    def looked(market_type: MarketType, asset: str, other: str) -> Market:
        looked_up.append(asset)
        return real(market_type, asset, other)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table, "market_of_pair", looked)
        assert value(paying_bnb) == 0
        assert value(paying_bnb) == 0
        assert looked_up == ["XYZ"]

        fill(paying_bnb, plain, "1")
        hear(paying_bnb, *paying_bnb.frames(1))
        assert value(paying_bnb) == 1
        assert looked_up == ["XYZ", "BNB"]

        assert value(paying_bnb, SOON + DAY) == 0
        assert looked_up == ["XYZ", "BNB", "XYZ"]
    assert held() == ("3", {"XYZ": "0.01"}, None)
    assert_clean(paying_bnb.account.pk)


def booked(exchange: Exchange, at: datetime, number: int = 1, **terms: Any) -> None:
    """Book a fill of long ago, in a market of our choice."""
    symbol = terms.pop("symbol", "BTC/USDT:USDT")
    ExchangeAccount.objects.update(baseline_at=timezone.now() - 9 * DAY)
    known = {"commission": Decimal("0.01"), "commission_asset": "BNB", "executed_at": at}
    gathered = Gathered(
        market_type="FUTURES",
        symbol=symbol,
        id_space=IdSpace.ORDER.value,
        exchange_order_id="7",
        evidence=seen(fills=(a_fill(str(number), "1", "100", **(known | terms)),), complete=True),
    )
    event_emitter.emit_trade_event(
        account_id=exchange.account.pk, gathered=[gathered], now=timezone.now()
    )


def test_the_inverse_market_tells_it_too(paying_bnb: Exchange) -> None:
    booked(
        paying_bnb,
        timezone.now(),
        symbol="ETH/BNB:BNB",
        commission=Decimal(6),
        commission_asset="USDT",
    )

    assert value(paying_bnb) == 1

    assert rates() == ["0.001666666666666667"]
    assert held()[:2] == ("0.010000000000000002", {})
    assert_clean(paying_bnb.account.pk)


def test_a_minute_without_a_price_is_asked_about_once_a_day(
    paying_bnb: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commission_rates, "QUESTIONS", 2)
    now = timezone.now()
    for number in (1, 2, 3):
        booked(paying_bnb, now - 2 * DAY - timedelta(minutes=number), number)
    asked = [questions(paying_bnb.simulator)]
    for later in (SOON, SOON, SOON, SOON + DAY):
        assert value(paying_bnb, later) == 0
        asked.append(questions(paying_bnb.simulator))

    assert [after - before for before, after in pairwise(asked)] == [2, 1, 0, 2]
    assert held() == ("0", {"BNB": "0.03"}, None)


def test_a_run_values_so_many_fills_at_most(
    paying_bnb: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commission_rates, "FILLS", 2)
    bought_and_sold(paying_bnb)

    assert [value(paying_bnb) for _ in range(3)] == [2, 1, 0]
    assert held() == ("24", {}, "59976")


def test_an_account_that_may_not_be_asked_for_is_left_alone(paying_bnb: Exchange) -> None:
    bought_and_sold(paying_bnb)
    ExchangeAccount.objects.update(state=AccountState.DISABLED.value)

    assert accounts_with_unvalued(timezone.now() + SOON) == []
    assert value(paying_bnb) == 0


def test_fills_that_wait_are_found_by_their_own_index(paying_bnb: Exchange) -> None:
    bought_and_sold(paying_bnb)
    valued = TradeExecution.objects.first()
    assert valued is not None
    valued.commission_rate = Decimal(600)
    many = []
    for number in range(2_000):
        valued.pk, valued.exchange_trade_id = None, f"{number}"
        many.append(copy(valued))
    TradeExecution.objects.bulk_create(many)
    queries = [
        TradeExecution.objects.filter(WAITS_FOR_RATE, account=paying_bnb.account)[:1],
        commission_rates._unvalued(
            paying_bnb.account.pk, commission_rates._Unpriced(), timezone.now()
        ),
    ]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tracking_tradeexecution")
        plans = [query.explain() for query in queries]
    assert all("execution_to_value" in plan for plan in plans), plans


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")
def test_accounts_are_handed_out_to_the_workers(
    paying_bnb: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought_and_sold(paying_bnb)
    handed_out: list[dict[str, Any]] = []
    app.finalize(auto=True)
    monkeypatch.setattr(
        type(app.tasks["tracking.value_commissions"]),
        "apply_async",
        lambda _self, kwargs, **_options: handed_out.append(kwargs),
    )
    later = timezone.now() + SOON
    monkeypatch.setattr("tracking.tasks.timezone.now", lambda: later)

    tasks.value_all_commissions()
    assert handed_out == [{"account_id": paying_bnb.account.pk}]
    tasks.value_commissions(**handed_out[0])

    assert held() == ("24", {}, "59976")
