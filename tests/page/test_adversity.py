"""A browser that keeps nothing, freezes a window, or has a wrong clock: the page goes on all the same."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer
from tests.faults.proxy import FaultProxy
from tests.page.browser import Visitor, new_context
from tests.page.servers import serve, transports
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer

FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("forbidden", "SecurityError"); },
});"""
FULL = """Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""
AHEAD = """{
  const now = Date.now;
  Date.now = () => now() + (window.ahead ?? 0);
}"""


@pytest.fixture(scope="module", params=transports("asyncio"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server that all scenes share: each has nicks of its own."""
    with serve(request.param) as started:
        yield started


def _visitor(browser: Browser, url: str, nick: str, script: str) -> Visitor:
    """Return somebody whose browser runs a script before those of the page."""
    context = new_context(browser)
    context.add_init_script(script)
    page = context.new_page()
    page.goto(url)
    return Visitor.at(page, nick)


@pytest.mark.parametrize("storage", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_without_storage_the_page_works_and_says_what_it_does_not_keep(
    browser: Browser, server: ChatServer, storage: str
) -> None:
    with FaultProxy(server.port()) as proxy:
        nick = "ada" if storage == FULL else "bob"
        ada = _visitor(browser, f"http://127.0.0.1:{proxy.port}/", nick, storage)
        ada.go_to(nick)
        ada.say("one")
        ada.sees("one")
        expect(ada.page.locator("#state")).to_contain_text("lost with this window")
        proxy.refusing = True
        proxy.end_all("reset")
        ada.waits_for_the_server()
        ada.say("two")
        ada.sees_unsent("two")
        proxy.refusing = False
        ada.notice_network()
        ada.sees("two")
        assert ada.texts == ["one", "two"]
        assert ada.faults == []


def test_a_window_that_was_frozen_leaves_the_chat_to_the_later_one(
    browser: Browser, server: ChatServer
) -> None:
    eve = Visitor(browser, server.url, "eve")
    eve.go_to("frozen")
    first = eve.page
    devtools = eve.context.new_cdp_session(first)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    eve.come_back(server.url)
    eve.wait_until_live()
    eve.say("from the second")
    eve.sees("from the second")
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    first.get_by_text("open in another window").wait_for()
    eve.say("still here")
    eve.sees("still here")
    assert eve.faults == []


def test_a_clock_that_jumps_loses_no_line_and_sends_none_twice(browser: Browser, server: ChatServer) -> None:
    with FaultProxy(server.port()) as proxy, TypedPeer(server.port(1), "ivy", "clock") as ivy:
        kim = _visitor(browser, f"http://127.0.0.1:{proxy.port}/", "kim", AHEAD)
        kim.go_to("clock")
        for number, ahead in enumerate((3_600_000, -3_600_000, 0)):
            proxy.end_all("black-hole")
            kim.say(f"line {number}")
            kim.page.evaluate("(ahead) => { window.ahead = ahead; }", ahead)
            kim.notice_network()
            again = kim.page.get_by_role("button", name="Send again")
            again.or_(kim.row(f"line {number}").and_(kim.page.locator("[data-seq]"))).first.wait_for()
            if again.count():
                again.click()
            kim.sees(f"line {number}")
        ivy.post("the end", "ivy-1", "clock")
        ivy.receive(Ack)
        kim.sees("the end")
        assert kim.texts == ["line 0", "line 1", "line 2", "the end"]
        assert kim.faults == []
