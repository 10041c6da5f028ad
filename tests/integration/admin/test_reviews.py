"""The page of requests that need a person: what asking told, and the two answers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.integration.admin.test_repairs import post, told
from tracking.domain.submit_rounds import Round, Stretch
from tracking.models import FailedOrder, OpenOrder, OrderRequest, Repair
from tracking.selectors import totals

if TYPE_CHECKING:
    from django.test import Client

# a repair is a durable transaction
pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "requestinreview"


@pytest.fixture
def staff(client: Client) -> Client:
    """Browse as a superuser."""
    client.force_login(factories.StaffFactory.create(username="ops"))
    return client


@pytest.fixture
def doubt() -> OrderRequest:
    """Give a submit of five minutes ago that nobody can tell of."""
    use = factories.StrategyAccountFactory.create()
    then = timezone.now() - timedelta(minutes=5)
    factories.OpenOrderFactory.create(
        account=use.account,
        strategy_account=use,
        exchange_order_id=None,
        client_order_id="ours",
        placed_by_us=True,
        quantity=Decimal("0.2"),
        status="UNKNOWN",
        exchange_updated_at=None,
    )
    alive = Stretch(since=then, until=then + timedelta(seconds=20))
    rounds = [
        Round(
            asked_at=then + timedelta(seconds=1),
            is_negative=True,
            order="not found",
            open_orders="not among 7",
            trades="none of it",
            stream=alive,
        ),
        Round(
            asked_at=then + timedelta(seconds=30),
            is_negative=False,
            open_orders="no answer: TransientError",
        ),
    ]
    made: OrderRequest = OrderRequest.objects.create(
        user=use.account.user,
        account=use.account,
        strategy_account=use,
        idempotency_key="1",
        action="PLACE",
        body={"symbol": "BTC/USDT:USDT"},
        market_type="FUTURES",
        symbol="BTC/USDT:USDT",
        client_order_id="ours",
        outcome="NEEDS_REVIEW",
        detail="no stream was alive",
        evidence=[each.to_json() for each in rounds],
        created_at=then,
        attempted_at=then,
        sent_at=then,
    )
    return made


def shown(client: Client, page: str, *args: Any) -> str:
    return client.get(reverse(f"admin:tracking_{PAGE}_{page}", args=args)).content.decode()


def test_the_page_lists_what_needs_a_person_with_its_age(
    staff: Client, doubt: OrderRequest
) -> None:
    OrderRequest.objects.create(
        user=doubt.user,
        account=doubt.account,
        idempotency_key="2",
        action="PLACE",
        body={},
        market_type="FUTURES",
        symbol="BTC/USDT:USDT",
        client_order_id="settled",
        outcome="ACCEPTED",
        created_at=timezone.now(),
    )

    page = shown(staff, "changelist")

    assert "no stream was alive" in page
    assert "5\xa0minutes" in page
    assert "settled" not in page
    assert totals().requests_needing_review == 1


def test_the_evidence_is_a_table_with_a_line_a_round(staff: Client, doubt: OrderRequest) -> None:
    page = shown(staff, "change", doubt.pk)

    for text in ("not among 7", "none of it", "no answer: TransientError", "not proven"):
        assert f"<td>{text}</td>" in page


def test_settling_asks_why_and_is_kept_with_who_did_it(staff: Client, doubt: OrderRequest) -> None:
    asked = post(staff, PAGE, "settle_not_accepted", [doubt])
    assert "<td>not among 7</td>" in asked.content.decode()
    assert not Repair.objects.exists()

    done = post(staff, PAGE, "settle_not_accepted", [doubt], reason="they say they have none")

    repair = Repair.objects.get()
    assert told(done) == [f"{repair.subject}: done, see repair {repair.pk}"]
    assert (repair.actor, repair.reason) == ("ops", "they say they have none")
    doubt.refresh_from_db()
    assert doubt.outcome == "NOT_ACCEPTED"
    assert FailedOrder.objects.get().request == doubt
    assert not OpenOrder.objects.exists()
    gone = post(staff, PAGE, "settle_not_accepted", [doubt], reason="again")
    assert Repair.objects.count() == 1
    assert "nothing to settle: it has been settled since the list was drawn" in told(gone)


def test_which_order_it_is_is_asked_of_the_exchange(
    staff: Client, doubt: OrderRequest, settings: Any
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    answers = {"reason": "seen in their app", "exchange_order_id": "4711"}

    done = post(staff, PAGE, "settle_as_order", [doubt], **answers)

    (message,) = told(done)
    assert message.endswith("the exchange could not be asked for it: TransientError")
    doubt.refresh_from_db()
    assert doubt.outcome == "NEEDS_REVIEW"


def test_nothing_is_settled_without_the_permission_to_repair(
    client: Client, doubt: OrderRequest
) -> None:
    viewer = factories.StaffFactory.create(is_superuser=False)
    viewer.user_permissions.add(
        Permission.objects.get(codename="view_requestinreview", content_type__app_label="tracking")
    )
    client.force_login(viewer)

    post(client, PAGE, "settle_not_accepted", [doubt], reason="no right to")

    doubt.refresh_from_db()
    assert doubt.outcome == "NEEDS_REVIEW"
    assert not Repair.objects.exists()
