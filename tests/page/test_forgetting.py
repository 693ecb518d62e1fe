"""A browser is forgotten also where the server is away, does not know the key, or ends the chat meanwhile."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from tests.page.browser import Visitor, new_context
from tests.page.house import House, kept, serve_house
from tests.page.impostor import Impostor
from tests.page.servers import Place, kill, transports

LATE = "The server does not answer"
CLAIM = """() => {
  localStorage.setItem(`chatcore ${document.baseURI} window`, '"another"');
  dispatchEvent(new Event("storage"));
}"""
STOP_LONG_TIMERS = """() => {
  const real = setTimeout;
  window.setTimeout = (call, wait, ...rest) => (wait > 3000 ? 0 : real(call, wait, ...rest));
}"""
KEEP_A_KEY = """() => localStorage.setItem(`chatcore ${document.baseURI} device`, JSON.stringify(
  { nick: "ada", account: "ada", key: "k".repeat(43), session: "s" }))"""
KEY_ID = "a0484a6185b324e2"


@pytest.fixture(scope="module", params=transports("threaded"))
def house(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that all scenes share: each has people of its own."""
    with serve_house(browser, tmp_path_factory.mktemp("forgetting"), request.param) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = new_context(browser)
    yield context.new_page()
    context.close()


def ask(page: Page) -> Locator:
    """Press the button that opens the dialog, and the one in it."""
    page.get_by_role("button", name="Forget me here").click()
    dialog = page.locator("#forget")
    dialog.get_by_role("button", name="Forget", exact=True).click()
    return dialog


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_nobody_waits_for_a_line_that_is_given_up(browser: Browser, tmp_path: Path, transport: str) -> None:
    place = Place(tmp_path)
    with place.serve(transport) as server:
        ada = Visitor(browser, place.url, "ada")
        ada.has_loaded("page-forget.js", "page-question.js")
        kill(server)
        ada.waits_for_the_server()
        ada.say("not sent")
        ada.sees_unsent("not sent")
        ada.page.route("**/*", lambda route: route.fulfill(body="<p>gone</p>", content_type="text/html"))
        ada.page.evaluate(STOP_LONG_TIMERS)
        ask(ada.page)
        ada.page.get_by_text("gone").wait_for()
        assert kept(ada.page) == ""


def test_a_page_that_is_taken_over_while_the_server_is_asked_says_so(house: House, page: Page) -> None:
    server = Impostor(page, account="ada")
    page.goto(house.link("n" * 32))
    Visitor.at(page, "ada")
    dialog = ask(page)
    expect(dialog).to_contain_text(LATE)
    assert server.heard[-1]["type"] == "forget"
    page.evaluate(CLAIM)
    expect(page.locator("#notice")).to_contain_text("This chat is open in another window.")
    expect(page.locator("dialog[open]")).to_have_count(1)
    with page.expect_navigation():
        page.get_by_role("button", name="Use it here").click()
    assert kept(page) != ""


@pytest.mark.parametrize("comes_back", [False, True])
def test_whoever_is_banned_while_the_server_is_asked_is_told_so(
    house: House, page: Page, comes_back: bool
) -> None:
    server = Impostor(page, account="ada")
    page.goto(house.link("n" * 32))
    Visitor.at(page, "ada")
    dialog = ask(page)
    expect(dialog).to_contain_text(LATE)
    if comes_back:
        server.answers["hello"] = {"type": "error", "code": "forbidden", "message": "x", "retry_after": 99.0}
        server.say({"type": "closing", "reason": "drain", "reconnect_after": 0})
    else:
        server.say({"type": "closing", "reason": "banned"})
    expect(page.locator("#notice")).to_contain_text("You are banned from this server")
    expect(page.locator("dialog[open]")).to_have_count(1)


def test_no_other_dialog_covers_the_door_once_the_chat_is_over(house: House, page: Page) -> None:
    server = Impostor(page, account="ada")
    page.goto(house.link("n" * 32))
    Visitor.at(page, "ada")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#finder")).to_be_visible()
    server.answers["hello"] = {"type": "error", "code": "unauthorized", "message": "no such key"}
    server.say({"type": "closing", "reason": "drain", "reconnect_after": 0})
    expect(page.locator("#door-notice")).to_contain_text("no longer valid")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_key_is_revoked_also_by_a_page_that_the_server_has_not_let_in_yet(house: House) -> None:
    fay = house.enter("fay")
    (key,) = house.book.keys("fay")
    is_open = False

    def route(socket: WebSocketRoute) -> None:
        if is_open:
            socket.connect_to_server()
        else:
            socket.close()

    fay.page.route_web_socket("**/ws", route)
    fay.page.reload()
    fay.waits_for_the_server()
    dialog = ask(fay.page)
    expect(dialog).to_contain_text("Forget this device?")
    expect(dialog).to_contain_text(LATE)
    expect(dialog.locator("#forget-command")).to_have_text(f"chat account revoke fay {key.id}")
    assert "key" in kept(fay.page)
    is_open = True
    fay.notice_network()
    fay.page.get_by_label("Your name").wait_for()
    assert kept(fay.page) == ""
    assert house.book.keys("fay") == []


def test_what_revokes_a_key_by_which_the_server_does_not_know_its_user_is_said(
    house: House, page: Page
) -> None:
    server = Impostor(page)
    page.goto(house.url)
    page.evaluate(KEEP_A_KEY)
    page.reload()
    expect(page.locator("#people-button")).to_have_text(re.compile("^1"))  # else the server would be asked
    dialog = ask(page)
    expect(dialog).to_contain_text("does not know you by the key")
    expect(dialog).to_contain_text("NAME is the name of your account")
    expect(dialog.locator("#forget-command")).to_have_text(f"chat account revoke NAME {KEY_ID}")
    assert "forget" not in [frame["type"] for frame in server.heard]
    with page.expect_navigation():
        dialog.get_by_role("button", name="Remove it here only").click()
    page.get_by_label("Your name").wait_for()
    assert kept(page) == ""
