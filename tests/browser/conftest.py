"""A Chromium of the machine for each module of tests, and a way to open files in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.checks import Visit, chromium, launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright: uv sync")
    if chromium() is None:
        pytest.skip("the page is tested in Chromium or Chrome, and this machine has neither")
    with sync_api.sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def visit(browser: Browser) -> Iterator[Callable[[Path], Visit]]:
    """Opens a file in a tab of its own; the tabs are closed with the module."""
    with browser.new_context() as context:
        yield lambda path: Visit(context.new_page(), path)
