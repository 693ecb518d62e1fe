"""What people do to rooms and to each other in the page's menus, and how it is seen at the other side."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.faults.proxy import FaultProxy
from tests.page.accessibility import violations
from tests.page.browser import Visitor
from tests.page.house import House, act, serve_house
from tests.page.servers import Place, transports
from tests.pausing import pause


@pytest.fixture(scope="module", params=transports("threaded"))
def house(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that all scenes share: each has people of its own."""
    with serve_house(browser, tmp_path_factory.mktemp("accounts"), request.param) as started:
        yield started


def told(visitor: Visitor, words: str) -> None:
    """Wait until the page says something to its user."""
    expect(visitor.page.locator("#word")).to_contain_text(words)


def test_a_member_makes_a_room_private_and_decides_who_enters(house: House) -> None:
    ada, bob = house.enter("ada"), house.enter("bob")
    ada.go_to("attic")
    assert act(ada, "close") == "Done: #attic is private."
    bob.ask_for("attic")
    told(bob, "#attic: this room is private, and you are not admitted")
    expect(bob.page.locator("#room-name")).to_have_text("#lobby")
    assert act(ada, "admit", "bob") == "Done: bob may enter #attic."
    bob.page.keyboard.press("Control+k")
    bob.page.get_by_role("button", name="#attic · 1 here · private").click()
    expect(bob.page.locator("#room-name")).to_have_text("#attic")
    bob.say("thank you")
    ada.sees("thank you")
    assert act(ada, "kick", "bob") == "Done: bob is out of #attic."
    told(bob, "#attic: you were put out of this room")
    expect(bob.page.locator("#room-name")).to_have_text("#lobby")
    assert act(bob, "close") == "Not done: you may not do that."
    assert act(ada, "open") == "Done: #attic is public."
    bob.go_to("attic")
    bob.sees("thank you")
    assert ada.faults == bob.faults == []


def test_a_moderator_mutes_and_bans_for_a_time_and_ends_it(house: House) -> None:
    mona, cid = house.enter("mona", "moderator"), house.enter("cid")
    assert act(mona, "mute", "cid") == "Done: cid may read, but not write in #lobby."
    told(cid, "You may read, but not write in #lobby.")
    cid.say("can you hear me?")
    cid.page.locator("#rows > li.returned", has_text="can you hear me?").wait_for()
    assert act(mona, "lift", "cid") == "Done: cid is neither muted nor banned in #lobby."
    told(cid, "You may write again in #lobby.")
    said = act(mona, "ban", "cid", hours="2", reason="<b>loud</b>", everywhere="yes")
    assert said == "Done: cid is banned."
    cid.page.get_by_text("You are banned from this server, for about 2 hours.").wait_for()
    assert house.book.bans()[0].reason == "<b>loud</b>"
    said = act(mona, "lift", "cid", everywhere="yes")
    assert said == "Done: cid is neither muted nor banned on this server."
    cid.reload()
    cid.wait_until_live()
    assert act(mona, "ban", "cid") == "Done: cid may not enter #lobby."
    told(cid, "#lobby: you were put out of this room")
    assert act(mona, "ban", "nobody-here", everywhere="yes") == "Not done: there is no such account."
    assert mona.faults == cid.faults == []


def test_an_act_is_asked_once_however_often_it_is_ordered(house: House) -> None:
    oda = house.enter("oda", "moderator")
    dialog = oda.page.get_by_role("dialog", name="Moderate")
    what, notice = dialog.get_by_label("What to do"), dialog.locator("#moderator-notice")
    order = dialog.get_by_role("button", name="Do it")
    oda.page.locator("#moderate").click()
    what.select_option("close")
    pause(house.server.process)
    try:
        for _ in range(2):
            order.click()
            expect(notice).to_have_text("asking the server…")
        oda.page.keyboard.press("Escape")
        oda.page.locator("#moderate").click()
        expect(notice).to_have_text("")
    finally:
        house.server.signal(signal.SIGCONT)
    what.select_option("open")
    order.click()
    expect(notice).to_have_text("Done: #lobby is public.")
    assert oda.faults == []


