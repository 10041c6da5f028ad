"""Settings as a fresh process meets them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from decimal import Decimal, getcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PRODUCTION = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "x1" * 15 + "a secret of forty characters and more",
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
}


def run(*argv: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, **changed}
    return subprocess.run(
        [sys.executable, "manage.py", *argv],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_production_does_not_start_without_its_secrets(name: str) -> None:
    done = run("check", **{name: ""})

    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


def test_another_database_is_refused() -> None:
    done = run("check", DATABASE_URL="sqlite:///db.sqlite3")

    assert done.returncode != 0
    assert "DATABASE_URL must begin with postgresql://" in done.stderr


def test_production_passes_djangos_own_check_for_deployment() -> None:
    done = run("check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


def test_the_demo_keeps_generated_secrets(tmp_path: Path) -> None:
    unset = {"SECRET_KEY": "", "ENCRYPTION_KEYS": "", "GENERATE_SECRETS": "on"}

    done = run("check", VAR_DIR=str(tmp_path), **unset)

    assert done.returncode == 0, done.stderr
    names = sorted(file.name for file in (tmp_path / "secrets").iterdir())
    assert names == ["ENCRYPTION_KEYS", "SECRET_KEY"]


def test_products_of_amounts_are_exact_in_every_thread() -> None:
    amount = Decimal("12345678901234567890.123456789012345678")
    products: list[Decimal] = []
    thread = threading.Thread(target=lambda: products.append(amount * Decimal("1.000000001")))

    thread.start()
    thread.join()

    assert getcontext().prec == 60
    assert products == [amount * Decimal("1.000000001")]
    assert str(products[0]) == "12345678913580246791.358024679135802467012345678"
