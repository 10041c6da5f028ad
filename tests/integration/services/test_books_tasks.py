"""The nightly check by workers: a task an account; what takes too long goes on in the next."""

from __future__ import annotations

from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from ordertrack.celery import app
from tests.factories import ExchangeAccountFactory, StrategyPositionFactory
from tracking import tasks
from tracking.models import Anomaly, BooksCheck
from tracking.services.books import Line, alarm, check

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # celery 5.7 says so of every task that names its queue
    pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning"),
]


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was given to the workers."""
    found: list[dict[str, Any]] = []
    app.finalize(auto=True)
    monkeypatch.setattr(
        type(app.tasks["tracking.check_books"]), "delay", lambda _self, **terms: found.append(terms)
    )
    return found


def test_every_account_with_open_books_is_checked(handed_out: list[dict[str, Any]]) -> None:
    opened = ExchangeAccountFactory.create(baseline_at=timezone.now())
    ExchangeAccountFactory.create(baseline_at=None)

    tasks.check_all_books()

    assert handed_out == [{"account_id": opened.pk}]


def test_a_worker_that_runs_out_of_time_leaves_the_rest_to_the_next(
    handed_out: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ExchangeAccountFactory.create()

    def out_of_time(account_id: int, *, resume: bool) -> None:
        assert resume is BooksCheck.objects.exists()
        judged = Line(invariant="OL-1", says="", rows_checked=1).to_json()
        BooksCheck.objects.get_or_create(
            account_id=account_id, defaults={"started_at": timezone.now(), "lines": [judged]}
        )
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(alarm, "watch_books", out_of_time)

    tasks.check_books(account_id=account.pk)
    # nothing more was judged: a third would not come further either
    tasks.check_books(account_id=account.pk, judged=1)

    assert handed_out == [{"account_id": account.pk, "judged": 1}]


def test_what_was_found_is_told_though_the_exchange_takes_longer_than_a_worker_has(
    handed_out: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ExchangeAccountFactory.create(baseline_at=timezone.now())
    StrategyPositionFactory.create(account=account)

    def out_of_time(*_args: object, **_terms: object) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(check, "Reader", out_of_time)

    tasks.check_books(account_id=account.pk)
    assert not Anomaly.objects.exists()
    tasks.check_books(**handed_out.pop())

    assert not handed_out
    assert "RE-14:FUTURES:BTC/USDT:USDT:NET (residual)" in {a.key for a in Anomaly.objects.all()}
    row = BooksCheck.objects.get()
    assert row.state == "VIOLATED"
    assert row.lines[-1]["says"].endswith(alarm.OUT_OF_TIME)
