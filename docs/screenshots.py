"""Takes the pictures of the page that README.md shows: docs/page-light.png, -dark and -narrow.

A real Chromium opens the page of a real server. Somebody talks, closes it in the evening, and opens it again
the next morning. Only the times and the server's name are invented, by two clocks and a rule for the browser.
The font is Inter, which looks much like those of the systems that people have.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from chatcore import Hub, MemoryJournal
from chatcore.transport import Listen, Site
from tests.page.browser import chromium
from transports.threaded_tcp import Chat, connect, serve
from transports.web import page_files

__all__ = ["main"]

DOCS = Path(__file__).parent
HOST = "chat.example.org"
ROOMS = ("lobby", "deploys", "tea")
OTHERS = {"bob": ROOMS, "carol": ROOMS, "grace": ROOMS, "linus": ROOMS, "ci": ("deploys",)}
WIDE: ViewportSize = {"width": 1040, "height": 700}
NARROW: ViewportSize = {"width": 390, "height": 700}
SCALE = 2  # pixels for one of the page's, as on most screens now
FONTS = """<fontconfig>
<match><test name="family" compare="contains"><string>sans</string></test>
<test name="family" compare="not_contains"><string>mono</string></test>
<edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>
<include>/etc/fonts/fonts.conf</include>
</fontconfig>"""
RETRY = """In case you wonder, it now tries again:
```python
for attempt in range(5):
    try:
        return await call()
    except ConnectionError:
        await sleep(0.1 * 2**attempt)
```"""


class Clock:
    """What the journal and the browser take for the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 17, 58, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, day: int, hour: int, minute: int) -> None:
        """Set it."""
        self.now = datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class Ada:
    """Somebody with a browser."""

    def __init__(self, browser: Browser, clock: Clock) -> None:
        self._clock = clock
        self._context = browser.new_context(
            viewport=WIDE,
            device_scale_factor=SCALE,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self.page = self._open()

    def _open(self) -> Page:
        page = self._context.new_page()
        page.clock.set_fixed_time(self._clock.now)
        page.goto(f"http://{HOST}/")
        return page

    def enter(self) -> None:
        """Enter the rooms; the first one is open at the end."""
        self.page.get_by_label("Your name").fill("ada")
        self.page.keyboard.press("Enter")
        for room in (*ROOMS[1:], ROOMS[0]):
            self.page.keyboard.press("Control+k")
            self.page.get_by_role("textbox", name="Room", exact=True).fill(room)
            self.page.keyboard.press("Enter")
            expect(self.page.locator("#room-name")).to_have_text(f"#{room}")
            expect(self.page.locator("#people-button")).to_have_text(re.compile("^[1-9]"))

    def say(self, typed: str, text: str) -> None:
        """Write a line, and wait until it is stored."""
        self.page.clock.set_fixed_time(self._clock.now)
        self.page.get_by_role("textbox", name="Message", exact=True).fill(typed)
        self.page.keyboard.press("Enter")
        self.row(text).wait_for()

    def come_back(self) -> None:
        """Close the page, and open it again."""
        self.page.close()
        self.page = self._open()

    def row(self, text: str) -> Locator:
        """Return the row of a message that is stored."""
        return self.page.locator("#rows > li[data-seq]", has=self.page.get_by_text(text, exact=True))


def main() -> None:
    """Take the pictures."""
    clock = Clock()
    with closing(Hub(journal=MemoryJournal(now=clock))) as hub, ExitStack() as stack:
        web = replace(Listen.parse("http://127.0.0.1:0"), site=Site.of(page_files(), hosts=[HOST]))
        server = stack.enter_context(serve(web, "chat://127.0.0.1:0", hub=hub))
        page, typed = server.listening
        browser = stack.enter_context(_browser(f"MAP {HOST} {page.host}:{page.port}"))
        others = {
            nick: stack.enter_context(connect(str(typed), nick=nick, rooms=rooms))
            for nick, rooms in OTHERS.items()
        }
        ada = Ada(browser, clock)
        ada.enter()
        _talk(others, ada, clock)
        ada.page.close()
        _go_on(others, clock)
        clock.turn(26, 9, 12)
        ada.come_back()
        _take(ada)


@contextmanager
def _browser(rules: str) -> Iterator[Browser]:
    with TemporaryDirectory() as directory:
        fonts = Path(directory) / "fonts.conf"
        fonts.write_text(FONTS)
        os.environ["FONTCONFIG_FILE"] = str(fonts)
        with chromium(f"--host-resolver-rules={rules}", "--font-render-hinting=none") as browser:
            yield browser


def _talk(others: dict[str, Chat], ada: Ada, clock: Clock) -> None:
    others["bob"].post("Who broke the build?", room="lobby")
    ada.say("Not me, I was asleep. What does it say?", "Not me, I was asleep. What does it say?")
    clock.turn(25, 18, 2)
    others["bob"].post("`assert 41 == 42`, see https://ci.example.org/runs/1138", room="lobby")
    ada.say("/me looks at the diff", "looks at the diff")
    clock.turn(25, 18, 9)
    ada.say("I'll have a look first thing in the morning", "I'll have a look first thing in the morning")


def _go_on(others: dict[str, Chat], clock: Clock) -> None:
    clock.turn(25, 22, 41)
    others["carol"].post("Found it: off by one, and then it gave up too early.", room="lobby")
    others["carol"].post(RETRY, room="lobby")
    for host in range(7):
        others["ci"].post(f"deployed to host {host}", room="deploys")
    clock.turn(26, 8, 55)
    others["grace"].post("ada: tea at eleven?", room="tea")
    others["carol"].post("Fixed and deployed. Have a look, ada!", room="lobby")
    clock.turn(26, 9, 3)
    others["bob"].post("Thank you, Carol!", room="lobby")
    others["linus"].post("raises a cup of tea", room="lobby", kind="action")


def _take(ada: Ada) -> None:
    ada.row("raises a cup of tea").wait_for()
    expect(ada.page.locator("#rows > li.mark")).to_be_in_viewport()
    ada.page.get_by_role("button", name=re.compile(r"^\d+ here")).click()
    ada.page.locator("#nicks").get_by_text("linus").wait_for()
    ada.page.get_by_role("textbox", name="Message", exact=True).focus()
    _save(ada.page, "light")
    ada.page.emulate_media(color_scheme="dark")
    _save(ada.page, "dark")
    ada.page.emulate_media(color_scheme="light")
    ada.page.get_by_role("button", name=re.compile(r"^\d+ here")).click()
    ada.page.set_viewport_size(NARROW)
    ada.page.locator("#log").focus()
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("button", name="Latest")).to_be_hidden()
    _save(ada.page, "narrow")


def _save(page: Page, look: str) -> None:
    """Save a picture, with as many colours as it takes to look the same."""
    picture = page.screenshot(animations="disabled", caret="hide")
    made = subprocess.run(
        ["pngquant", "--strip", "--speed=1", "64", "-"], input=picture, capture_output=True, check=True
    )
    (DOCS / f"page-{look}.png").write_bytes(made.stdout)


if __name__ == "__main__":
    main()
