"""Values as COPY's text format wants them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchanges.messages import Side
from tracking.services.bulk_rows import line


def test_each_kind_of_value_is_written_as_postgresql_reads_it() -> None:
    at = datetime(2026, 11, 22, 13, 0, 0, 120_000, tzinfo=UTC)
    key = uuid.UUID(int=7)

    written = line((None, True, False, 12, Decimal("0.10"), at, key, Side.BUY, "체결"))

    assert written.split("\t") == [
        "\\N",
        "t",
        "f",
        "12",
        "0.10",
        "2026-11-22T13:00:00.120000+00:00",
        str(key),
        "BUY",
        "체결",
    ]


def test_text_that_would_end_a_field_or_a_row_is_escaped() -> None:
    assert line(("a\tb", "c\nd\r", "\\N")) == "a\\tb\tc\\nd\\r\t\\\\N"


def test_json_keeps_its_own_backslashes() -> None:
    assert line(({"reason": 'say "no"'},)) == '{"reason":"say \\\\"no\\\\""}'


def test_a_value_of_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="float"):
        line((0.1,))
