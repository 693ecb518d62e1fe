"""Nothing that is read moves: not by a pixel, whatever comes, goes or changes its size around it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer
from tests.faults.proxy import FaultProxy
from tests.page.browser import Visitor
from tests.page.servers import UNLIMITED, serve, transports
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer

MANY = 700
LONG = "a long text " * 200
TOP = """
  const edge = document.querySelector("#log").getBoundingClientRect().top;
  const rows = [...document.querySelectorAll("#rows > li.message")];
  const row = rows.find((row) => row.getBoundingClientRect().bottom > edge + 1);
  return [Number(row.dataset.seq), row.getBoundingClientRect().bottom - edge];"""
NEAR_START = (
    """() => {
  document.querySelector("#log").scrollTop = 250;
  const first = Number(document.querySelector("#rows > li.message").dataset.seq);
  return [first, ...(() => { """
    + TOP
    + """ })()];
}"""
)
OLDER = "(first) => Number(document.querySelector('#rows > li.message').dataset.seq) < first"
LEFT = """() => {
  const log = document.querySelector("#log");
  return log.scrollHeight - log.scrollTop - log.clientHeight;
}"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
KEYBOARD = """(height) => {
  Object.defineProperty(visualViewport, "height", { value: height, configurable: true });
  visualViewport.dispatchEvent(new Event("resize"));
}"""


@pytest.fixture(scope="module", params=transports("asyncio"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server with a long room."""
    with serve(request.param, *UNLIMITED) as started:
        with TypedPeer(started.port(1), "poster", "long") as peer:
            for number in range(MANY):
                _post(peer, f"line {number} " + "of a few more words " * (number % 30))
        yield started


def _post(peer: TypedPeer, text: str, room: str = "long") -> None:
    peer.post(text, f"id-{hash(text)}", room)
    peer.receive(Ack)


def _read_above(visitor: Visitor, height: int = 3000) -> None:
    """Scroll up, and wait until that is drawn."""
    visitor.go_to("long")
    visitor.page.locator("#rows > li.message").nth(40).wait_for()
    visitor.page.evaluate(FRAME)
    visitor.page.locator("#log").evaluate("(log, by) => { log.scrollTop -= by; }", height)
    expect(visitor.page.get_by_role("button", name="Latest")).to_be_visible()
    visitor.page.evaluate(FRAME)


def _top(visitor: Visitor) -> list[float]:
    """Return the topmost message in sight, and how far its end is below the edge."""
    top: list[float] = visitor.page.evaluate("() => { " + TOP + " }")
    return top


def test_pages_that_are_put_before_it_move_nothing(browser: Browser, server: ChatServer) -> None:
    ada = Visitor(browser, server.url, "ada")
    _read_above(ada)
    for _ in range(3):
        first, *before = ada.page.evaluate(NEAR_START)
        ada.page.wait_for_function(OLDER, arg=first)
        assert _top(ada) == pytest.approx(before, abs=1)
    assert ada.faults == []


def test_a_window_that_becomes_narrow_and_wide_again_moves_nothing(
    browser: Browser, server: ChatServer
) -> None:
    bob = Visitor(browser, server.url, "bob")
    _read_above(bob)
    before = _top(bob)
    for width in (390, 700, 1280):
        bob.page.set_viewport_size({"width": width, "height": 720})
        bob.page.evaluate(FRAME)
        assert _top(bob) == pytest.approx(before, abs=1)
    bob.page.keyboard.press("Escape")
    for width in (390, 1280):
        bob.page.set_viewport_size({"width": width, "height": 720})
        bob.page.evaluate(FRAME)
        assert bob.page.evaluate(LEFT) < 2
    assert bob.faults == []


def test_what_comes_and_the_read_mark_move_nothing(browser: Browser, server: ChatServer) -> None:
    with FaultProxy(server.port()) as proxy, TypedPeer(server.port(1), "ivy", "long") as ivy:
        cat = Visitor(browser, f"http://127.0.0.1:{proxy.port}/", "cat")
        _read_above(cat)
        before = _top(cat)
        _post(ivy, "while somebody reads above")
        expect(cat.page.get_by_role("button", name="1 new")).to_be_visible()
        assert _top(cat) == pytest.approx(before, abs=1)
        proxy.refusing = True
        proxy.end_all("reset")
        cat.waits_for_the_server()
        _post(ivy, "while nobody is there")
        proxy.refusing = False
        cat.notice_network()
        expect(cat.page.locator("#rows > li.mark")).to_have_count(1)
        assert _top(cat) == pytest.approx(before, abs=1)
        cat.page.get_by_role("button", name="2 new").click()
        cat.sees("while nobody is there")
        assert cat.page.evaluate(LEFT) < 2
        assert cat.faults == []


def test_a_text_that_was_unfolded_stays_so_and_where_it_is(browser: Browser, server: ChatServer) -> None:
    with TypedPeer(server.port(1), "joe", "folded") as joe:
        dan = Visitor(browser, server.url, "dan")
        dan.go_to("folded")
        for number in range(3):
            _post(joe, f"{number} {LONG}", "folded")
        expect(dan.page.locator("#rows > li.message")).to_have_count(3)
        last = dan.page.locator("#rows > li.message").last
        last.get_by_role("button", name="Show all").click()
        dan.page.evaluate(FRAME)
        before = last.bounding_box()
        _post(joe, "a new line", "folded")
        dan.sees("a new line")
        unfolded = dan.page.locator(
            "#rows > li.message", has=dan.page.get_by_role("button", name="Show less")
        )
        assert unfolded.bounding_box() == before
        unfolded.get_by_role("button", name="Show less").click()
        expect(unfolded).to_have_count(0)
        assert dan.faults == []


def test_a_keyboard_on_the_screen_covers_neither_the_end_nor_what_is_written(
    browser: Browser, server: ChatServer
) -> None:
    eve = Visitor(browser, server.url, "eve", viewport={"width": 390, "height": 700})
    eve.go_to("long")
    eve.page.locator("#rows > li.message").nth(40).wait_for()
    for height in (380, 700):
        eve.page.evaluate(KEYBOARD, height)
        eve.page.evaluate(FRAME)
        assert eve.page.evaluate(LEFT) < 2
        box = eve.box.bounding_box()
        assert box is not None
        assert height - 60 < box["y"] + box["height"] <= height
    assert eve.faults == []
