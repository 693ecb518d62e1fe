"""Accounts in the page: an invite makes a key, devices are added and forgotten, and moderators act."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.processes import ChatServer, chat
from tests.page.browser import Visitor
from tests.page.servers import serve, transports

INVITE = re.compile(r"#([\w-]{32})")
SECRETS = "() => Object.values(localStorage).join(' ')"


def _invite(file: Path, nick: str) -> str:
    found = INVITE.search(chat("invite", "--for", nick, "--accounts", str(file)).stdout)
    assert found
    return found[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Accounts: an owner and a member."""
    path = tmp_path / "accounts.db"
    for nick in ("ada", "bob"):
        chat("account", "add", nick, "--accounts", str(path))
    return path


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_an_invite_is_a_key_from_then_on(browser: Browser, file: Path, transport: str) -> None:
    options = ("--accounts", str(file), "--public-url", "https://chat.example.org/")
    with serve(transport, *options) as server:
        ada = _enter(browser, server, _invite(file, "ada"), "ada")
        ada.say("here with a key")
        ada.sees("here with a key")
        ada.page.reload()
        ada.wait_until_live()
        ada.page.get_by_role("button", name="Add a device").click()
        link = ada.page.get_by_role("textbox", name="Link").input_value()
        ada.page.get_by_role("dialog").get_by_role("button", name="Close").click()
        phone = _enter(browser, server, link[link.index("#") :], "ada")
        phone.sees("here with a key")
        bob = _enter(browser, server, _invite(file, "bob"), "bob")
        _mute(ada, "bob")
        expect(bob.page.locator("#word")).to_contain_text("not write")
        phone.page.get_by_role("button", name="Forget me here").click()
        phone.page.get_by_label("Your name").wait_for()
        assert phone.page.evaluate(SECRETS) == ""
        for visitor in (ada, bob, phone):
            assert visitor.faults == []


def _enter(browser: Browser, server: ChatServer, invite: str, nick: str) -> Visitor:
    visitor = Visitor(browser, f"{server.url}/{invite}", nick)
    assert "#" not in visitor.page.url
    kept = visitor.page.evaluate(SECRETS)
    assert '"key"' in kept
    assert invite.removeprefix("#") not in kept
    return visitor


def _mute(moderator: Visitor, nick: str) -> None:
    page = moderator.page
    page.get_by_role("button", name="Moderate").click()
    page.get_by_label("What to do").select_option("mute")
    page.get_by_label("Who", exact=True).fill(nick)
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("Done.").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()


@pytest.mark.parametrize("transport", transports("threaded"))
def test_whoever_has_no_invite_is_told_how_to_get_in(browser: Browser, file: Path, transport: str) -> None:
    options = ("--accounts", str(file), "--public-url", "https://chat.example.org/")
    with serve(transport, *options) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        page.get_by_label("Your name").fill("mallory")
        page.get_by_role("button", name="Enter").click()
        page.get_by_text("who has an invite").wait_for()
        context.close()
