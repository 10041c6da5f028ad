"""The table of scenarios names tests that exist, and misses none of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "scenarios.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_test_the_table_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)(?!\w*\.py)\b", TOLD))

    assert {name for name in named if f"def {name}" not in TESTS} == set()


def test_every_scenario_of_the_table_names_a_test() -> None:
    rows = re.findall(r"^\| (SIM-[A-Z]\d) (.*)$", TOLD, re.MULTILINE)
    told = {name for name, row in rows if "`test_" in row}

    assert len(told) > 50
    assert {name for name, _ in rows} == told


def test_every_test_of_a_scenario_is_in_the_table() -> None:
    tests = set(re.findall(r"def (test_sim_[a-z]\d)_", TESTS))

    assert {name for name in tests if f"`{name}" not in TOLD} == set()


def test_every_file_the_table_names_exists() -> None:
    files = set(re.findall(r"`(?:\w+/)*(test_\w+\.py)`", TOLD))

    assert {name for name in files if not list((ROOT / "tests").rglob(name))} == set()
