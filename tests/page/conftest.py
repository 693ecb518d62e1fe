"""A browser for each file of tests of the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.page.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; every visitor has a profile of their own in it."""
    with chromium() as started:
        yield started
