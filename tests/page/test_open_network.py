"""Keys on a page that is neither encrypted nor of this machine: only where the server was made for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from chatcore.accounts import Administration
from tests.cli.processes import ChatServer, chat_server
from tests.page.browser import Visitor, launch, new_context
from tests.page.house import kept
from tests.page.servers import transports

NAME = "chat.example"
WITH_KEY = "() => sent.some((text) => text.includes('\"key\"'))"
KEEP_A_KEY = """(server) => localStorage.setItem(`chatcore ${server} device`, JSON.stringify(
  { nick: "ada", account: "ada", key: "k".repeat(43), session: "s" }))"""
WATCH = """() => {
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) { sent.push(text); send.call(this, text); };
}"""


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser to which this machine is also another one in the network."""
    with launch(playwright, f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as started:
        yield started


@contextmanager
def serve(path: Path, transport: str, *args: str) -> Iterator[tuple[ChatServer, Administration]]:
    """Start a server that is called by a name, with an account of ada."""
    file = path / "accounts.db"
    with Administration(file, by="local:test", create=True) as book:
        book.add("ada")
        options = ("--transport", transport, "--accounts", str(file), "--web-host", NAME, *args)
        with chat_server(*options, listens=("http://127.0.0.1:0", "chat://127.0.0.1:0")) as server:
            yield server, book


def url(server: ChatServer, invite: str = "") -> str:
    """Return the address of the page by the name of the machine."""
    return f"http://{NAME}:{server.url.rpartition(':')[2]}/#{invite}"


def secret_of(book: Administration) -> str:
    secret = book.invite(name="ada").secret
    assert secret is not None
    return secret


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_no_key_is_made_or_sent_and_the_page_says_why(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    with serve(tmp_path, transport) as (server, book):
        context = new_context(browser)
        context.add_init_script(f"({WATCH})()")
        page = context.new_page()
        secret = secret_of(book)
        page.goto(url(server, secret))
        assert page.evaluate("() => isSecureContext") is False
        expect(page.locator("#door-notice")).to_contain_text("this page is not encrypted")
        assert "#" not in page.url
        enter(page)
        expect(page.locator("#door-notice")).to_contain_text("only who has an invite")
        assert "key" not in kept(page)
        page.evaluate(KEEP_A_KEY, page.evaluate("() => new URL('.', document.baseURI).href"))
        page.reload()
        expect(page.locator("#door-notice")).to_contain_text("the key of this browser is not sent")
        enter(page)
        expect(page.locator("#door-notice")).to_contain_text("the key of this browser is not sent")
        assert page.evaluate(WITH_KEY) is False
        assert page.evaluate("() => sent.length") > 0
        assert book.keys("ada") == []
        context.close()


def enter(page: Page) -> None:
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Enter").click()


@pytest.mark.parametrize("transport", transports("threaded"))
def test_where_the_server_was_started_for_that_a_key_is_made_and_it_is_said_who_can_read_it(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    with serve(tmp_path, transport, "--insecure") as (server, book):
        page = new_context(browser).new_page()
        page.goto(url(server, secret_of(book)))
        expect(page.locator("#door-notice")).to_contain_text("has made a key")
        expect(page.locator("#door-notice")).to_contain_text("others on this network could read the key")
        ada = Visitor.at(page, "ada")
        ada.say("not encrypted")
        ada.sees("not encrypted")
        page.reload()
        ada.wait_until_live()
        assert len(book.keys("ada")) == 1
        assert ada.faults == []
