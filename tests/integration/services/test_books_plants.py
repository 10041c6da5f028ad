# ruff: noqa: S608 - every statement is put together from constants of this file
"""Whatever is wrong in the books is found, under its invariant and with the order it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.books import (
    FILLED,
    OPEN,
    ORDER,
    PLACED,
    POSITION,
    SYMBOL,
    WORKING,
    assert_clean,
    example_books,
    run,
)
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.unit.tracking.domain.builders import at
from tracking.models import StreamEvent, Trade, TradeExecution
from tracking.services.books.invariants import INVARIANTS
from tracking.services.books.moment import Moment

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount
    from tracking.services.books import Violation


@pytest.fixture
def account(db: None) -> ExchangeAccount:
    return example_books()


def violations(account: ExchangeAccount) -> list[Violation]:
    """Judge inside the test's own transaction: what is planted is rolled back with it."""
    moment = Moment(account.pk)
    return [v for invariant in INVARIANTS for v in invariant.judge(moment).violations]


@pytest.mark.usefixtures("transactional_db")
def test_clean_books_are_clean() -> None:
    check = assert_clean(example_books().pk)

    assert Trade.objects.count() == 2
    assert TradeExecution.objects.count() == 4
    assert {v.invariant for v in check.lines if not v.rows_checked} == {"RE-20"}


class Plant(NamedTuple):
    """What is done to the books, what it breaks, and whose it is."""

    invariant: str
    subject: str
    statement: str


