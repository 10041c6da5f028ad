"""Tokens: made with a password, good until revoked, guessed at only slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.factories import PASSWORD, UserFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_attempts() -> Iterator[None]:
    """Count attempts anew in each test."""
    cache.clear()
    yield
    cache.clear()


def test_a_token_is_good_until_it_is_revoked(basic: str) -> None:
    token = (
        APIClient().post("/api/v1/auth/login/", headers={"Authorization": basic}).json()["token"]
    )
    program = APIClient(headers={"Authorization": f"Token {token}"})

    before = program.get("/api/v1/orders/").status_code
    logout = program.post("/api/v1/auth/logout/").status_code
    after = program.get("/api/v1/orders/").status_code

    assert (before, logout, after) == (200, 204, 401)


def test_guessing_passwords_is_slowed_down() -> None:
    UserFactory.create(username="trader")
    guess = {"Authorization": "Basic dHJhZGVyOmd1ZXNz"}

    answers = [APIClient().post("/api/v1/auth/login/", headers=guess) for _ in range(11)]

    assert {answer.status_code for answer in answers[:10]} == {401}
    assert answers[10].status_code == 429
    assert answers[10].json()["code"] == "throttled"


@pytest.fixture
def basic() -> str:
    """Give the header of a user who knows the password."""
    import base64  # noqa: PLC0415

    user = UserFactory.create(with_password=True)
    return "Basic " + base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
