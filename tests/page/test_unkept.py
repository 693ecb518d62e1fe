"""An invite is not used up without a question where this browser does not keep the key for it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.page.accessibility import violations
from tests.page.browser import Visitor, new_context
from tests.page.house import House, serve_house
from tests.page.servers import transports

FORBIDDEN = """for (const name of ["localStorage", "indexedDB"])
  Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });"""
FULL = """Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""
BROKEN = pytest.mark.parametrize("storage", [FORBIDDEN, FULL], ids=["forbidden", "full"])


@pytest.fixture(scope="module", params=transports("asyncio"))
def house(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that all scenes share: each has people of its own."""
    with serve_house(browser, tmp_path_factory.mktemp("unkept"), request.param) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = new_context(browser)
    yield context.new_page()
    context.close()


def agree(page: Page) -> None:
    page.get_by_label("Use the invite here all the same").check()


def is_asked_about(page: Page) -> list[str]:
    """Load the page again; return what is asked before."""
    asked = list[str]()

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.reload()
    page.remove_listener("dialog", accept)
    return asked


@BROKEN
def test_a_key_that_is_not_kept_is_said_before_the_invite_is_used_and_afterwards(
    house: House, page: Page, storage: str
) -> None:
    nick = "ada" if storage == FULL else "bea"
    house.add(nick)
    page.add_init_script(storage)
    page.goto(house.link(house.invite(nick)))
    why = "is full" if storage == FULL else "lets the page keep nothing"
    for words in (why, "is lost when you close this page", "not used yet"):
        expect(page.locator("#door-notice")).to_contain_text(words)
    assert violations(page) == []
    page.get_by_label("Your name").fill(nick)
    page.get_by_role("button", name="Enter").click()
    assert page.evaluate("() => document.querySelector('#door-form').checkValidity()") is False
    expect(page.locator("#door")).to_be_visible()
    assert house.book.keys(nick) == []
    agree(page)
    ada = Visitor.at(page, nick)
    assert len(house.book.keys(nick)) == 1
    expect(page.locator("#state")).to_contain_text("your key and what is not sent are lost with this window")
    ada.say(f"{nick} has no place for a key")
    ada.sees(f"{nick} has no place for a key")
    assert is_asked_about(page) == ["beforeunload"]
    expect(page.get_by_label("Your name")).to_be_visible()
    assert ada.faults == []


@BROKEN
def test_an_invite_that_comes_later_is_not_used_without_a_question_either(
    house: House, page: Page, storage: str
) -> None:
    nick, other = ("cid", "dan") if storage == FULL else ("eve", "fay")
    house.add(nick)
    house.add(other)
    secret = house.invite(other)
    page.add_init_script(storage)
    page.goto(house.url)
    page.goto(house.link(house.invite(nick)))
    expect(page.locator("#door-notice")).to_contain_text("is lost when you close this page")
    agree(page)
    visitor = Visitor.at(page, nick)
    page.goto(house.link(secret))
    expect(page.locator("#word")).to_contain_text("Your invite was not used")
    assert "#" not in page.url
    visitor.say(f"{nick} is still here")
    visitor.sees(f"{nick} is still here")
    assert house.book.keys(other) == []
    assert visitor.faults == []


def test_an_invite_that_has_no_place_beside_a_key_is_not_dropped_in_silence(house: House, page: Page) -> None:
    house.add("ivo")
    house.add("jon")
    secret = house.invite("jon")
    page.goto(house.link(house.invite("ivo")))
    ivo = Visitor.at(page, "ivo")
    page.evaluate(f"() => {{ {FULL} }}")
    page.route("**/page-unkept.js*", lambda route: route.abort())  # what is said needs no more of the page
    page.goto(house.link(secret))
    expect(page.locator("#word")).to_contain_text("Your invite was not used")
    ivo.say("still here")
    ivo.sees("still here")
    assert house.book.keys("jon") == []
    assert ivo.faults == []


def test_a_key_that_follows_a_revoked_one_is_not_lost_without_a_question(house: House) -> None:
    gil = house.enter("gil")
    gil.page.goto("about:blank")
    house.book.revoke("gil")
    gil.page.add_init_script(FULL)
    gil.page.goto(house.link(house.invite("gil")))
    expect(gil.page.locator("#door-notice")).to_contain_text("is lost when you close this page")
    assert house.book.keys("gil") == []
    agree(gil.page)
    again = Visitor.at(gil.page, "gil")
    assert len(house.book.keys("gil")) == 1
    assert again.faults == []


def test_nothing_is_asked_of_a_guest_whose_name_is_not_kept(house: House, page: Page) -> None:
    page.add_init_script(FORBIDDEN)
    page.goto(house.url)
    expect(page.locator("#door")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    assert is_asked_about(page) == []


def test_what_warns_of_a_lost_key_is_there_before_the_invite_is_taken(house: House, page: Page) -> None:
    house.add("hal")
    page.add_init_script(FULL)
    page.route("**/page-unkept.js", lambda route: route.fulfill(status=503, body="full"))
    page.goto(house.link(house.invite("hal")))
    expect(page.locator("#loading")).to_contain_text("could not be loaded completely")
    page.unroute("**/page-unkept.js")
    page.get_by_role("link", name="Reload").click()
    expect(page.locator("#door-notice")).to_contain_text("is lost when you close this page")
