"""Configuration fails loudly where a guess would be dangerous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from ordertrack.environment import database, env, secret, stored_secret

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_secret_names_the_variables_that_would_help() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SOME_KEY.*SOME_KEY_FILE.*GENERATE_SECRETS"):
        secret("SOME_KEY", generate=False)


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("of a file\n")
    monkeypatch.setenv("FILED_KEY_FILE", str(file))

    assert secret("FILED_KEY", generate=False) == "of a file"


def test_a_generated_secret_stays_the_same_and_is_private(tmp_path: Path) -> None:
    first = stored_secret("KEY", tmp_path)

    assert stored_secret("KEY", tmp_path) == first
    assert len(first) >= 50
    assert (tmp_path / "secrets" / "KEY").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["KEY"]


def test_an_empty_variable_is_the_same_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY", "")

    assert env.bool("EMPTY", default=True) is True
    assert env.int("EMPTY", default=5001) == 5001


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://u@h/d", "sqlite://:memory:"])
def test_only_postgresql_is_accepted(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="postgresql://"):
        database(url)


def test_a_session_waits_for_nothing_for_ever() -> None:
    options = database("postgresql://u:p@h:1/d?sslmode=require")["OPTIONS"]

    assert options["sslmode"] == "require"
    assert "lock_timeout=10s" in options["options"]
    assert "statement_timeout=30s" in options["options"]


def test_without_any_database_the_error_says_what_to_set() -> None:
    assert "DATABASE_URL" in database("")["HOST"].upper()
