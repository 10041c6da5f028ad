"""What is written about configuration is what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READS = re.compile(
    r"""(?x)
    (?: \benv\.(?:bool|float|int|list|str) | \bsecret | \bis_set | os\.environ\.get )
    \( \s* ["']([A-Z][A-Z0-9_]+)["']
    """,
)
#: told to libraries by their own names
OF_LIBRARIES = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH"}


def variables_read() -> set[str]:
    files = [ROOT / "celeryconfig.py", ROOT / "manage.py"]
    files += [
        path
        for part in ("ordertrack", "tracking", "exchanges")
        for path in ROOT.glob(f"{part}/**/*.py")
    ]
    return {name for path in files for name in READS.findall(path.read_text())} - OF_LIBRARIES


def variables_described() -> list[str]:
    return re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_every_variable_is_described_once() -> None:
    described = variables_described()

    assert sorted(described) == sorted(variables_read())


def test_every_description_comes_before_its_variable() -> None:
    text = (ROOT / ".env.example").read_text()
    blocks = re.findall(r"((?:^#.*\n)+)((?:^[A-Z].*\n)+)", text, re.MULTILINE)

    assert sum(len(variables.splitlines()) for _, variables in blocks) == len(variables_described())


def test_the_makefile_is_short_and_describes_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    described = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)

    assert sorted(described) == sorted(phony.split())
    assert len(described) <= 13
