"""
Gives a test run its own PostgreSQL and Valkey, in a temporary folder.

A plugin named on the command line (`-p`), because pytest-django loads Django's settings before any
conftest is read, and the URLs must stand in the environment by then. A developer's own environment
and `.env` never reach the tests.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest

ENVIRONMENT = {
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "DEBUG": "off",
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "ENV_FILE": os.devnull,
    "HTTPS": "off",
    "LOG_FORMAT": "json",
    "SECRET_KEY": "of tests only, and long enough that Django's own check is content",
}

_var = Path(tempfile.mkdtemp(prefix="ordertrack tests "))
for _name in Path(__file__).parent.parent.joinpath(".env.example").read_text().splitlines():
    # whatever the example names is a variable of ours: forget the caller's value
    os.environ.pop(_name.lstrip("# ").partition("=")[0], None)
os.environ |= ENVIRONMENT | {"VAR_DIR": str(_var), "LOG_DIR": str(_var / "logs")}

from ordertrack.embedded import (  # noqa: E402  (reads the environment above)
    POSTGRES_OPTIONS,
    EmbeddedServers,
)

#: This database ends with the run and no test cuts its power; emptying it between tests is most of
#: its work, and the disk most of that. Servers the tests start themselves flush like any other.
_HASTY = {"fsync": "off", "full_page_writes": "off"}

_servers = EmbeddedServers()
_flushing = dict(POSTGRES_OPTIONS)
POSTGRES_OPTIONS.update(_HASTY)
_servers.start()
POSTGRES_OPTIONS.clear()
POSTGRES_OPTIONS.update(_flushing)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Have the database emptied in our quicker way, and all tasks known; Django is set up by now.

    Celery registers tasks when it is first asked for one, and warns of what is deprecated in it: in
    a test that would be an error, halfway, and later tests would miss the other half.
    """
    from django.test import TransactionTestCase  # noqa: PLC0415 (needs the settings)

    from ordertrack.celery import app  # noqa: PLC0415
    from tests.emptying import empty_database  # noqa: PLC0415

    TransactionTestCase._fixture_teardown = empty_database  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app.loader.import_default_modules()
        app.finalize()


def pytest_unconfigure() -> None:
    """Stop the servers and throw their data away."""
    _servers.stop()
    shutil.rmtree(_var, ignore_errors=True)
