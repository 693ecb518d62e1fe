"""A browser for the tests of the page."""

from collections.abc import Collection, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.page.browser import launch


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives all browsers of these tests: there cannot be two of it at a time."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def shared_browser(playwright: Playwright) -> Browser:
    """One browser for all files, since it takes a second to start."""
    return launch(playwright)


@pytest.fixture(scope="module")
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """A browser in which every visitor has a profile of their own."""
    yield shared_browser
    _close(shared_browser, ())


@pytest.fixture(autouse=True)
def visitors_leave(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have whoever came for one test leave after it: a page that stays looks for its server for ever."""
    if "browser" not in request.fixturenames:
        yield
        return
    browser: Browser = request.getfixturevalue("browser")
    stay = list(browser.contexts)
    yield
    _close(browser, stay)


def _close(browser: Browser, stay: Collection[BrowserContext]) -> None:
    for context in browser.contexts:
        if context not in stay:
            context.close()