_EVENT = """
    INSERT INTO tracking_orderevent (user_id, seq, account_id, kind, symbol, exchange_order_id,
        client_order_id, payload, created_at)
    SELECT user_id, (SELECT max(seq) + 1 FROM tracking_orderevent), account_id, kind, symbol,
        exchange_order_id, client_order_id, {payload}, created_at
    FROM tracking_orderevent WHERE seq = (SELECT max(seq) FROM tracking_orderevent
        WHERE kind = 'pending_order' AND exchange_order_id = '{order}'
          AND payload->>'action' = '{action}');
    UPDATE tracking_eventcounter SET seq = seq + 1
"""
_TOLD = """
    UPDATE tracking_orderevent SET payload = jsonb_set(payload, '{{order,{key}}}', '{value}')
    WHERE seq = (SELECT max(seq) FROM tracking_orderevent
                 WHERE kind = 'pending_order' AND exchange_order_id = '{order}')
"""
#: the order that was asked for here, by its exchange's id and by ours
_PLACED, _REQUESTED = f"FUTURES:{SYMBOL}:{PLACED}", f"FUTURES:{SYMBOL}:t"
_COPY_OF_REQUEST = """
    INSERT INTO tracking_orderrequest (user_id, account_id, strategy_account_id, idempotency_key,
        action, source, body, market_type, symbol, client_order_id, priority, terms,
        notional_asset, outcome, detail, evidence, created_at, attempted_at, sent_at)
    SELECT user_id, account_id, strategy_account_id, 'another', action, source, body, market_type,
        symbol, {client_order_id}, priority, terms, notional_asset, outcome, detail, evidence,
        created_at, attempted_at, sent_at
    FROM tracking_orderrequest
"""
PLANTS = {
    "an execution deleted": Plant(
        "OL-1", ORDER, "DELETE FROM tracking_tradeexecution WHERE exchange_trade_id = '2'"
    ),
    "an execution of another size": Plant(
        "OL-1",
        ORDER,
        "UPDATE tracking_tradeexecution SET execution_quantity = 2 WHERE exchange_trade_id = '2'",
    ),
    "an execution at another price": Plant(
        "OL-1",
        ORDER,
        "UPDATE tracking_tradeexecution SET execution_price = 99 WHERE exchange_trade_id = '2'",
    ),
    "an order without its executions": Plant(
        "OL-1", OPEN, "UPDATE tracking_openorder SET filled_quantity = 2, next_verify_at = NULL"
    ),
    "executions without their order": Plant("OL-1", ORDER, "DELETE FROM tracking_closedorder"),
    "a trade for another amount": Plant(
        "OL-2",
        ORDER,
        f"UPDATE tracking_trade SET filled_quote = 1 WHERE exchange_order_id = '{FILLED}'",
    ),
    "a trade with another fee": Plant(
        "OL-2",
        ORDER,
        f"""UPDATE tracking_trade SET commissions = '{{"USDT": "9"}}'
            WHERE exchange_order_id = '{FILLED}'""",
    ),
    "a trade at another time": Plant(
        "OL-2",
        ORDER,
        f"""UPDATE tracking_trade SET last_executed_at = last_executed_at + INTERVAL '1 second'
            WHERE exchange_order_id = '{FILLED}'""",
    ),
    "a position moved": Plant(
        "OL-2", POSITION, "UPDATE tracking_strategyposition SET quantity = quantity + 1"
    ),
    "a position with another fee": Plant(
        "OL-2", POSITION, "UPDATE tracking_strategyposition SET fees = fees + 1"
    ),
    "a position deleted": Plant("OL-2", POSITION, "DELETE FROM tracking_strategyposition"),
    "a fill that realised something else": Plant(
        "OL-2",
        ORDER,
        "UPDATE tracking_tradeexecution SET closed_pnl = 7 WHERE exchange_trade_id = '2'",
    ),
    "a version left out": Plant(
        "OL-5/RE-7", OPEN, _TOLD.format(key="version", value="9", order=WORKING)
    ),
    "a fill taken back": Plant(
        "OL-5/RE-7", ORDER, _TOLD.format(key="filled_quantity", value='"2"', order=FILLED)
    ),
    "the exchange's time gone back": Plant(
        "OL-5/RE-7",
        ORDER,
        _TOLD.format(key="exchange_updated_at", value='"2020-01-01T00:00:00+00:00"', order=FILLED),
    ),
    "an end beyond its executions": Plant(
        "OL-7",
        ORDER,
        "UPDATE tracking_closedorder SET filled_quantity = 4 WHERE filled_quantity = 3",
    ),
    "a refusal that filled": Plant(
        "OL-7",
        ORDER,
        "UPDATE tracking_closedorder SET status = 'REJECTED' WHERE filled_quantity = 3",
    ),
    "an execution in another market": Plant(
        "OL-14",
        f"FUTURES:ETH/USDT:USDT:{FILLED}",
        """UPDATE tracking_tradeexecution SET symbol = 'ETH/USDT:USDT'
           WHERE exchange_trade_id = '2'""",
    ),
    "a trade of the other side": Plant(
        "OL-14",
        ORDER,
        f"UPDATE tracking_trade SET side = 'SELL' WHERE exchange_order_id = '{FILLED}'",
    ),
    "an execution of another owner": Plant(
        "OL-16",
        ORDER,
        """UPDATE tracking_tradeexecution SET strategy_account_id = NULL
           WHERE exchange_trade_id = '2'""",
    ),
    "a trade of another owner than its order": Plant(
        "OL-16",
        ORDER,
        "UPDATE tracking_closedorder SET strategy_account_id = NULL WHERE filled_quantity = 3",
    ),
    "a fill nobody owns up to have voided": Plant(
        "OL-17",
        ORDER,
        "UPDATE tracking_tradeexecution SET voided_at = now() WHERE exchange_trade_id = '2'",
    ),
    "a fill nobody owns up to have disclaimed": Plant(
        "OL-17",
        ORDER,
        """UPDATE tracking_tradeexecution SET voided_at = now(), disclaimed = TRUE
           WHERE exchange_trade_id = '2'""",
    ),
    "another fill disclaimed than was owned up to": Plant(
        "OL-17",
        ORDER,
        f"""UPDATE tracking_tradeexecution SET voided_at = now(), disclaimed = TRUE
            WHERE exchange_trade_id = '2';
            INSERT INTO tracking_repair
                (account_id, actor, action, subject, reason, before, after, created_at)
            SELECT id, 'somebody', 'VOID_EXECUTION', '{ORDER} #3', 'because', '{{"a": 1}}',
                '{{"a": 2}}', now()
            FROM tracking_exchangeaccount""",
    ),
    "a trade id used twice in silence": Plant(
        "OL-17",
        ORDER,
        "UPDATE tracking_tradeexecution SET sequence = 1 WHERE exchange_trade_id = '2'",
    ),
    "a repair that does not tell": Plant(
        "OL-17",
        "some order",
        """INSERT INTO tracking_repair
               (account_id, actor, action, subject, reason, before, after, created_at)
           SELECT id, 'somebody', 'ADOPT_ORDER', 'some order', 'because', '{}', '{"a": 1}', now()
           FROM tracking_exchangeaccount""",
    ),
    "an unverified fill nobody asks about": Plant(
        "OL-17",
        ORDER,
        """UPDATE tracking_tradeexecution SET verified = FALSE, next_verify_at = NULL
           WHERE exchange_trade_id = '2'""",
    ),
    "an unknown order nobody asks about": Plant(
        "OL-17", OPEN, "UPDATE tracking_openorder SET status = 'UNKNOWN', next_verify_at = NULL"
    ),
    "an order filled beyond itself": Plant(
        "RE-3", ORDER, "UPDATE tracking_closedorder SET quantity = 2 WHERE filled_quantity = 3"
    ),
    "a trade of another size": Plant(
        "RE-3",
        ORDER,
        f"UPDATE tracking_trade SET filled_quantity = 1 WHERE exchange_order_id = '{FILLED}'",
    ),
    "a fill folded twice": Plant(
        "RE-4",
        POSITION,
        "UPDATE tracking_strategyposition SET execution_count = execution_count + 1",
    ),
    "a version told twice": Plant(
        "RE-4", OPEN, _EVENT.format(payload="payload", order=WORKING, action="upsert")
    ),
    "an end taken back": Plant(
        "RE-5", ORDER, _EVENT.format(payload="payload", order=FILLED, action="upsert")
    ),
    "an order both open and closed": Plant(
        "RE-6",
        ORDER,
        f"UPDATE tracking_openorder SET exchange_order_id = '{FILLED}'",
    ),
    "an order told otherwise": Plant(
        "RE-8", OPEN, _TOLD.format(key="status", value='"NEW"', order=WORKING)
    ),
    "an order never told of": Plant(
        "RE-8",
        OPEN,
        f"DELETE FROM tracking_orderevent WHERE exchange_order_id = '{WORKING}'",
    ),
    "an order told as open that is not": Plant("RE-8", OPEN, "DELETE FROM tracking_openorder"),
    "an end of another kind": Plant(
        "RE-8",
        ORDER,
        "UPDATE tracking_closedorder SET status = 'EXPIRED' WHERE filled_quantity = 3",
    ),
    "an end of the other side": Plant(
        "RE-8", ORDER, "UPDATE tracking_closedorder SET side = 'SELL' WHERE filled_quantity = 3"
    ),
    "an end for another quantity": Plant(
        "RE-8", ORDER, "UPDATE tracking_closedorder SET quantity = 5 WHERE filled_quantity = 3"
    ),
    "an end at another price": Plant(
        "RE-8", ORDER, "UPDATE tracking_closedorder SET price = 7 WHERE filled_quantity = 3"
    ),
    "an end without its price": Plant(
        "RE-8", ORDER, "UPDATE tracking_closedorder SET price = NULL WHERE filled_quantity = 3"
    ),
    "an end of another client order id": Plant(
        "RE-8",
        ORDER,
        "UPDATE tracking_closedorder SET client_order_id = 'x' WHERE filled_quantity = 3",
    ),
    "an event lost": Plant("RE-8", "user", "DELETE FROM tracking_orderevent WHERE seq = 5"),
    "the last event lost": Plant("RE-8", "user", "UPDATE tracking_eventcounter SET seq = seq + 1"),
    "an order sent under two requests": Plant(
        "RE-10",
        _REQUESTED,
        _COPY_OF_REQUEST.format(client_order_id="client_order_id"),
    ),
    "a request sent without an attempt": Plant(
        "RE-10", _REQUESTED, "UPDATE tracking_orderrequest SET attempted_at = NULL"
    ),
    "a request sent without a name": Plant(
        "RE-10",
        f"FUTURES:{SYMBOL}:",
        _COPY_OF_REQUEST.format(client_order_id="NULL"),
    ),
    "an order that ended although it was told not to be there": Plant(
        "RE-11", _PLACED, "UPDATE tracking_orderrequest SET outcome = 'NOT_ACCEPTED'"
    ),
    "an order of ours that rests although it was told to be refused": Plant(
        "RE-11",
        OPEN,
        """UPDATE tracking_openorder SET placed_by_us = TRUE,
               client_order_id = (SELECT client_order_id FROM tracking_orderrequest);
           UPDATE tracking_orderrequest SET outcome = 'REJECTED'""",
    ),
    "an order nobody asked for": Plant("RE-13", _PLACED, "DELETE FROM tracking_orderrequest"),
    "an open order nobody asked for": Plant(
        "RE-13", OPEN, "UPDATE tracking_openorder SET placed_by_us = TRUE"
    ),
    "an order whose request names another": Plant(
        "RE-13", _PLACED, "UPDATE tracking_orderrequest SET client_order_id = 'another'"
    ),
    "an order whose request is a cancel": Plant(
        "RE-13", _PLACED, "UPDATE tracking_orderrequest SET action = 'CANCEL'"
    ),
    "an order two requests asked for": Plant(
        "RE-13", _PLACED, _COPY_OF_REQUEST.format(client_order_id="client_order_id")
    ),
    "an order that was never sent and is there": Plant(
        "RE-13", _PLACED, "UPDATE tracking_orderrequest SET sent_at = NULL"
    ),
    "an accepted request without its order": Plant(
        "RE-13",
        _REQUESTED,
        f"DELETE FROM tracking_closedorder WHERE exchange_order_id = '{PLACED}'",
    ),
    "an attempted request without its order": Plant(
        "RE-13",
        _REQUESTED,
        f"""UPDATE tracking_orderrequest SET outcome = 'UNKNOWN';
            DELETE FROM tracking_closedorder WHERE exchange_order_id = '{PLACED}'""",
    ),
    "a position beside its sum": Plant(
        "RE-14", POSITION, "UPDATE tracking_strategyposition SET quantity = quantity + 1"
    ),
    "derived tables that were touched": Plant(
        "RE-23", "positions", "UPDATE tracking_strategyposition SET average_price = 1"
    ),
    "trades that were touched": Plant(
        "RE-23", "trades", "UPDATE tracking_trade SET realized_pnl = 1"
    ),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_error_is_found(account: ExchangeAccount, plant: Plant) -> None:
    run(plant.statement)

    found = violations(account)

    subjects = [v.subject for v in found if v.invariant == plant.invariant]
    assert any(subject.startswith(plant.subject) for subject in subjects), found


@pytest.mark.parametrize("kind", ["execution", "trade", "closedorder", "position"])
def test_what_belongs_to_a_use_of_another_account_is_found(
    account: ExchangeAccount, kind: str
) -> None:
    foreign = StrategyAccountFactory.create().pk
    table = {"execution": "tradeexecution", "position": "strategyposition"}.get(kind, kind)
    run(
        f"UPDATE tracking_{table} SET strategy_account_id = {foreign} WHERE strategy_account_id > 0"
    )

    found = violations(account)

    assert any(
        v.invariant == "OL-16" and v.detail.endswith("use of another account") for v in found
    )


def test_an_event_told_to_somebody_else_is_found(account: ExchangeAccount) -> None:
    other = ExchangeAccountFactory.create().user_id
    run(f"UPDATE tracking_orderevent SET user_id = {other} WHERE seq = 3")

    found = violations(account)

    assert {v.invariant for v in found} == {"RE-8", "RE-9"}


@pytest.mark.parametrize(
    ("terms", "invariants"),
    [
        ({"processed_at": 1, "quarantined_at": 1}, {"OL-17", "RE-20"}),
        ({"quarantined_at": 1}, {"OL-17"}),
        ({}, {"RE-20"}),
        ({"processed_at": 1}, set()),
    ],
)
def test_a_frame_that_got_lost_is_found(
    account: ExchangeAccount, terms: dict[str, int], invariants: set[str]
) -> None:
    StreamEvent.objects.create(
        account=account,
        market_type="FUTURES",
        raw="{}",
        received_at=at(0),
        **dict.fromkeys(terms, at(1)),
    )

    found = violations(account)

    assert {v.invariant for v in found} == invariants


@pytest.mark.parametrize(
    ("statement", "invariants"),
    [
        ("ALTER TABLE tracking_trade DROP CONSTRAINT trade_identity", {"OL-4/RE-2"}),
        ("ALTER TABLE tracking_trade DROP CONSTRAINT trade_times", {"OL-4/RE-2"}),
        (
            """ALTER TABLE tracking_trade DROP CONSTRAINT trade_identity;
               CREATE UNIQUE INDEX trade_identity
                   ON tracking_trade (account_id, exchange_order_id)""",
            {"OL-4/RE-2", "OL-14"},
        ),
    ],
)
def test_a_constraint_that_is_gone_or_narrower_is_found(
    account: ExchangeAccount, statement: str, invariants: set[str]
) -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE", statement)

    found = violations(account)

    assert {v.invariant for v in found} == invariants
    assert all(v.subject.startswith("tracking_trade:") for v in found)
