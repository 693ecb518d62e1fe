"""What the page promises to who uses it: one scene a promise."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer
from tests.page.accessibility import NARROW
from tests.page.browser import Visitor
from tests.page.servers import serve, transports
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer


@pytest.fixture(scope="module", params=transports("asyncio"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server that all scenes share: each has nicks of its own."""
    with serve(request.param) as started:
        yield started


def test_a_room_opens_at_the_read_mark_and_badges_count(browser: Browser, server: ChatServer) -> None:
    ada = Visitor(browser, server.url, "ada")
    ada.go_to("mark")
    ada.say("mine")
    ada.sees("mine")
    ada.page.close()
    with TypedPeer(server.port(1), "carol", "mark") as carol:
        for text in ("hello", "ada: look"):
            carol.post(text, text, "mark")
            carol.receive(Ack)
        ada.come_back(server.url)
        ada.sees("ada: look")
        ada.sees("mine")
        assert ada.texts == ["mine", "hello", "ada: look"]
        expect(ada.page.locator("#rows > li.mark ~ li.message")).to_have_count(2)
        ada.go_to("tea")
        expect(ada.page).to_have_title("#tea")
        carol.post("ada: again", "again", "mark")
        expect(ada.page).to_have_title("(1@ 1) #tea")
        ada.page.keyboard.press("Alt+ArrowUp")
        ada.sees("ada: again")
        expect(ada.page).to_have_title("#mark")
    assert ada.faults == []


def test_a_second_window_takes_over_and_the_first_says_so(browser: Browser, server: ChatServer) -> None:
    eve = Visitor(browser, server.url, "eve")
    first, second = eve.page, eve.open(server.url)
    first.get_by_text("open in another window").wait_for()
    eve.page = second
    eve.say("from the second")
    eve.sees("from the second")
    first.get_by_role("button", name="Use it here").click()
    second.get_by_text("open in another window").wait_for()
    eve.page = first
    eve.sees("from the second")
    assert eve.faults == []


def test_a_draft_stays_with_its_room_over_a_reload(browser: Browser, server: ChatServer) -> None:
    fay = Visitor(browser, server.url, "fay")
    fay.box.fill("half a thou")
    fay.go_to("tea")
    expect(fay.box).to_have_value("")
    fay.page.reload()
    expect(fay.page).to_have_title(re.compile("#tea"))
    fay.page.get_by_role("button", name="#lobby").click()
    expect(fay.box).to_have_value("half a thou")
    assert fay.faults == []


def test_nicks_complete_and_tab_leads_on_otherwise(browser: Browser, server: ChatServer) -> None:
    with TypedPeer(server.port(1), "zacharias", "names"):
        gus = Visitor(browser, server.url, "gus")
        gus.go_to("names")
        gus.page.get_by_role("button", name=re.compile(r"^\d+ here")).click()
        gus.page.get_by_text("zacharias", exact=True).wait_for()
        gus.box.fill("zac")
        gus.box.press("Tab")
        expect(gus.box).to_have_value("zacharias: ")
        gus.box.press("Tab")
        expect(gus.box).to_have_value("zacharias: ")
        gus.box.fill("")
        gus.box.press("Tab")
        expect(gus.box).not_to_be_focused()
    assert gus.faults == []


def test_a_screen_reader_is_told_what_is_new_and_nothing_of_a_replay(
    browser: Browser, server: ChatServer
) -> None:
    with TypedPeer(server.port(1), "ivy", "aloud") as ivy:
        ivy.post("an old line", "ivy-1", "aloud")
        ivy.receive(Ack)
        joe = Visitor(browser, server.url, "joe")
        joe.go_to("aloud")
        joe.sees("an old line")
        joe.say("a line of mine")
        joe.sees("a line of mine")
        expect(joe.page.locator("#announcer")).to_have_text("")
        ivy.post("a new line", "ivy-2", "aloud")
        expect(joe.page.locator("#announcer")).to_have_text("ivy: a new line")
    assert joe.faults == []


def test_a_message_that_is_refused_says_why_and_can_be_edited(browser: Browser, server: ChatServer) -> None:
    kay = Visitor(browser, server.url, "kay")
    kay.go_to("refused")
    kay.say("\x1b[31mred")
    kay.page.get_by_text("has characters that cannot be sent").wait_for()
    kay.page.get_by_role("button", name="Edit").click()
    expect(kay.box).to_have_value("\x1b[31mred")
    expect(kay.page.locator("#rows > li.message")).to_have_count(0)  # as soon as that is drawn
    assert kay.faults == []


def test_a_message_may_have_lines_or_be_an_action_and_is_not_too_long(
    browser: Browser, server: ChatServer
) -> None:
    lea = Visitor(browser, server.url, "lea")
    lea.go_to("written")
    lea.say("one\ntwo")
    lea.say("/me waves")
    expect(lea.page.locator("#rows > li.action[data-seq]")).to_have_count(1)
    assert lea.texts == ["one\ntwo", "waves"]
    lea.say("x" * 100_000)
    expect(lea.page.locator("#bytes")).to_contain_text("100000 of")
    expect(lea.page.get_by_role("button", name="Send")).to_be_disabled()
    assert len(lea.texts) == 2
    assert lea.faults == []


def test_in_a_narrow_window_the_rooms_are_behind_a_button(browser: Browser, server: ChatServer) -> None:
    mia = Visitor(browser, server.url, "mia", viewport=NARROW)
    others = mia.page.get_by_role("button", name="Other rooms")
    expect(others).to_be_hidden()
    mia.page.get_by_role("button", name="Rooms", exact=True).click()
    expect(others).to_be_visible()
    mia.page.get_by_role("button", name="Close the list").click()
    expect(others).to_be_hidden()
    assert mia.faults == []
