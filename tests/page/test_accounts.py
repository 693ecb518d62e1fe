"""Accounts in the page: how people come in, and go on to more devices, and how a key ends."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.browser import Visitor, new_context
from tests.page.house import House, act, addresses, kept, serve_house
from tests.page.servers import transports


@pytest.fixture(scope="module", params=transports("asyncio"))
def house(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that all scenes share: each has people of its own."""
    with serve_house(browser, tmp_path_factory.mktemp("accounts"), request.param) as started:
        yield started


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = new_context(browser)
    yield context.new_page()
    context.close()


def ask_to_enter(page: Page, nick: str) -> None:
    page.get_by_label("Your name").fill(nick)
    page.get_by_role("button", name="Enter").click()


def notice(page: Page, words: str) -> None:
    """Wait until the page says why it is not in the chat."""
    expect(page.locator("#door-notice, #notice-text").filter(visible=True)).to_contain_text(words)


# --- invites -------------------------------------------------------------------------------------


def test_an_invite_makes_a_key_which_is_said_and_kept_and_leaves_no_trace(
    house: House, stranger: Page
) -> None:
    house.add("ada")
    secret = house.invite("ada")
    stranger.goto(house.link(secret))
    notice(stranger, "has made a key of its own")
    assert not any("#" in address or secret in address for address in addresses(stranger))
    ada = Visitor.at(stranger, "somebody")
    expect(stranger.locator("#me-nick")).to_have_text("ada")
    expect(stranger.locator("#word")).to_have_text("You are ada here.")
    assert secret not in kept(stranger)
    stranger.reload()
    ada.wait_until_live()
    ada.say("here with a key")
    ada.sees("here with a key")


def test_a_link_that_is_opened_in_a_window_with_the_page_is_taken_too(house: House, stranger: Page) -> None:
    house.add("bea")
    secret = house.invite("bea")
    stranger.goto(house.url)
    stranger.goto(house.link(secret))
    notice(stranger, "has made a key of its own")
    bea = Visitor.at(stranger, "bea")
    assert not any("#" in address or secret in address for address in addresses(stranger))
    bea.say("from a link")
    stranger.goto(house.link("short"))
    expect(stranger.locator("#word")).to_contain_text("is no invite")
    bea.sees("from a link")
    assert not any("#" in address for address in addresses(stranger))


def test_an_invite_that_cannot_be_used_is_said_so(house: House, stranger: Page) -> None:
    house.add("cid")
    secret = house.invite("cid")
    house.come("cid", secret)
    for wrong in (secret, "n" * 32):
        stranger.goto("about:blank")
        stranger.goto(house.link(wrong))
        ask_to_enter(stranger, "cid")
        notice(stranger, "This invite cannot be used")
        assert wrong not in kept(stranger)
    stranger.goto("about:blank")
    stranger.goto(house.link("?"))
    notice(stranger, "is no invite")
    ask_to_enter(stranger, "cid")
    notice(stranger, "only who has an invite")


def test_the_invite_of_somebody_else_changes_nobody(house: House) -> None:
    ann = house.enter("ann")
    house.add("mallory")
    ann.page.goto(house.link(house.invite("mallory")))
    notice(ann.page, "Your invite was not used: this invite is for another account. You are ann here.")
    with ann.page.expect_navigation():
        ann.page.get_by_role("button", name="Go on as ann").click()
    ann.wait_until_live()
    expect(ann.page.locator("#me-nick")).to_have_text("ann")
    assert len(house.book.keys("ann")) == 1
    assert ann.faults == []


def test_an_invite_to_a_room_leads_into_it_also_who_is_here_already(house: House) -> None:
    olga = house.come("olga", house.invite("olga"))
    olga.go_to("staff")
    assert act(olga, "close") == "Done: #staff is private."
    olga.say("welcome to the staff")
    guest = house.come("gus", house.invite(room="staff"))
    expect(guest.page.locator("#room-name")).to_have_text("#staff")
    guest.sees("welcome to the staff")
    expect(guest.page.locator("dialog[open]")).to_have_count(0)
    guest.page.reload()
    guest.sees("welcome to the staff")
    dan = house.enter("dan")
    dan.page.goto(house.link(house.invite(room="staff")))
    expect(dan.page.locator("#room-name")).to_have_text("#staff")
    dan.sees("welcome to the staff")
    assert guest.faults == dan.faults == olga.faults == []


# --- devices -------------------------------------------------------------------------------------


def test_a_second_device_comes_by_a_link_that_is_shown_to_be_copied(house: House, stranger: Page) -> None:
    eve = house.enter("eve")
    eve.say("from my laptop")
    eve.page.get_by_role("button", name="Add a device").click()
    link = eve.page.get_by_role("textbox", name="Link").input_value()
    assert link.startswith(f"{house.url}/#")
    eve.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(eve.page.get_by_role("textbox", name="Link", include_hidden=True)).to_have_value("")
    stranger.goto(link)
    phone = Visitor.at(stranger, "eve")
    phone.sees("from my laptop")
    phone.say("from my phone")
    eve.sees("from my phone")
    eve.page.locator("#people-button").click()
    expect(eve.page.locator("#nicks > li").filter(has_text=re.compile("^eve"))).to_have_count(1)
    assert eve.faults == []


