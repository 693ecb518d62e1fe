"""People who use the page, in the Chromium of this system, driven by Playwright.

The page's policy stays in force: whatever violates it is a fault, and so is an error of a script, a message
that is shown twice, or one that is shown before an earlier one.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from tests.rows import ALL

__all__ = ["Visitor", "chromium", "launch", "new_context"]

TIMEOUT = 20_000.0
_NOT_LIVE = re.compile("^(offline|connecting|closed)")
_OBSERVER = Path(__file__).with_name("observer.js")
_ARE_LOADED = """(names) => {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname);
  return names.every((name) => loaded.includes(`/${name}`));
}"""
_ARE_ANSWERED = "() => !Object.keys(localStorage).some((name) => name.includes(' unsent '))"
_LOOK = """(isHidden) => {
  if (document.hidden === isHidden) return;
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  Object.defineProperty(document, "hasFocus", { value: () => !isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  if (!isHidden) dispatchEvent(new Event("focus"));
}"""


_PROGRAMS = ("/usr/lib/chromium/chromium", "chromium", "chromium-browser")
"""Debian's Chromium without the script that starts it, whose options draw with a GPU that is not there."""

_WITHOUT_WINDOWS = "/usr/lib/chromium/chromium-headless-shell"
"""The same without what is around a page, such as windows and menus. It has a third less to do."""


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start a browser without a window; skips the test, or fails in CI, if there is none."""
    with sync_playwright() as playwright:
        yield _launch(playwright, _PROGRAMS, arguments)


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Start a browser, as `chromium` does, without what is around pages unless all rows are run."""
    return _launch(playwright, _PROGRAMS if ALL else (_WITHOUT_WINDOWS, *_PROGRAMS), arguments)


def _launch(playwright: Playwright, programs: Iterable[str], arguments: Iterable[str]) -> Browser:
    path = next(filter(None, map(shutil.which, programs)), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium")
        pytest.skip("there is no Chromium: make system")
    expect.set_options(timeout=TIMEOUT)
    sandbox = hasattr(os, "geteuid") and os.geteuid() != 0
    arguments = ["--disable-gpu", *arguments]
    return playwright.chromium.launch(executable_path=path, chromium_sandbox=sandbox, args=arguments)


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Return a browser that knows nothing, whose pages note what they must not do."""
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(path=_OBSERVER)
    return context


class Visitor:
    """Somebody with a browser of their own, who opens the page and enters under a nick."""

    def __init__(self, browser: Browser, url: str, nick: str, **options: Any) -> None:
        self.context = new_context(browser, **options)
        self.page = self.open(url)
        self._enter(nick)

    @classmethod
    def at(cls, page: Page, nick: str) -> "Visitor":
        """Enter under a nick in a page that is open, of a context of `new_context`."""
        visitor = cls.__new__(cls)
        visitor.context, visitor.page = page.context, page
        visitor._enter(nick)
        return visitor

    def _enter(self, nick: str) -> None:
        self.page.get_by_label("Your name").fill(nick)
        self.page.get_by_role("button", name="Enter").click()
        self.wait_until_live()

    def open(self, url: str) -> Page:
        """Open another window."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def wait_until_live(self) -> None:
        """Wait until the page is in its room, and has no more to say of the connection."""
        self.box.wait_for()
        expect(self.page.locator("#people-button")).to_have_text(re.compile("^[1-9]"))
        expect(self.page.locator("#state")).not_to_contain_text(_NOT_LIVE)

    def has_loaded(self, *modules: str) -> None:
        """Wait until parts of the page are there that are loaded later: they need no connection then."""
        self.page.wait_for_function(_ARE_LOADED, arg=modules)

    def reload(self) -> None:
        """Press the button that loads the page again, and wait for the new document."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Reload").click()

    def come_back(self, url: str) -> None:
        """Open the page again, with what this browser has kept."""
        self.page = self.open(url)

    def go_to(self, room: str) -> None:
        """Go to a room by the keyboard, and wait until the server has let us in."""
        self.ask_for(room)
        expect(self.page.locator("#room-name")).to_have_text(f"#{room}")
        # The name is there at once, and the rest with the next frame: until then it is that of another room.
        expect(self.page.locator("#rooms [aria-current=true] .name")).to_have_text(f"#{room}")
        expect(self.page.locator("#people-button")).to_have_text(re.compile("^[1-9]"))

    def ask_for(self, room: str) -> None:
        """Ask for a room by the keyboard, which may be refused."""
        self.page.keyboard.press("Control+k")
        self.page.get_by_role("textbox", name="Room", exact=True).fill(room)
        self.page.keyboard.press("Enter")

    def waits_for_the_server(self) -> None:
        """Wait until the page says that there is no connection."""
        expect(self.page.locator("#state")).to_contain_text("offline")

    def notice_network(self) -> None:
        """Have the page learn that the network is back: it connects at once."""
        self.page.evaluate("() => dispatchEvent(new Event('online'))")

    def look_away(self) -> None:
        """Hide the page, as another window before it does, or show it again."""
        self.page.evaluate(_LOOK, not self.page.evaluate("() => document.hidden"))

    def look_at_it(self) -> None:
        """Show the page again, if it is hidden."""
        self.page.evaluate(_LOOK, False)

    def say(self, text: str) -> None:
        """Write a message and send it."""
        self.box.fill(text)
        self.page.keyboard.press("Enter")

    def row(self, text: str) -> Locator:
        """Return the row of a message."""
        exact = self.page.get_by_text(text, exact=True)
        return self.page.locator("#rows > li.message", has=exact)

    @property
    def box(self) -> Locator:
        """Where a message is written."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def sees(self, text: str) -> None:
        """Wait until a message is shown that is stored."""
        self.row(text).and_(self.page.locator("[data-seq]")).wait_for()

    def sees_unsent(self, text: str) -> None:
        """Wait until a message of our own is shown that is not stored yet."""
        self.row(text).and_(self.page.locator(".pending")).wait_for()

    def has_sent_all(self) -> None:
        """Wait until all is acknowledged: a message of our own may be shown a moment before that."""
        self.page.wait_for_function(_ARE_ANSWERED)

    @property
    def texts(self) -> list[str]:
        """The messages in the document now, first to last."""
        return self.page.locator("#rows > li.message .text").all_text_contents()

    @property
    def shown(self) -> list[str]:
        """All messages that this page has shown since it was loaded, in the order in which they came."""
        shown: list[str] = self.page.evaluate("() => observed.shown")
        return shown

    @property
    def faults(self) -> list[str]:
        """What must not happen, and did."""
        faults: list[str] = self.page.evaluate("() => observed.faults")
        return faults
