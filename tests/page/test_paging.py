"""A long room: a window of rows that goes both ways, and nothing that is read moves."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer
from tests.page.browser import Visitor
from tests.page.servers import UNLIMITED, serve, transports
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer

MANY = 900
TOP = """() => {
  const edge = document.querySelector("#log").getBoundingClientRect().top;
  const rows = [...document.querySelectorAll("#rows > li.message")];
  const row = rows.find((row) => row.getBoundingClientRect().bottom > edge + 1);
  return [row.dataset.seq, Math.round(row.getBoundingClientRect().top - edge)];
}"""
OLDEST = "() => Number(document.querySelector('#rows > li.message').dataset.seq)"
OLDER = "(oldest) => Number(document.querySelector('#rows > li.message').dataset.seq) < oldest"
COUNT = "() => document.querySelectorAll('#rows > li').length"
GROWN = "(count) => document.querySelectorAll('#rows > li').length > count"
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module", params=transports("threaded"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server with a long room."""
    with serve(request.param, *UNLIMITED) as started:
        with TypedPeer(started.port(1), "poster", "long") as peer:
            _post(peer, "long")
        yield started


def _post(peer: TypedPeer, room: str) -> None:
    for number in range(MANY):
        peer.post(f"line {number}", f"id-{number}", room)
        if number % 50 == 49:
            peer.receive_many(Ack, 50)


def _open_long_room(browser: Browser, server: ChatServer, nick: str) -> Visitor:
    visitor = Visitor(browser, server.url, nick)
    visitor.go_to("long")
    visitor.sees(f"line {MANY - 1}")
    return visitor


def test_older_lines_come_by_scrolling_and_at_most_400_rows_stay(
    browser: Browser, server: ChatServer
) -> None:
    ada = _open_long_room(browser, server, "ada")
    log = ada.page.locator("#log")
    first = ada.page.locator("#rows").get_by_text("line 0", exact=True)
    while (oldest := ada.page.evaluate(OLDEST)) > 1:
        log.evaluate("(log) => { log.scrollTop = 0; }")
        ada.page.wait_for_function(OLDER, arg=oldest)
        assert ada.page.evaluate(COUNT) <= 400
    first.wait_for()
    expect(ada.page.get_by_role("button", name="Latest")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.sees(f"line {MANY - 1}")
    assert ada.faults == []


def test_nothing_that_is_read_moves_when_a_page_is_put_before_it(
    browser: Browser, server: ChatServer
) -> None:
    bob = _open_long_room(browser, server, "bob")
    count = bob.page.evaluate(COUNT)
    bob.page.locator("#log").evaluate("(log) => { log.scrollTop = 300; }")
    before = bob.page.evaluate(TOP)
    bob.page.wait_for_function(GROWN, arg=count)
    assert bob.page.evaluate(TOP) == before
    assert bob.faults == []


def test_after_a_long_time_away_the_room_opens_at_the_read_mark(browser: Browser, server: ChatServer) -> None:
    cat = Visitor(browser, server.url, "cat")
    cat.go_to("away")
    cat.say("before")
    cat.sees("before")
    cat.page.close()
    with TypedPeer(server.port(1), "poster2", "away") as peer:
        _post(peer, "away")
    cat.come_back(server.url)
    cat.sees("line 0")
    cat.sees("before")
    expect(cat.page.locator("#rows > li.mark")).to_be_in_viewport()
    expect(cat.page.get_by_role("button", name=re.compile(r"^\d+ new"))).to_be_visible()
    cat.page.keyboard.press("Escape")
    cat.sees(f"line {MANY - 1}")
    expect(cat.page).to_have_title("#away")
    assert cat.faults == []


def test_older_lines_of_a_room_that_was_left_are_not_asked_for(browser: Browser, server: ChatServer) -> None:
    asked: list[str] = []
    dan = Visitor(browser, server.url, "dan")
    dan.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(str(frame))))
    dan.page.reload()
    dan.wait_until_live()
    dan.go_to("long")
    dan.sees(f"line {MANY - 1}")
    dan.box.fill("half a line")
    dan.page.get_by_role("button", name="Leave").click()
    expect(dan.page.locator("#room-name")).to_have_text("#long (left)")
    asked.clear()
    dan.page.locator("#log").evaluate("(log) => { log.scrollTop = 0; }")
    dan.page.evaluate(FRAME)
    dan.go_to("other")
    dan.say("here")
    dan.sees("here")
    assert any('"type":"post"' in frame for frame in asked)
    assert not any('"type":"history"' in frame for frame in asked)
    assert dan.faults == []
