"""Texts that somebody might send to take over a page, or to deceive its reader: all of them are only text."""

import pytest
from playwright.sync_api import Browser

from tests.page.browser import Visitor
from tests.page.servers import UNLIMITED, serve
from tests.protocol.frames import Ack, Error
from tests.transports.peers import TypedPeer

TEXTS = [
    "<script>window.observed.faults.push('ran')</script>",
    "<img src=x onerror=\"window.observed.faults.push('ran')\">",
    "<svg onload=\"window.observed.faults.push('ran')\"></svg>",
    "javascript:window.observed.faults.push('ran')",
    "[a](javascript:alert(1)) data:text/html,<b>x</b>",
    'http://example.org/"onmouseover="window.observed.faults.push(\'ran\')"',
    "https://[::1",
    "http://%",
    "https://user:pass@example.org/",
    "&lt;b&gt;&amp;#60;",
    "`<b>code</b>` `` ` ```",
    "{{constructor.constructor('return 1')()}} ${1+1} {% raw %}",
    "</li></ol><div id=rows>",
    "<!--",
    "]]>",
    "\u202eright to left\u202c",
    "\u2066isolate",
    "\u2067",
    "\u200b\u200d\u2060\ufeff\u00ad",
    "a" + "\u0301" * 300,
    "\U000e0041\U000e0042\U000e007f",
    "\ufdfd" * 50,
    "👩‍👩‍👧‍👦" * 40,
    "w" * 3000,
    "line\n" * 60 + "[admin] hello",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred",
    "\x9b31m",
    "\x08\x08\x08over",
    "\rcarriage",
    "\x07" * 100,
    "__proto__",
    "constructor",
]
ELEMENTS = {"LI", "DIV", "BDI", "TIME", "SPAN", "CODE", "A", "BUTTON"}
NAMES = "() => [...document.querySelectorAll('#rows *')].map((each) => each.tagName)"
PROTOCOLS = "() => [...document.querySelectorAll('#rows a')].map((each) => each.protocol)"
TOO_WIDE = "(log) => log.scrollWidth - log.clientWidth"


@pytest.mark.parametrize("width", [1000, 390])
def test_hostile_texts_are_inert(browser: Browser, width: int) -> None:
    with serve("asyncio", *UNLIMITED) as server:
        ada = Visitor(browser, server.url, "ada", viewport={"width": width, "height": 700})
        with TypedPeer(server.port(1), "mallory", "lobby") as mallory:
            kept = [text for number, text in enumerate(TEXTS) if _post(mallory, text, f"m-{number}")]
            mallory.post("the end", "end")
        ada.sees("the end")
        assert len(kept) > 20
        assert ada.texts == [*kept, "the end"]
        assert set(ada.page.evaluate(NAMES)) <= ELEMENTS
        assert set(ada.page.evaluate(PROTOCOLS)) <= {"http:", "https:"}
        assert ada.page.locator("#log").evaluate(TOO_WIDE) == 0
        assert ada.page.title() == "#lobby"
        assert ada.faults == []


def _post(peer: TypedPeer, text: str, id: str) -> bool:
    """Post a text; return whether the server took it."""
    peer.post(text, id)
    while not isinstance(frame := peer.receive_frame(), Ack | Error):
        pass
    return isinstance(frame, Ack)