def test_a_device_is_forgotten_here_and_on_the_server(house: House) -> None:
    fay = house.enter("fay")
    key = house.book.keys("fay")
    fay.page.get_by_role("button", name="Forget me here").click()
    dialog = fay.page.get_by_role("dialog", name="Forget this device?")
    dialog.get_by_role("button", name="Cancel").click()
    fay.say("still here")
    fay.sees("still here")
    fay.page.get_by_role("button", name="Forget me here").click()
    dialog.get_by_role("button", name="Forget", exact=True).click()
    fay.page.get_by_label("Your name").wait_for()
    assert kept(fay.page) == ""
    assert len(key) == 1
    assert house.book.keys("fay") == []
    assert house.book.audit()[-1].by == "fay"
    ask_to_enter(fay.page, "fay")
    notice(fay.page, "only who has an invite")


def test_the_only_key_of_the_only_owner_is_not_forgotten(browser: Browser, tmp_path: Path) -> None:
    with serve_house(browser, tmp_path, "threaded") as house:
        olga = house.come("olga", house.invite("olga"))
        olga.page.get_by_role("button", name="Forget me here").click()
        dialog = olga.page.get_by_role("dialog", name="Forget this device?")
        dialog.get_by_role("button", name="Forget", exact=True).click()
        dialog.get_by_text("only key of an owner").wait_for()
        dialog.get_by_role("button", name="Cancel").click()
        olga.say("still here")
        olga.sees("still here")
        (key,) = house.book.keys("olga")
        house.stop()
        olga.waits_for_the_server()
        olga.page.get_by_role("button", name="Forget me here").click()
        dialog.get_by_role("button", name="Forget", exact=True).click()
        dialog.get_by_text("The server does not answer").wait_for()
        dialog.get_by_text(f"chat account revoke olga {key.id}").wait_for()
        dialog.get_by_role("button", name="Cancel").click()
        olga.say("written while it is away")
        olga.sees_unsent("written while it is away")
        assert olga.faults == []


def test_where_the_server_is_away_the_key_goes_from_here_and_what_remains_is_said(
    browser: Browser, tmp_path: Path
) -> None:
    with serve_house(browser, tmp_path, "asyncio") as house:
        ada = house.enter("ada")
        (key,) = house.book.keys("ada")
        ada.has_loaded("page-forget.js", "page-question.js")
        house.stop()
        ada.waits_for_the_server()
        ada.page.get_by_role("button", name="Forget me here").click()
        dialog = ada.page.get_by_role("dialog", name="Forget this device?")
        dialog.get_by_role("button", name="Forget", exact=True).click()
        dialog.get_by_text(f"chat account revoke ada {key.id}").wait_for()
        ada.page.route("**/*", lambda route: route.fulfill(body="<p>gone</p>", content_type="text/html"))
        dialog.get_by_role("button", name="Remove it here only").click()
        ada.page.get_by_text("gone").wait_for()
        assert kept(ada.page) == ""


def test_a_key_that_was_revoked_ends_the_chat_and_a_new_invite_makes_another(house: House) -> None:
    gil, kim = house.enter("gil"), house.enter("kim")
    house.book.revoke("gil")
    notice(gil.page, "no longer valid")
    gil.reload()
    notice(gil.page, "The key of this browser is no longer valid")
    gil.page.goto(house.link(house.invite("gil")))
    gil.wait_until_live()
    gil.page.goto("about:blank")
    house.book.revoke("gil")
    house.book.revoke("kim")
    notice(kim.page, "no longer valid")  # so the server knows of both
    gil.page.goto(house.url)
    notice(gil.page, "The key of this browser is no longer valid")
    assert gil.faults == []


# --- bans ----------------------------------------------------------------------------------------


def test_a_ban_is_said_in_words_also_to_who_was_away_and_nothing_connects_again(house: House) -> None:
    mona, hal = house.enter("mona", "moderator"), house.enter("hal")
    house.book.ban("hal", seconds=7200.0)
    notice(hal.page, "You are banned from this server, for about 2 hours.")
    sockets: list[str] = []
    hal.page.on("websocket", lambda socket: sockets.append(socket.url))
    hal.reload()
    notice(hal.page, "You are banned from this server, for about 2 hours.")
    hal.page.evaluate("() => dispatchEvent(new Event('online'))")
    assert act(mona, "ban", "hal", everywhere="yes") == "Done: hal is banned."
    hal.reload()
    notice(hal.page, "The server says: you are banned.")
    assert len(sockets) == 2
    act(mona, "lift", "hal", everywhere="yes")
    hal.reload()
    hal.wait_until_live()
    assert hal.faults == []


# --- without an account --------------------------------------------------------------------------


def test_whoever_has_no_invite_is_told_how_to_get_in(house: House, stranger: Page) -> None:
    stranger.goto(house.url)
    ask_to_enter(stranger, "mallory")
    notice(stranger, "only who has an invite")
    assert "key" not in kept(stranger)
