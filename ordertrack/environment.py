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
from typing import TYPE_CHECKING, Any

import environ
from django.core.exceptions import ImproperlyConfigured
from redis.connection import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET_BYTES = 48
NOTSET = environ.Env.NOTSET
BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # published without types
    """Variables with types, where an empty value is the same as none: the default holds."""

    def get_value(self, var: str, cast: Any = None, default: Any = NOTSET, **how: Any) -> Any:
        """Return the variable's value, or `default`."""
        if default is not NOTSET and not self.ENVIRON.get(var):
            return default
        return super().get_value(var, cast=cast, default=default, **how)


env = Environment()
env.read_env(os.environ.get("ENV_FILE") or BASE_DIR / ".env")

#: what a connection attempt then complains about: the name that does not resolve says what to do
NO_DATABASE = "postgresql://set-DATABASE_URL-or-run-make-up.invalid/none"


def var_dir() -> Path:
    """Where this installation keeps what it writes: embedded data, generated secrets, locks."""
    return Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()


def _random_text() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def is_set(name: str) -> bool:
    """Whether `name` (or `name_FILE`) was given a value."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def secret(name: str, *, generate: bool, make: Callable[[], str] = _random_text) -> str:
    """Return the secret `name`, or one generated once. Raises `ImproperlyConfigured`."""
    value: str = env.str(name, default="").strip()
    if value:
        return value
    if generate:
        return stored_secret(name, var_dir(), make)
    message = (
        f"{name} is not set. Set it or {name}_FILE; or set GENERATE_SECRETS=on to have one made "
        f"and kept in {var_dir() / 'secrets'}."
    )
    raise ImproperlyConfigured(message)


def stored_secret(name: str, var: Path, make: Callable[[], str] = _random_text) -> str:
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


def database(url: str) -> dict[str, Any]:
    """Return Django's database settings for `url`. Raises `ImproperlyConfigured` unless PostgreSQL.

    A session waits for nothing for ever: a lock for 10 s, a statement for
    `DATABASE_STATEMENT_TIMEOUT`, a client that went away inside a transaction for 60 s.
    """
    url = url.strip() or NO_DATABASE
    if not url.startswith(("postgres://", "postgresql://")):
        message = (
            f"DATABASE_URL must begin with postgresql://, not {url.partition(':')[0]}: other "
            "databases round decimals or ignore row locks."
        )
        raise ImproperlyConfigured(message)
    statement_timeout = env.int("DATABASE_STATEMENT_TIMEOUT", default=30)
    age = env.int("DATABASE_CONNECTION_AGE", default=-1)
    limits = {
        "lock_timeout": "10s",
        "statement_timeout": f"{statement_timeout}s",
        "idle_in_transaction_session_timeout": "60s",
    }
    config: dict[str, Any] = env.db_url_config(url)
    options = {
        "connect_timeout": 5,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        # a host that vanished is noticed in half a minute, not in two hours
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    return config | {
        "ATOMIC_REQUESTS": False,
        # kept as long as the process lives (asgi.py says why the web does not), and looked at
        # again before each task: PostgreSQL may have been restarted meanwhile
        "CONN_MAX_AGE": None if age < 0 else age,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | config.get("OPTIONS", {}),
    }


def redis_options(url: str, *, timeout: float) -> dict[str, Any]:
    """Return the arguments for `redis.Redis` that `url` stands for, waiting `timeout` s at most."""
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    return options | {"socket_timeout": timeout, "socket_connect_timeout": timeout}
