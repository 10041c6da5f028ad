"""The simulator knows the protocol, not us; and it tells of every switch it has."""

from __future__ import annotations

import ast
from pathlib import Path

import exchanges.simulator
from exchanges.simulator.faults import READERS
from exchanges.simulator.one_shots import ONE_SHOT

PACKAGE = Path(exchanges.simulator.__file__).parent


def test_it_imports_nothing_of_ours_but_itself() -> None:
    imported = {
        name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names_of(node)
    }
    ours = {name for name in imported if name.startswith(("exchanges", "tracking", "ordertrack"))}
    assert {name for name in ours if not name.startswith("exchanges.simulator")} == set()


def names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_every_switch_is_documented() -> None:
    told = (PACKAGE.parent.parent / "docs" / "simulator.md").read_text()
    missing = [name for name in [*READERS, *ONE_SHOT] if f"`{name}`" not in told]
    assert missing == []
    assert [name for name in READERS if name not in str(exchanges.simulator.__doc__)] == []
