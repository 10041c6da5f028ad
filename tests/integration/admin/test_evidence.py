"""What was heard and answered is shown, and each stream's worth in a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from tests import factories

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.StaffFactory.create())
    return client


def path_to(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:tracking_{model}_{page}", args=args)


def test_evidence_and_frames_are_shown_with_what_was_told(staff: Client) -> None:
    evidence = factories.OrderEvidenceFactory.create(answers='[{"orders":[{"row":{"s":"<b>"}}]}]')
    frame = factories.StreamEventFactory.create(raw='{"e":"cut off')

    told = staff.get(path_to("orderevidence", "change", evidence.pk)).content.decode()
    heard = staff.get(path_to("streamevent", "change", frame.pk)).content.decode()

    assert "&quot;s&quot;: &quot;&lt;b&gt;&quot;" in told
    assert "{&quot;e&quot;:&quot;cut off" in heard


@pytest.mark.parametrize(
    ("by_stream", "by_rest", "shown"),
    [(100, 0, "1.0000 good"), (95, 5, "0.9500 fair"), (1, 2, "0.3333 poor"), (0, 0, ">-<")],
)
def test_a_stream_is_graded_in_a_word(
    staff: Client, by_stream: int, by_rest: int, shown: str
) -> None:
    factories.StreamQualityFactory.create(first_by_stream=by_stream, first_by_rest=by_rest)

    assert shown in staff.get(path_to("streamquality", "changelist")).content.decode()
