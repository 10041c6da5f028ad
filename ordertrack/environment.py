"""
Where configuration comes from: the process environment, then the `.env` file.

Read before anything else, because the embedded servers put their URLs into the environment
before Django's settings load. `NAME_FILE` may stand for any `NAME` (secrets mounted as files).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import environ

if TYPE_CHECKING:
    from collections.abc import Callable

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
environ.Env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))


def var_dir() -> Path:
    """Where this installation keeps what it writes: embedded data, generated secrets, locks."""
    return Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").resolve()


def is_set(name: str) -> bool:
    """Whether `name` (or `name_FILE`) was given a value."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def stored_secret(
    name: str, var: Path, make: Callable[[], str] = secrets.token_urlsafe
) -> str:
    """Return the secret kept in `var/secrets/<name>` (mode 0600), made on first use.

    Several processes may ask at once: the file appears whole or not at all, and the first wins.
    """
    path = var / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text()
