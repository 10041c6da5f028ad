"""The live page carries its snapshot; nobody sees it without signing in."""

from __future__ import annotations

import gettext
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from tests import factories
from tracking.services import payloads

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db

TRACKING = Path(__file__).parents[3] / "tracking"
CATALOGUE = TRACKING / "locale" / "ko" / "LC_MESSAGES" / "django.po"


def snapshot_in(content: bytes) -> Any:
    found = re.search(rb'<script id="snapshot" type="application/json">(.*?)</script>', content)
    assert found
    return json.loads(found[1])


def test_the_page_carries_the_rows_and_the_number_to_stream_on_from(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = factories.OpenOrderFactory.create(client_order_id="</script><script>alert(1)")
    seq = factories.journal(order.account, factories.numbered_events(2))
    client.force_login(order.account.user)

    with django_assert_num_queries(10):
        answer = client.get("/")

    snapshot = snapshot_in(answer.content)
    assert snapshot["seq"] == seq
    assert snapshot["orders"] == [payloads.order_payload(order)]
    assert b"<script>alert" not in answer.content


def test_the_page_runs_nothing_but_our_own_files(client: Client) -> None:
    client.force_login(factories.UserFactory.create())

    answer = client.get("/")

    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert b"onclick" not in answer.content
    assert b"style=" not in answer.content
    inline = re.findall(rb"<script(?![^>]*(?:src=|application/json))[^>]*>", answer.content)
    assert inline == []


def test_the_page_asks_who_you_are(client: Client) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/")


def test_signing_in_leads_to_the_page_and_out_again(client: Client) -> None:
    user = factories.UserFactory.create(with_password=True)
    wrong = client.post("/login/", {"username": user.username, "password": "guess"})

    signed_in = client.post("/login/", {"username": user.username, "password": factories.PASSWORD})
    signed_out = client.post("/logout/")

    assert b"do not match" in wrong.content
    assert signed_in.headers["Location"] == reverse("live")
    assert signed_out.headers["Location"] == "/login/"


def test_the_process_says_that_it_lives(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_process_is_ready_when_both_stores_answer(client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}


def test_a_store_that_does_not_answer_is_named(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "no answer from redis"


def test_the_page_speaks_korean_to_who_prefers_it(client: Client) -> None:
    client.force_login(factories.UserFactory.create())

    answer = client.get("/", headers={"Accept-Language": "ko,en;q=0.5"})

    assert '<html lang="ko">' in answer.content.decode()
    assert "미체결 주문" in answer.content.decode()


def test_every_sentence_of_the_pages_has_its_translation() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        translated = gettext.GNUTranslations(compiled)
    sentences = re.findall(r'^msgid "(.+)"$', CATALOGUE.read_text(), re.MULTILINE)
    sources = [*TRACKING.glob("templates/**/*.html"), TRACKING / "views.py"]
    used = {
        sentence
        for source in sources
        for sentence in re.findall(r"""(?:trans |\b_\()["'](.+?)["']""", source.read_text())
    }

    assert used == set(sentences)
    assert [sentence for sentence in sentences if translated.gettext(sentence) == ""] == []
    assert translated.gettext("Open orders") == "미체결 주문"
