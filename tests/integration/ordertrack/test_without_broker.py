"""Processes start although Redis is dead: it is a wake-up, never the truth."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.factories import ExchangeAccountFactory

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount

ROOT = Path(__file__).parents[3]
NOBODY = "redis://127.0.0.1:1/0"
PATIENCE = 60
#: a request to the web process as uvicorn would hand it over
ASK_FOR_A_PAGE = """
import asyncio
from asgiref.testing import ApplicationCommunicator
from ordertrack.asgi import application

async def main():
    scope = {
        "type": "http", "method": "GET", "path": "/login/", "query_string": b"",
        "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http",
        "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }
    web = ApplicationCommunicator(application, scope)
    await web.send_input({"type": "http.request", "body": b"", "more_body": False})
    print((await web.receive_output(30))["status"])

asyncio.run(main())
"""


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process that finds the test's database and no Redis."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": database,
            "REDIS_URL": NOBODY,
            "DJANGO_SETTINGS_MODULE": "ordertrack.settings",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.timeout(2 * PATIENCE)
def test_streams_begin_without_redis(transactional_db: None) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(api_key=uuid.uuid4().hex)

    done = started("manage.py", "run_streams", "--once")

    assert done.returncode == 0, done.stderr
    account.refresh_from_db()
    assert account.lease_epoch > 0


@pytest.mark.timeout(2 * PATIENCE)
def test_pages_are_served_without_redis(transactional_db: None) -> None:
    done = started("-c", ASK_FOR_A_PAGE)

    assert done.stdout.strip().endswith("200"), done.stderr