def test_rooms_are_listed_with_who_is_there_and_entered_from_the_list(house: House) -> None:
    dan, eve = house.enter("dan"), house.enter("eve")
    for name in ("garden", "garage"):
        dan.go_to(name)
    eve.page.get_by_role("button", name="Other rooms…").click()
    dialog = eve.page.get_by_role("dialog", name="Go to a room")
    dialog.get_by_role("textbox", name="Room").fill("#gar")
    expect(dialog.locator("#switcher-rooms > li")).to_have_text(
        ["#garage · 1 here", "#garden · 1 here", "Make #gar"]
    )
    dialog.get_by_role("textbox", name="Room").fill("not a name")
    eve.page.keyboard.press("Enter")
    dialog.get_by_text("A room is called by").wait_for()
    dialog.get_by_role("textbox", name="Room").fill("gard")
    expect(dialog.locator("#switcher-rooms > li")).to_have_text(["#garden · 1 here", "Make #gard"])
    eve.page.keyboard.press("Enter")
    expect(eve.page.locator("#room-name")).to_have_text("#garden")
    eve.page.get_by_role("button", name="Other rooms…").click()
    dialog.get_by_role("textbox", name="Room").fill("gar")
    dialog.get_by_role("button", name="Make #gar").click()
    expect(eve.page.locator("#room-name")).to_have_text("#gar")
    eve.page.get_by_role("button", name="Other rooms…").click()
    dialog.get_by_role("textbox", name="Room").fill("gar")
    dialog.get_by_role("button", name="#garden").click()
    expect(eve.page.locator("#room-name")).to_have_text("#garden")
    expect(eve.page.locator("#people-button")).to_contain_text("2")
    assert dan.faults == eve.faults == []


def test_what_was_said_is_found_page_by_page_and_leads_to_its_place(house: House) -> None:
    fay = house.enter("fay")
    fay.go_to("kitchen")
    for number in range(25):
        fay.say(f"soup {number}")
    fay.say("tea, fay?")
    fay.sees("tea, fay?")
    fay.go_to("lobby")
    fay.page.get_by_role("button", name="Search").click()
    dialog = fay.page.get_by_role("dialog", name="Search")
    dialog.get_by_role("button", name="What mentions you").click()
    expect(dialog.locator("#finder-rows .text")).to_have_text(["tea, fay?"])
    dialog.get_by_label("Words").fill("soup")
    fay.page.keyboard.press("Enter")
    rows = dialog.locator("#finder-rows > li")
    expect(rows.first).to_contain_text("soup 24")
    dialog.get_by_role("button", name="More").click()
    expect(rows).to_have_count(25)
    expect(dialog.get_by_role("button", name="More")).to_be_hidden()
    rows.filter(has_text="soup 3").get_by_role("button", name="Go there").click()
    expect(fay.page.locator("#room-name")).to_have_text("#kitchen")
    expect(fay.row("soup 3")).to_be_in_viewport()
    assert fay.faults == []


def test_what_is_asked_without_a_connection_is_not_done_later(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve_house(browser, tmp_path_factory.mktemp("away"), "threaded") as house:
        mona, cid = house.enter("mona", "moderator"), house.enter("cid")
        with FaultProxy(house.server.port()) as proxy:
            away = Visitor.at(mona.open(f"http://127.0.0.1:{proxy.port}/#{house.invite('mona')}"), "mona")
            away.has_loaded("page-question.js", "page-moderation.js", "page-finder.js", "page-devices.js")
            proxy.refusing = True
            proxy.end_all("reset")
            away.waits_for_the_server()
            said = act(away, "mute", "cid", everywhere="yes")
            assert said == "Not done: there is no connection now; try again when it is back."
            away.page.locator("#search-button").click()
            away.page.get_by_label("Words").fill("soup")
            away.page.keyboard.press("Enter")
            expect(away.page.locator("#finder-notice")).to_contain_text("there is no connection now")
            away.page.get_by_role("button", name="Close").click()
            away.page.locator("#me-devices").click()
            expect(away.page.locator("#link")).to_contain_text("there is no connection now")
            proxy.refusing = False
            away.notice_network()
            away.wait_until_live()
            expect(away.page.locator("#link-text")).to_have_value("")
        cid.say("not muted")
        cid.sees("not muted")
        assert house.book.bans() == []


def test_a_server_without_an_index_offers_no_search(browser: Browser, tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.serve("asyncio", "--no-search"):
        dan = Visitor(browser, place.url, "dan")
        expect(dan.page.locator("#leave")).to_be_visible()
        expect(dan.page.locator("#search-button")).to_be_hidden()
    with place.serve("asyncio"):
        dan.notice_network()
        expect(dan.page.locator("#search-button")).to_be_visible()
    assert dan.faults == []


LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 700}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_dialogs_are_accessible(house: House, look: str) -> None:
    hal = house.enter(look, **LOOKS[look])
    page = hal.page
    for button in ("me-rename", "me-forget", "me-devices", "moderate", "search-button"):
        page.locator(f"#{button}").dispatch_event("click")
        page.locator("dialog[open]").wait_for()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    assert hal.faults == []
