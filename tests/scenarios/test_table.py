"""The table of scenarios names tests that exist, and misses none of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "scenarios.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_sim_*.py"))


def test_every_scenario_of_the_table_has_its_test() -> None:
    rows = {row.lower() for row in re.findall(r"^\| SIM-([A-Z]\d)", TOLD, re.MULTILINE)}
    tests = set(re.findall(r"def test_sim_([a-z]\d)_", TESTS))

    assert rows - tests == set()


def test_every_test_of_a_scenario_is_in_the_table() -> None:
    named = set(re.findall(r"`test_sim_([a-z]\d)`", TOLD))
    tests = set(re.findall(r"def test_sim_([a-z]\d)_", TESTS))

    assert {name for name in tests if name[0] <= "m"} - named == set()


def test_every_file_the_table_names_exists() -> None:
    files = set(re.findall(r"`(test_sim_\w+\.py)`", TOLD))

    assert {name for name in files if not list((ROOT / "tests").rglob(name))} == set()
