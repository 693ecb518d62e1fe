"""Dialogs about ourselves ask only while they are open; and how the link for one more device is copied."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.cli.processes import ChatServer
from tests.page.browser import Visitor, new_context
from tests.page.impostor import Impostor
from tests.page.servers import serve, transports

SECRET = "n" * 32
COPY = "() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }"
REFUSE = "() => { navigator.clipboard.writeText = async () => { throw new DOMException('no'); }; }"
SELECTED = "() => getSelection().toString()"
DRAIN = {"type": "closing", "reason": "drain", "reconnect_after": 30}


@pytest.fixture(scope="module", params=transports("asyncio"))
def server(request: pytest.FixtureRequest) -> Iterator[ChatServer]:
    """A server that only the page comes from."""
    with serve(request.param) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = new_context(browser)
    yield context.new_page()
    context.close()


def enter(page: Page, url: str) -> tuple[Visitor, Impostor]:
    """Enter under an account, on a server that says whatever is wanted."""
    server = Impostor(page, account="ada")
    page.goto(url)
    return Visitor.at(page, "ada"), server


def add_device(page: Page) -> Locator:
    """Open the dialog with the link."""
    page.get_by_role("button", name="Add a device").click()
    dialog = page.locator("#link")
    dialog.wait_for()
    return dialog


def asked_after_a_loss(visitor: Visitor, server: Impostor) -> list[str]:
    """End the connection; return what is asked on the next one."""
    server.heard.clear()
    server.say(DRAIN)
    expect(visitor.page.locator("#state")).not_to_be_empty()
    visitor.notice_network()
    visitor.wait_until_live()
    visitor.say("after the loss")
    visitor.page.wait_for_function("() => document.querySelector('#rows .pending')")
    return [frame["type"] for frame in server.heard]


def test_the_link_for_a_device_comes_only_while_its_dialog_is_open(server: ChatServer, page: Page) -> None:
    ada, impostor = enter(page, server.url)
    dialog = add_device(page)
    expect(dialog).to_contain_text("asking the server…")
    expect(dialog.get_by_role("textbox")).to_have_count(0)
    (token,) = [frame["token"] for frame in impostor.heard if frame["type"] == "invite"]
    dialog.get_by_role("button", name="Close").click()
    impostor.say({"type": "invited", "invite": SECRET, "token": token})
    assert "invite" not in asked_after_a_loss(ada, impostor)
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#word")).not_to_contain_text("Another of your devices")
    assert ada.faults == []


def test_a_link_that_is_asked_for_without_a_connection_is_not_asked_for_later(
    server: ChatServer, page: Page
) -> None:
    ada, impostor = enter(page, server.url)
    ada.has_loaded("page-devices.js", "page-question.js")
    impostor.answers["hello"] = {"type": "error", "code": "unavailable", "message": "later", "retry_after": 0}
    impostor.say(DRAIN)
    ada.waits_for_the_server()
    expect(add_device(page)).to_contain_text("there is no connection now")
    page.keyboard.press("Escape")
    del impostor.answers["hello"]
    ada.notice_network()
    ada.wait_until_live()
    assert "invite" not in [frame["type"] for frame in impostor.heard]


def test_it_is_said_that_a_link_was_copied_or_how_it_is(server: ChatServer, page: Page) -> None:
    ada, impostor = enter(page, server.url)
    impostor.answers["invite"] = {"type": "invited", "invite": SECRET}
    page.evaluate(COPY)
    dialog = add_device(page)
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    link = dialog.get_by_role("textbox", name="Link").input_value()
    assert link.endswith(f"#{SECRET}")
    assert page.evaluate("() => window.copied") == link
    page.evaluate(REFUSE)
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_contain_text("The link is selected: copy it with Ctrl+C")
    assert page.evaluate(SELECTED) == link
    assert ada.faults == []


def test_a_part_that_is_wanted_twice_while_it_loads_opens_once(server: ChatServer, page: Page) -> None:
    held: list[Route] = []
    page.route("**/page-devices.js", lambda route: held.append(route))
    with page.expect_request("**/page-devices.js"):
        ada, impostor = enter(page, server.url)
    for _ in range(2):
        page.get_by_role("button", name="Add a device").click()
    impostor.answers["invite"] = {"type": "invited", "invite": SECRET}
    held[0].continue_()
    dialog = page.locator("#link")
    expect(dialog.get_by_role("textbox", name="Link")).to_be_visible()
    assert [frame["type"] for frame in impostor.heard].count("invite") == 1
    expect(dialog.get_by_role("status")).to_have_count(1)
    assert ada.faults == []


def test_another_name_is_asked_for_only_while_its_dialog_is_open(server: ChatServer, page: Page) -> None:
    ada, impostor = enter(page, server.url)
    page.get_by_role("button", name="Change name").click()
    dialog = page.locator("#rename")
    dialog.get_by_role("textbox", name="New name").fill("ada-2")
    for _ in range(2):
        dialog.get_by_role("button", name="Change", exact=True).click()
        expect(dialog.locator("#rename-notice")).to_have_text("asking the server…")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Change name").click()
    expect(dialog.locator("#rename-notice")).to_have_text("")
    page.keyboard.press("Escape")
    assert "nick" not in asked_after_a_loss(ada, impostor)
    assert ada.faults == []
