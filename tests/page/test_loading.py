"""A page that does not come as a whole, comes slowly, or meets a server with a newer one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.faults.proxy import FaultProxy
from tests.page.browser import Visitor, new_context
from tests.page.house import House, serve_house
from tests.page.impostor import Impostor
from tests.page.servers import transports

SECRET = "n" * 32


@pytest.fixture(scope="module", params=transports("asyncio"))
def house(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that all scenes share: each has people of its own."""
    with serve_house(browser, tmp_path_factory.mktemp("loading"), request.param) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = new_context(browser)
    yield context.new_page()
    context.close()


def _refuse(route: Route) -> None:
    route.fulfill(status=503, body="full")


@pytest.mark.parametrize(("nick", "by_key"), [("ada", False), ("fay", True)], ids=["link", "key"])
def test_a_module_that_does_not_come_is_said_and_a_reload_still_has_the_invite(
    house: House, page: Page, nick: str, by_key: bool
) -> None:
    house.add(nick)
    page.route("**/page-windows.js", _refuse)
    page.goto(house.link(house.invite(nick)))
    expect(page.locator("#loading")).to_have_text(
        "The page could not be loaded completely. Reload", use_inner_text=True
    )
    page.unroute("**/page-windows.js")
    if by_key:
        page.reload()
    else:
        page.get_by_role("link", name="Reload").click()
    expect(page.locator("#door-notice")).to_contain_text("has made a key of its own")
    expect(page.locator("#loading")).to_have_count(0)
    assert "#" not in page.url
    Visitor.at(page, nick)


def test_a_page_without_its_style_does_not_begin_and_a_reload_still_has_the_invite(
    house: House, page: Page
) -> None:
    house.add("dan")
    page.route("**/style.css", _refuse)
    page.goto(house.link(house.invite("dan")))
    expect(page.get_by_text("The page could not be loaded completely.")).to_be_visible()
    expect(page.locator("#door-notice")).to_have_text("")
    page.unroute("**/style.css")
    page.get_by_role("link", name="Reload").click()
    expect(page.locator("#door-notice")).to_contain_text("has made a key of its own")
    Visitor.at(page, "dan")


def test_the_invite_has_left_the_address_before_any_module_is_there(house: House, page: Page) -> None:
    held: list[Route] = []
    page.route("**/page.js", lambda route: held.append(route))
    with page.expect_request("**/page.js"):
        page.goto(house.link(SECRET), wait_until="commit")
    expect(page.locator("#loading")).to_have_text("Loading…", use_inner_text=True)
    assert "#" not in page.url
    assert page.evaluate("() => window.name") == ""
    assert page.evaluate("() => Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    held[0].continue_()
    expect(page.locator("#door-notice")).to_contain_text("has made a key of its own")
    assert page.evaluate("() => 'pageFirst' in window") is False


def test_a_part_that_did_not_come_comes_the_next_time(house: House, page: Page) -> None:
    house.add("bea")
    page.route("**/page-finder.js*", _refuse)
    page.goto(house.link(house.invite("bea")))
    bea = Visitor.at(page, "bea")
    page.locator("#search-button").click()
    expect(page.locator("#word")).to_contain_text("could not be loaded")
    page.unroute("**/page-finder.js*")
    page.locator("#search-button").click()
    page.get_by_role("dialog", name="Search").wait_for()
    page.keyboard.press("Escape")
    bea.say("found")
    bea.sees("found")


def test_a_server_with_a_newer_page_is_noticed_and_a_reload_is_offered(house: House, page: Page) -> None:
    house.add("cid")
    with FaultProxy(house.server.port()) as proxy:
        page.goto(f"http://127.0.0.1:{proxy.port}/#{house.invite('cid')}")
        with page.expect_response(_asks_for_version):
            cid = Visitor.at(page, "cid")
        newer = page.get_by_role("button", name="The page has a newer version: reload")
        page.evaluate("() => { Math.random = () => 0; }")
        with page.expect_response(_asks_for_version):
            proxy.end_all("reset")
        cid.wait_until_live()
        expect(newer).to_be_hidden()
        page.route(f"http://127.0.0.1:{proxy.port}/", _newer)
        proxy.end_all("reset")
        expect(newer).to_be_visible()
        page.unroute(f"http://127.0.0.1:{proxy.port}/")
        cid.box.fill("half a line")
        cid.reload()
        cid.wait_until_live()
        expect(cid.box).to_have_value("half a line")
        expect(newer).to_be_hidden()


def test_a_page_that_is_older_than_its_server_notices_at_its_first_connection(
    house: House, page: Page
) -> None:
    house.add("eva")
    page.goto(house.link(house.invite("eva")))
    page.evaluate("() => { Math.random = () => 0; }")
    page.route(house.url, _newer)
    Visitor.at(page, "eva")
    expect(page.get_by_role("button", name="The page has a newer version: reload")).to_be_visible()


def _asks_for_version(response: Response) -> bool:
    """Tell whether a page that is open has asked for its document, as it does once for each connection."""
    return response.request.resource_type == "fetch" and response.url.endswith("/")


def _newer(route: Route) -> None:
    route.fulfill(body='<meta name="version" content="00">', content_type="text/html")


def test_the_end_of_a_dialog_that_is_told_late_withdraws_nothing(house: House, page: Page) -> None:
    server = Impostor(page)
    page.goto(house.url)
    Visitor.at(page, "dee")
    server.answers["rooms"] = {"type": "later"}
    page.keyboard.press("Control+k")
    expect(page.locator("#switcher-notice")).to_have_text("asking the server…")
    page.locator("#switcher").dispatch_event("close")
    token = server.heard[-1]["token"]
    entry = {"room": "den", "count": 1, "head": 1}
    server.say({"type": "room_list", "rooms": [entry], "more": False, "token": token})
    expect(page.locator("#switcher-rooms > li")).to_have_text(["#den · 1 here"])
