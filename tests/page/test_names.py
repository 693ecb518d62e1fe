"""Names in the page: one that is taken, one that the server gives, and another one that is wanted."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer
from tests.page.browser import Visitor, new_context
from tests.page.house import serve_house
from tests.page.servers import serve, transports
from tests.transports.peers import TypedPeer


@pytest.fixture(scope="module", params=transports("asyncio"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server without accounts that all scenes share."""
    with serve(request.param) as started:
        yield started


def rename(visitor: Visitor, nick: str) -> None:
    """Ask for another name."""
    visitor.page.get_by_role("button", name="Change name").click()
    visitor.page.get_by_role("textbox", name="New name").fill(nick)
    visitor.page.get_by_role("button", name="Change", exact=True).click()


def test_a_name_is_changed_in_the_page_and_kept(browser: Browser, server: ChatServer) -> None:
    ada = Visitor(browser, server.url, "ada")
    with TypedPeer(server.port(1), "bob", "lobby") as bob:
        rename(ada, "ada-2")
        expect(ada.page.locator("#word")).to_have_text("You are ada-2 now.")
        assert bob.who() == ("ada-2", "bob")
        for nick, words in (("bob", "Somebody else has this name"), ("root", "reserved"), ("123", "digits")):
            rename(ada, nick)
            expect(ada.page.locator("#rename-notice")).to_contain_text(words)
            ada.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    ada.page.reload()
    ada.wait_until_live()
    expect(ada.page.locator("#me-nick")).to_have_text("ada-2")
    assert ada.faults == []


def test_a_name_that_is_taken_or_not_allowed_is_asked_for_again(browser: Browser, server: ChatServer) -> None:
    with TypedPeer(server.port(1), "cleo"):
        page = new_context(browser).new_page()
        page.goto(server.url)
        for nick, words in (("cleo", "has this name"), ("admin", "reserved"), ("a b", "a nick is 1 to 32")):
            page.get_by_label("Your name").fill(nick)
            page.get_by_role("button", name="Enter").click()
            expect(page.locator("#door-notice")).to_contain_text(words)
        visitor = Visitor.at(page, "cleopatra")
    assert visitor.faults == []


def test_another_device_changes_the_name_of_all(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve_house(browser, tmp_path_factory.mktemp("names"), "threaded") as house:
        desk = house.enter("dan")
        phone = house.come("dan", house.invite("dan"))
        rename(phone, "eve")
        expect(phone.page.locator("#rename-notice")).to_contain_text("the nick eve is not yours")
        phone.page.get_by_role("dialog").get_by_role("button", name="Close").click()
        rename(phone, "dan-out")
        expect(phone.page.locator("#word")).to_have_text("You are dan-out now.")
        expect(desk.page.locator("#me-nick")).to_have_text("dan-out")
        expect(desk.page.locator("#word")).to_contain_text("another of your devices has changed that")
        assert desk.faults == phone.faults == []
