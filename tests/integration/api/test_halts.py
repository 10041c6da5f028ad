"""Halts by API: everybody stops accounts of their own, staff all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from tests import factories
from tests.integration.api.placing import api, asking, post, stranger, use
from tracking.models import Halt

if TYPE_CHECKING:
    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

__all__ = ["api", "stranger", "use"]
STOP = {"account": "main", "reason": "looking into it"}


@pytest.fixture
def staff() -> APIClient:
    """Ask as a superuser."""
    return asking(factories.StaffFactory.create(username="ops"))


def test_an_account_is_halted_once_and_let_go(api: APIClient, use: StrategyAccount) -> None:
    first = post(api, "halts/", STOP)
    again = post(api, "halts/", STOP)
    standing = api.get("/api/v1/halts/?is_standing=true").json()["results"]
    lifted = post(api, f"halts/{first.json()['id']}/lift/")
    late = post(api, f"halts/{first.json()['id']}/lift/")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == standing[0]
    assert (first.json()["account"], first.json()["set_by"]) == (
        use.account_id,
        use.account.user.get_username(),
    )
    assert (lifted.status_code, lifted.json()["is_standing"]) == (200, False)
    assert (late.status_code, late.json()["code"]) == (409, "not_standing")
    assert api.get("/api/v1/halts/?is_standing=true").json()["results"] == []


def test_only_staff_stop_everybody_and_let_everybody_go(api: APIClient, staff: APIClient) -> None:
    refused = post(api, "halts/", STOP | {"account": None})
    halt = post(staff, "halts/", STOP | {"account": None}).json()
    kept = post(api, f"halts/{halt['id']}/lift/")
    seen = api.get(f"/api/v1/halts/{halt['id']}/")
    lifted = post(staff, f"halts/{halt['id']}/lift/")

    assert (refused.status_code, kept.status_code) == (403, 403)
    assert (seen.json()["account"], seen.json()["set_by"]) == (None, "ops")
    assert lifted.json()["is_standing"] is False


@pytest.mark.parametrize(
    "body",
    [{}, {"account": "main"}, STOP | {"reason": ""}, {"reason": "x"}, STOP | {"account": "\x00"}],
)
def test_a_halt_needs_its_reason_and_says_what_it_stops(api: APIClient, body: Any) -> None:
    assert post(api, "halts/", body).status_code == 400
    assert not Halt.objects.exists()


def test_accounts_of_others_are_not_found(stranger: APIClient, use: StrategyAccount) -> None:
    halt = factories.HaltFactory.create(account=use.account)

    assert post(stranger, "halts/", STOP).status_code == 404
    assert post(stranger, f"halts/{halt.pk}/lift/").status_code == 404
    assert stranger.get(f"/api/v1/halts/{halt.pk}/").status_code == 404
    assert stranger.get("/api/v1/halts/").json()["results"] == []


def test_nobody_halts_without_a_login() -> None:
    assert post(APIClient(), "halts/", STOP).status_code == 401
