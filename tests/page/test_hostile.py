"""Texts that somebody might send to take over a page, or to deceive its reader: all of them are only text.

Some come by a real server, which takes what it takes. All others, and names that no server of ours would pass
on, come from an impostor.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.processes import ChatServer
from tests.hostile import CONTROLS
from tests.hostile import TEXTS as DECEIVING
from tests.page.browser import Visitor, new_context
from tests.page.impostor import Impostor
from tests.page.servers import UNLIMITED, serve
from tests.protocol.frames import Ack, Error
from tests.rows import ALL
from tests.transports.peers import TypedPeer

WIDTHS = [390, 1000] if ALL else [390]
RAN = "window.observed.faults.push('ran')"
TAKING_OVER = [
    f"<script>{RAN}</script>",
    f'<img src=x onerror="{RAN}">',
    f'<svg onload="{RAN}"></svg>',
    f"javascript:{RAN}",
    "[a](javascript:alert(1)) data:text/html,<b>x</b>",
    f'http://example.org/"onmouseover="{RAN}"',
    "https://[::1",
    "http://%",
    "https://user:pass@example.org/",
    "https://example.org/\u202egpj.exe",
    "&lt;b&gt;&amp;#60;",
    "`<b>code</b>` `` ` ```",
    "{{constructor.constructor('return 1')()}} ${1+1} {% raw %}",
    "</li></ol><div id=rows>",
    "<!--",
    "]]>",
    "a" + "\u0301" * 300,
    "\ufdfd" * 50,
    "👩‍👩‍👧‍👦" * 40,
    "w" * 3000,
    "line\n" * 60 + "[admin] hello",
    "__proto__",
    "constructor",
]
TEXTS = [*TAKING_OVER, *DECEIVING.values()]
EVERYTHING = [*TEXTS, *CONTROLS.values()]

OWN = ["A", "BDI", "BUTTON", "CODE", "DIV", "H2", "LI", "OPTION", "P", "SPAN", "TIME"]
FOREIGN = """(own) => [...document.querySelectorAll("body *")]
  .filter((each) => !own.includes(each.tagName) && !window.first.has(each)).map((each) => each.outerHTML)"""
REMEMBER = "() => { window.first = new Set(document.querySelectorAll('body *')); }"
PROTOCOLS = "() => [...document.querySelectorAll('a')].map((each) => each.protocol)"
IDS_TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  return ids.filter((id, index) => ids.indexOf(id) !== index);
}"""
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll("body *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .filter((each) => /auto|scroll/.test(getComputedStyle(each).overflowX))
  .map((each) => `${each.tagName}#${each.id}`)"""
SCROLLED = "() => [scrollX, document.documentElement.scrollLeft, document.body.scrollLeft]"
MISPLACED = """() => [...document.querySelectorAll("#rows .head")].filter((head) => {
  const [nick, time] = [".nick", "time"].map((each) => head.querySelector(each).getBoundingClientRect());
  return time.left < nick.right - 1 && time.top < nick.bottom - 1 && time.bottom > nick.top + 1;
}).map((head) => head.textContent)"""


def assert_inert(page: Page, title: str = "#lobby") -> None:
    """Check that a page has no element but its own, does nothing, and stays in its place."""
    assert page.evaluate(FOREIGN, OWN) == []
    assert set(page.evaluate(PROTOCOLS)) <= {"http:", "https:"}
    assert page.evaluate(IDS_TWICE) == []
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(SCROLLED) == [0, 0, 0]
    assert page.evaluate(MISPLACED) == []
    assert page.title() == title
    assert page.evaluate("() => observed.faults") == []


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server that all scenes share: each has a room of its own."""
    with serve("asyncio", *UNLIMITED) as started:
        yield started


# --- by a real server ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_messages_drafts_and_results_are_inert(browser: Browser, server: ChatServer, width: int) -> None:
    room = f"texts-{width}"
    ada = Visitor(browser, server.url, f"ada-{width}", viewport={"width": width, "height": 700})
    ada.go_to(room)
    ada.say("the beginning")
    ada.sees("the beginning")
    ada.page.evaluate(REMEMBER)
    with TypedPeer(server.port(1), f"mallory-{width}", room) as mallory:
        texts = [text for number, text in enumerate(EVERYTHING) if _post(mallory, text, f"m-{number}", room)]
        mallory.post("the end", "end", room)
    ada.sees("the end")
    assert len(texts) > 45
    assert ada.texts == ["the beginning", *texts, "the end"]
    assert_inert(ada.page, f"#{room}")
    ada.page.keyboard.press("Control+k")
    ada.page.keyboard.press("Escape")
    for text in texts:
        ada.box.fill(text)
    ada.page.reload()
    ada.wait_until_live()
    assert ada.box.input_value() == texts[-1]
    ada.page.evaluate(REMEMBER)
    ada.page.locator("#search-button").click()
    ada.page.get_by_label("Words").fill("resigned")
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator("#finder-rows > li").nth(5)).to_be_attached()
    assert_inert(ada.page, f"#{room}")


