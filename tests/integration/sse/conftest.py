"""Who looks at the stream in these tests, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import ExchangeAccountFactory
from tests.integration.sse.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

    from tests.integration.conftest import WebServer
    from tracking.models import ExchangeAccount


@pytest.fixture
def account(web: WebServer) -> ExchangeAccount:
    """Give an account whose user has a journal."""
    return ExchangeAccountFactory.create()


def session_headers(user: User) -> dict[str, str]:
    """Log a user in; give what their browser would send."""
    client = Client()
    client.force_login(user)
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"}


@pytest.fixture
def open_stream(web: WebServer, account: ExchangeAccount) -> Iterator[Callable[..., Reader]]:
    """Open streams of the account's user, or of whoever the headers say; closed at the end."""
    readers: list[Reader] = []
    mine = session_headers(account.user)

    def opened(
        query: str = "", headers: dict[str, str] | None = None, receive_buffer: int | None = None
    ) -> Reader:
        reader = Reader(
            web.port, query, headers=mine | (headers or {}), receive_buffer=receive_buffer
        )
        readers.append(reader)
        return reader

    yield opened
    for reader in readers:
        reader.close()
