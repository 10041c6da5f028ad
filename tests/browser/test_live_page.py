"""What a person sees: sign in, and the page follows the journal by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from exchanges.messages import OrderStatus
from tests import factories
from tracking.models import EventKind, OpenOrder
from tracking.services import payloads
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.integration.conftest import WebServer
    from tracking.models import ExchangeAccount


# generous, because a loaded machine is no reason to fail
expect.set_options(timeout=15_000)


@pytest.fixture
def account(web: WebServer) -> ExchangeAccount:
    """Give the account of whoever looks at the page."""
    return factories.ExchangeAccountFactory.create(name="Futures main")


@pytest.fixture
def page(browser: Browser, web: WebServer, account: ExchangeAccount) -> Iterator[Page]:
    """Open the live page as the account's user; whatever the page complains of fails the test."""
    context = browser.new_context(base_url=web.url, viewport={"width": 1440, "height": 900})
    client = Client()
    client.force_login(account.user)
    key = str(client.session.session_key)
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": web.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("live")
    yield page
    context.close()
    assert complaints == []


def test_a_person_signs_in_and_sees_the_page(browser: Browser, web: WebServer) -> None:
    user = factories.UserFactory.create(with_password=True)
    page = browser.new_page(base_url=web.url)

    page.goto("/")
    page.get_by_label("Name").fill(user.username)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()

    expect(page.locator("#connection")).to_have_text("live")
    page.close()


def tell(account: ExchangeAccount, *events: tuple[EventKind, payloads.Payload]) -> None:
    """Journal events and publish them, as a commit does."""
    publish_events({account.user_id: factories.journal(account, events)})


def test_an_order_appears_fills_and_vanishes_by_itself(
    page: Page, account: ExchangeAccount
) -> None:
    rows = page.locator("#orders tbody tr")
    order = factories.OpenOrderFactory.create(account=account)

    tell(account, factories.order_event(order))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("BTC/USDT:USDT")
    expect(rows).to_contain_text("new")

    order.filled_quantity, order.status = Decimal("0.2"), OrderStatus.PARTIALLY_FILLED.value
    order.version += 1
    tell(account, factories.order_event(order))
    expect(rows.locator("[data-field=status]")).to_have_text("partially filled")
    expect(rows.locator("progress")).to_have_attribute("title", "40 %")

    tell(
        account,
        factories.order_event(order, action="remove", reason="FILLED"),
        (EventKind.ORDER_FILLED, {"order": payloads.order_payload(order), "reason": ""}),
    )
    expect(rows).to_have_count(0)
    expect(page.get_by_text("No open orders.")).to_be_visible()
    expect(page.locator("#news")).to_contain_text("BTC/USDT:USDT BUY 0.2 / 0.5 filled")


def test_an_order_known_by_our_id_only_stays_one_row_when_the_exchange_names_it(
    page: Page, account: ExchangeAccount
) -> None:
    order = factories.OpenOrderFactory.create(
        account=account, exchange_order_id=None, status=OrderStatus.PENDING.value
    )
    tell(account, factories.order_event(order))

    order.exchange_order_id, order.status, order.version = "77", OrderStatus.NEW.value, 2
    tell(account, factories.order_event(order))

    expect(page.locator("#orders [data-field=status]")).to_have_text(["new"])


def test_executions_positions_and_anomalies_arrive(page: Page, account: ExchangeAccount) -> None:
    execution = factories.TradeExecutionFactory.create(trade__account=account, verified=False)
    position = factories.StrategyPositionFactory.create(
        account=account, realized_pnl=Decimal("-1.5")
    )
    anomaly = factories.AnomalyFactory.create(account=account)

    tell(
        account,
        (EventKind.EXECUTION, payloads.execution_payload(execution)),
        (EventKind.POSITION, payloads.position_payload(position)),
        (EventKind.ANOMALY, payloads.anomaly_payload(anomaly)),
    )

    expect(page.locator("#executions tbody tr")).to_contain_text("0.01282462 USDT")
    expect(page.locator("#executions .mark")).to_have_attribute("data-verified", "false")
    expect(page.locator("#positions tbody tr")).to_contain_text("no strategy")
    expect(page.locator("#positions [data-field=realized_pnl]")).to_have_text("-1.5")
    expect(page.locator("#anomalies summary")).to_have_text("1 to look at")


def test_a_page_that_was_cut_off_says_so_and_catches_up(
    page: Page, account: ExchangeAccount
) -> None:
    page.context.set_offline(True)
    page.evaluate("stream._eventSource.close(); stream._onerror()")
    expect(page.locator("#connection")).to_contain_text("reconnecting")
    tell(account, factories.order_event(factories.OpenOrderFactory.create(account=account)))

    page.context.set_offline(False)
    page.evaluate("stream._eventSource = null; stream._start()")

    expect(page.locator("#orders tbody tr")).to_have_count(1)
    expect(page.locator("#connection")).to_have_text("live")


def test_a_page_that_missed_events_reads_its_snapshot_again(
    page: Page, account: ExchangeAccount
) -> None:
    gone = factories.OpenOrderFactory.create(account=account)
    tell(account, factories.order_event(gone))
    expect(page.locator("#orders tbody tr")).to_have_count(1)
    OpenOrder.objects.all().delete()

    page.evaluate(
        "stream.dispatchEvent = null; stream._onevent(new MessageEvent('stream-dropped'))"
    )

    expect(page.locator("#orders tbody tr")).to_have_count(0)
    expect(page.locator("#connection")).to_have_text("live")


def test_a_page_whose_login_ended_goes_to_the_login(page: Page, account: ExchangeAccount) -> None:
    page.context.clear_cookies()

    page.evaluate("resync()")

    page.wait_for_url("**/login/?next=/")


def test_the_theme_can_be_changed_and_is_remembered(page: Page) -> None:
    page.get_by_role("button", name="Light or dark").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")
    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == chosen


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_but_a_table_is_wider_than_the_window(
    page: Page, account: ExchangeAccount, width: int
) -> None:
    factories.OpenOrderFactory.create(account=account, quantity=Decimal("123456.12345678"))
    factories.TradeExecutionFactory.create(trade__account=account)
    factories.StrategyPositionFactory.create(account=account)
    factories.AnomalyFactory.create(account=account)
    page.reload()
    expect(page.locator("#orders tbody tr")).to_have_count(1)

    page.set_viewport_size({"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= width