def _post(peer: TypedPeer, text: str, id: str, room: str) -> bool:
    """Post a text; return whether the server took it."""
    peer.post(text, id, room)
    while not isinstance(frame := peer.receive_frame(), Ack | Error):
        pass
    return isinstance(frame, Ack)


# --- by an impostor ------------------------------------------------------------------------------


def message(number: int, **fields: Any) -> dict[str, Any]:
    """Return the next message of the lobby."""
    numbers = {"seq": number + 1, "prev": number, "id": f"m-{number}"}
    said = {"nick": "mallory", "text": "hello", "at": "2026-11-23T14:35:25.649329Z"}
    return {"type": "message", "room": "lobby", **numbers, **said, **fields}


@pytest.fixture(params=WIDTHS)
def impostor(
    browser: Browser, server: ChatServer, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, Impostor]]:
    """A page in the lobby of an impostor."""
    context = new_context(browser, viewport={"width": request.param, "height": 700})
    page = context.new_page()
    impostor = Impostor(page, account="ada")
    page.goto(server.url)
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("#people-button")).to_have_text(re.compile("^1"))
    page.evaluate(REMEMBER)
    yield page, impostor
    context.close()


def test_names_and_texts_of_a_hostile_server_are_inert(impostor: tuple[Page, Impostor]) -> None:
    page, server = impostor
    server.say(message(0))
    page.get_by_text("hello", exact=True).wait_for()
    names = [text.replace("\n", " ") for text in EVERYTHING]
    server.say(*(message(1 + number, nick=name, text=name) for number, name in enumerate(names)))
    presence = {"joined": names, "left": [], "renamed": [], "count": len(names), "more": False}
    server.say({"type": "presence", "room": "lobby", **presence})
    server.say(message(1 + len(names), text="the end"))
    page.get_by_text("the end", exact=True).wait_for()
    page.locator("#people-button").click()
    expect(page.locator("#nicks > li").nth(len(set(names)) - 1)).to_be_attached()
    assert_inert(page)
    assert page.locator("#rows .text").all_text_contents() == ["hello", *names, "the end"]


def test_rooms_and_results_of_a_hostile_server_are_inert(impostor: tuple[Page, Impostor]) -> None:
    page, server = impostor
    rooms = [{"room": text, "count": 1, "head": 1} for text in EVERYTHING]
    for start in range(0, len(rooms), 50):
        server.answers["rooms"] = {"rooms": rooms[start : start + 50]}
        page.keyboard.press("Control+k")
        expect(page.locator("#switcher-rooms > li")).to_have_count(len(rooms[start : start + 50]))
        assert_inert(page)
        page.keyboard.press("Escape")
    page.locator("#search-button").click()
    for start in range(0, len(EVERYTHING), 20):
        found = [message(start, room=text, nick=text, text=text) for text in EVERYTHING[start : start + 20]]
        server.answers["search"] = {"messages": found}
        page.get_by_label("Words").fill(f"page {start}")
        page.keyboard.press("Enter")
        expect(page.locator("#finder-rows .text").last).to_have_text(found[-1]["text"])
        assert_inert(page)


def test_what_a_hostile_server_says_of_us_is_inert(impostor: tuple[Page, Impostor]) -> None:
    page, server = impostor
    for text in EVERYTHING:
        for frame in (
            {"type": "error", "code": "unavailable", "message": text},
            {"type": "nick", "nick": text},
            {"type": "moderated", "act": text, "room": text},
            {"type": "moderated", "act": "mute", "room": text},
        ):
            server.say(frame)
    server.say({"type": "error", "code": "unavailable", "message": "the end"})
    expect(page.locator("#word")).to_have_text("the end")
    for text in TAKING_OVER:
        server.say({"type": "error", "code": "unavailable", "message": text})
        page.wait_for_function("(text) => document.querySelector('#word').textContent === text", arg=text)
        assert_inert(page)
    assert_inert(page)


def test_refusals_and_the_end_by_a_hostile_server_are_inert(impostor: tuple[Page, Impostor]) -> None:
    page, server = impostor
    for number, text in enumerate(EVERYTHING):
        page.get_by_role("textbox", name="Message", exact=True).fill(f"post {number}")
        page.keyboard.press("Enter")
        page.locator("#rows > li.pending", has_text=f"post {number}").wait_for()
        post = server.heard[-1]
        server.say({"type": "error", "code": "forbidden", "message": text, "room": "lobby", "id": post["id"]})
        page.locator("#rows > li.returned", has_text=f"post {number}").wait_for()
    assert_inert(page)
    server.answers["invite"] = {"type": "invited", "invite": "<b>\u202ex</b>", "seconds": 1}
    page.get_by_role("button", name="Add a device", include_hidden=True).dispatch_event("click")
    page.locator("#link").wait_for()
    page.keyboard.press("Escape")
    server.say({"type": "closing", "reason": TAKING_OVER[1], "reconnect_after": 60})
    expect(page.locator("#state")).to_contain_text("onerror")
    assert_inert(page)
