"""What somebody has typed is not lost in silence: in a browser that keeps nothing, or a room that is left."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.page.browser import Visitor, new_context
from tests.page.servers import OTHER, Place, kill, serve, transports

_FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("no", "SecurityError"); },
})"""
_FULL = """() => {
  window.setItem = Storage.prototype.setItem;
  Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
}"""
_CLAIM = """() => {
  localStorage.setItem(`chatcore ${document.baseURI} window`, '"another"');
  dispatchEvent(new Event("storage"));
}"""
_SPACE = "() => { Storage.prototype.setItem = window.setItem; }"


def _asks_before_it_goes(page: Page) -> bool:
    """Reload, whatever is asked; return whether something was."""
    asked = list[str]()

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.reload()
    page.remove_listener("dialog", accept)
    return asked == ["beforeunload"]


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_where_nothing_may_be_kept_the_page_works_and_says_so(browser: Browser, transport: str) -> None:
    with serve(transport) as server:
        context = new_context(browser)
        context.add_init_script(_FORBIDDEN)
        page = context.new_page()
        page.goto(server.url)
        page.get_by_label("Your name").fill("ada")
        page.get_by_role("button", name="Enter").click()
        expect(page.locator("#state")).to_contain_text("keep nothing")
        expect(page.locator("#people-button")).to_contain_text("1")
        page.get_by_role("textbox", name="Message", exact=True).fill("half")
        assert _asks_before_it_goes(page)
        expect(page.get_by_label("Your name")).to_be_visible()
        context.close()


@pytest.mark.parametrize("transport", transports("threaded"))
def test_a_line_that_a_full_storage_does_not_take_is_kept_as_soon_as_there_is_space(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    place = Place(tmp_path)
    with place.serve(transport) as server:
        ada = Visitor(browser, place.url, "ada")
        kill(server)
        ada.waits_for_the_server()
        ada.page.evaluate(_FULL)
        ada.say("precious")
        ada.sees_unsent("precious")
        expect(ada.page.locator("#state")).to_contain_text("is full")
        ada.page.evaluate(_SPACE)
        expect(ada.page.locator("#state")).not_to_contain_text("is full")
        ada.page.evaluate(_CLAIM)
        ada.page.get_by_text("open in another window").wait_for()
        expect(ada.page.locator("#state")).to_have_text("")
        ada.page.close()
    with place.serve(OTHER[transport]):
        ada.come_back(place.url)
        ada.sees("precious")
        assert ada.faults == []


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_a_line_of_a_room_that_was_left_is_shown_until_its_author_decides(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    place = Place(tmp_path)
    with place.serve(transport) as server:
        ada = Visitor(browser, place.url, "ada")
        ada.go_to("side")
        kill(server)
        ada.waits_for_the_server()
        ada.say("last words")
        ada.sees_unsent("last words")
        ada.page.get_by_role("button", name="Leave").click()
        expect(ada.page.locator("#room-name")).to_have_text("#side (left)")
    with place.serve(OTHER[transport]):
        ada.notice_network()
        returned = ada.row("last words").and_(ada.page.locator(".returned"))
        returned.wait_for()
        ada.page.reload()
        expect(ada.page.locator("#room-name")).to_have_text("#side (left)")
        returned.get_by_role("button", name="Discard").click()
        expect(ada.page.locator("#rooms .name")).to_have_text(["#lobby"])
        assert ada.faults == []
