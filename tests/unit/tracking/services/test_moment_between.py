"""The moment at which books begin, where fills are dated less finely than it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tracking.services.busy_opening import moment_between

if TYPE_CHECKING:
    from exchanges.rest import RestClient

AT = datetime(2026, 11, 22, 12, 0, 5, 300_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dates_to", "moment", "waits"),
    [
        (timedelta(milliseconds=1), AT, []),
        # a fill at 5.8 that REST dates 5 is before it, and so it is as the stream dates it
        (timedelta(seconds=1), AT.replace(microsecond=999_000), [1.0]),
    ],
)
def test_no_fill_is_before_it_by_one_date_and_after_it_by_the_other(
    dates_to: timedelta, moment: datetime, waits: list[float]
) -> None:
    client = cast("RestClient", SimpleNamespace(fetch_server_time=lambda: AT))
    waited: list[float] = []

    assert moment_between(client, dates_to, waited.append) == moment
    assert waited == waits
