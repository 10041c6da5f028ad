"""A real browser against the real web process; left out where no chromium is installed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.integration.conftest import web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

__all__ = ["browser", "web"]

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """
    Start chromium for the tests of a module.

    Not longer: Playwright keeps an event loop running in this thread meanwhile. Django takes that
    for an async caller and has to be told otherwise; tests with loops of their own could not run.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium here: make browsers")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()
