"""A server with accounts, and how people come to it in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from chatcore.accounts import Administration, Role
from tests.cli.processes import ChatServer
from tests.page.browser import Visitor
from tests.page.servers import kill, serve

__all__ = ["House", "act", "addresses", "kept", "serve_house"]

KEPT = "() => Object.values(localStorage).join(' ')"
ADDRESSES = "() => [location.href, ...navigation.entries().map((entry) => entry.url)]"


class House:
    """A server with accounts, and the file of them as an operator has it."""

    def __init__(self, browser: Browser, server: ChatServer, book: Administration) -> None:
        self.url = server.url
        self.server = server
        self.book = book
        self._browser = browser

    def stop(self) -> None:
        """End the server, and wait until it is gone."""
        kill(self.server)

    def add(self, nick: str, role: Role = "member") -> None:
        """Make an account."""
        self.book.add(nick, role)

    def invite(self, nick: str | None = None, room: str | None = None) -> str:
        """Return the secret of an invite to an account, or for a new one."""
        secret = self.book.invite(name=nick, room=room).secret
        assert secret is not None
        return secret

    def link(self, secret: str) -> str:
        """Return the link that an invite is sent as."""
        return f"{self.url}/#{secret}"

    def enter(self, nick: str, role: Role = "member", **options: Any) -> Visitor:
        """Let somebody with a new account in, by a link."""
        self.add(nick, role)
        return self.come(nick, self.invite(nick), **options)

    def come(self, nick: str, secret: str, **options: Any) -> Visitor:
        """Let somebody in by an invite."""
        return Visitor(self._browser, self.link(secret), nick, **options)


def kept(page: Page) -> str:
    """Return all that the page keeps in this browser."""
    texts: str = page.evaluate(KEPT)
    return texts


def addresses(page: Page) -> list[str]:
    """Return the address of the page, and those of the history of its window."""
    found: list[str] = page.evaluate(ADDRESSES)
    return found


@contextmanager
def serve_house(browser: Browser, path: Path, transport: str, *args: str) -> Iterator[House]:
    """Start a server with an owner, who is called olga and has no key yet."""
    file = path / "accounts.db"
    with Administration(file, by="local:test", create=True) as book:
        book.add("olga")
        limits = ("--limit=refusals_per_minute=1000",)
        options = ("--accounts", str(file), "--public-url", "https://chat.example.org/", *limits, *args)
        with serve(transport, *options) as server:
            yield House(browser, server, book)


def act(moderator: Visitor, what: str, nick: str = "", **how: str) -> str:
    """Do something in the menu for moderators; return what the page says of it."""
    page = moderator.page
    page.locator("#moderate").click()
    dialog = page.locator("#moderator")
    dialog.get_by_label("What to do").select_option(what)
    if nick:
        dialog.get_by_label("Who", exact=True).fill(nick)
    for name, value in how.items():
        if name == "everywhere":
            dialog.locator("#moderator-everywhere").check()
        else:
            dialog.locator(f"#moderator-{name}").fill(value)
    dialog.get_by_role("button", name="Do it").click()
    notice = dialog.locator("#moderator-notice")
    notice.filter(has_text=".").wait_for()
    said = notice.text_content() or ""
    dialog.get_by_role("button", name="Close").click()
    return said
