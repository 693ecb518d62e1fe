"""How the page looks and reads, whatever it shows: by axe-core, by keyboard, and with nothing that jumps."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.processes import ChatServer
from tests.page.accessibility import NARROW, violations
from tests.page.browser import Visitor
from tests.page.servers import UNLIMITED, kill, serve
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer

LONG = "a long line\n" * 40
SHIFTS = """() => {
  globalThis.shifts = [];
  const note = (list) => shifts.push(...list.getEntries().filter((each) => !each.hadRecentInput));
  new PerformanceObserver(note).observe({ type: "layout-shift", buffered: true });
}"""
SHIFTED = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return shifts.map((each) => each.value);
}"""
TOO_SMALL = """() => [...document.querySelectorAll("button, input:not([type=checkbox]), select, textarea")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("[inert]"))
  .map((each) => ({ name: each.id || each.textContent, box: each.getBoundingClientRect() }))
  .filter(({ box }) => Math.min(box.width, box.height) < 43.5)
  .map(({ name, box }) => `${name}: ${box.width} by ${box.height}`)"""
DIALOGS = "() => [...document.querySelectorAll('dialog')].map((each) => each.id)"
SHOW = "(id) => document.getElementById(id).showModal()"
CLOSE = "(id) => document.getElementById(id).close()"
TOO_WIDE = """() => [...document.querySelectorAll("body, #room, #log, #header")]
  .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.id)"""
FONT_SIZES = """() => [...document.querySelectorAll("input:not([type=checkbox]), select, textarea")]
  .map((each) => Number.parseFloat(getComputedStyle(each).fontSize))"""
FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return ["the browser", true];
  const name = element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent;
  const styles = [element, element.parentElement].map((each) => getComputedStyle(each));
  return [name.trim(), styles[0].outlineStyle !== "none" || styles[1].boxShadow !== "none"];
}"""
IMAGES = """() => [...document.images].filter((each) => each.checkVisibility() && each.naturalWidth > 0)
  .flatMap((each) => [each.width, each.height])"""
ICON = "() => document.querySelector('link[rel=icon]').getAttribute('href')"
STYLED = "() => [...document.querySelectorAll('[style]')].map((each) => each.outerHTML)"
TWO_LINES = 48.0
PHONE = {"viewport": NARROW, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server that all scenes share: each has nicks and rooms of its own."""
    with serve("threaded", *UNLIMITED) as started:
        yield started


def _talk(server: ChatServer, room: str, nick: str) -> None:
    """Say one of each kind that a room can show."""
    with TypedPeer(server.port(1), "grace", room) as grace:
        for number, text in enumerate(("hello", f"{nick}: look", "`code` and https://example.org", LONG)):
            grace.post(text, f"{room}-{number}", room)
            grace.receive(Ack)
        grace.ask("post", room=room, id=f"{room}-a", text="waves", kind="action")
        grace.receive(Ack)


def test_axe_finds_nothing_at_the_door(browser: Browser, server: ChatServer) -> None:
    page = browser.new_page()
    page.goto(server.url)
    assert violations(page) == []
    page.get_by_label("Your name").fill("no name")
    page.keyboard.press("Enter")
    expect(page.locator("#door-notice")).to_be_visible()
    assert violations(page) == []
    page.context.close()


def test_axe_finds_nothing_in_what_a_room_shows(browser: Browser, server: ChatServer) -> None:
    hal = Visitor(browser, server.url, "hal")
    hal.go_to("axe")
    expect(hal.page.get_by_text("Nothing has been said here yet")).to_be_visible()
    assert violations(hal.page) == []
    _talk(server, "axe", "hal")
    hal.sees("waves")
    hal.say("\x1b[31mred")
    hal.page.get_by_role("button", name="Edit").wait_for()
    hal.page.get_by_role("button", name=re.compile(r"^\d+ here")).click()
    hal.page.locator("#nicks").get_by_text("hal").wait_for()
    assert violations(hal.page) == []
    assert hal.faults == []


def test_axe_finds_nothing_in_any_dialog(browser: Browser, server: ChatServer) -> None:
    ida = Visitor(browser, server.url, "ida")
    ida.go_to("dialogs")
    _talk(server, "dialogs", "ida")
    ida.sees("waves")
    for dialog in ida.page.evaluate(DIALOGS):
        ida.page.evaluate(SHOW, dialog)
        assert violations(ida.page) == []
        ida.page.evaluate(CLOSE, dialog)
    for name in ("Change name", "Forget me here"):
        ida.page.get_by_role("button", name=name).click()
        ida.page.get_by_role("dialog").wait_for()
        assert violations(ida.page) == []
        ida.page.keyboard.press("Escape")
    _search(ida.page, "look")
    ida.page.get_by_text("1 found").wait_for()
    assert violations(ida.page) == []
    ida.page.keyboard.press("Escape")
    ida.page.keyboard.press("Control+k")
    ida.page.get_by_role("dialog").get_by_role("button", name="#dialogs").wait_for()
    assert violations(ida.page) == []
    assert ida.faults == []


def _search(page: Page, words: str) -> None:
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Words").fill(words)
    page.keyboard.press("Enter")


def test_axe_finds_nothing_without_a_connection_or_in_a_second_window(browser: Browser) -> None:
    with serve("asyncio") as server:
        jan = Visitor(browser, server.url, "jan")
        first = jan.page
        jan.come_back(server.url)
        jan.wait_until_live()
        first.get_by_text("open in another window").wait_for()
        assert violations(first) == []
        kill(server)
        jan.waits_for_the_server()
        jan.say("later")
        jan.sees_unsent("later")
        assert violations(jan.page) == []
        assert jan.faults == []


def test_nothing_jumps_while_the_page_loads_or_somebody_writes(browser: Browser, server: ChatServer) -> None:
    kit = Visitor(browser, server.url, "kit")
    kit.go_to("still")
    _talk(server, "still", "kit")
    kit.sees("waves")
    kit.context.add_init_script(f"({SHIFTS})()")
    kit.page.reload()
    kit.wait_until_live()
    kit.sees("waves")
    kit.say("one")
    kit.sees("one")
    kit.say("two")
    kit.sees("two")
    assert kit.page.evaluate(SHIFTED) == []
    assert kit.faults == []


def test_a_line_is_as_high_as_it_will_be_when_it_is_stored(browser: Browser) -> None:
    with serve("asyncio") as server:
        lou = Visitor(browser, server.url, "lou")
        for text in ("one", "two"):
            lou.say(text)
            lou.sees(text)
        kill(server)
        lou.waits_for_the_server()
        lou.say("three")
        lou.sees_unsent("three")
    stored, unsent = (lou.row(text).bounding_box() for text in ("two", "three"))
    assert stored is not None
    assert unsent is not None
    assert unsent["height"] == stored["height"] < TWO_LINES
    assert lou.faults == []


def test_nothing_scrolls_sideways_or_is_squeezed_in_320_pixels(browser: Browser, server: ChatServer) -> None:
    kai = Visitor(browser, server.url, "kai", viewport={"width": 320, "height": 400})
    kai.go_to("small")
    with TypedPeer(server.port(1), "a-very-long-nick-of-thirty-two-c", "small") as peer:
        peer.ask("post", room="small", id="a", text="waves at everybody", kind="action")
        peer.receive(Ack)
        peer.post("`" + "w" * 200 + "`", "b", "small")
        peer.receive(Ack)
    kai.sees("waves at everybody")
    assert kai.page.evaluate(TOO_WIDE) == []
    box = kai.page.locator(".action > .text").bounding_box()
    assert box is not None
    assert box["width"] > 100
    assert kai.faults == []


def test_what_is_pressed_on_a_phone_is_large_enough(browser: Browser, server: ChatServer) -> None:
    mel = Visitor(browser, server.url, "mel", **PHONE)
    assert mel.page.evaluate(TOO_SMALL) == []
    mel.page.get_by_role("button", name="Rooms", exact=True).tap()
    assert mel.page.evaluate(TOO_SMALL) == []
    mel.page.get_by_role("button", name="Other rooms").tap()
    mel.page.get_by_role("textbox", name="Room", exact=True).fill("phone")
    mel.page.keyboard.press("Enter")
    expect(mel.page.locator("#room-name")).to_have_text("#phone")
    _talk(server, "phone", "mel")
    mel.sees("waves")
    assert mel.page.evaluate(TOO_SMALL) == []
    for dialog in mel.page.evaluate(DIALOGS):
        mel.page.evaluate(SHOW, dialog)
        assert mel.page.evaluate(TOO_SMALL) == []
        mel.page.evaluate(CLOSE, dialog)
    assert min(mel.page.evaluate(FONT_SIZES)) >= 16  # else iOS zooms in
    assert mel.faults == []


def test_all_is_reached_by_keyboard_and_focus_comes_back(browser: Browser, server: ChatServer) -> None:
    ned = Visitor(browser, server.url, "ned")
    page = ned.page
    expect(ned.box).to_be_focused()
    reached = _tab_through(page)
    names = ("#lobby", "Other rooms", "Forget me", "here", "Search", "Leave", "Messages", "Message", "Send")
    assert [name for name in names if not any(name in each for each in reached)] == []
    for name in ("Search", "Other rooms"):
        button = page.get_by_role("button", name=name)
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
    assert ned.faults == []


def test_the_arrows_go_through_the_rooms_and_focus_stays_when_a_row_goes(
    browser: Browser, server: ChatServer
) -> None:
    pia = Visitor(browser, server.url, "pia")
    pia.go_to("arrows-and-rows")
    pia.page.keyboard.press("Control+k")
    pia.page.keyboard.type("lobb")
    pia.page.get_by_role("dialog").get_by_role("button", name="#lobby").wait_for()
    pia.page.keyboard.press("ArrowDown")
    pia.page.keyboard.press("Enter")
    expect(pia.page.locator("#room-name")).to_have_text("#lobby")
    pia.say("\x1b[31mred")
    pia.page.get_by_role("button", name="Discard").press("Enter")
    expect(pia.page.get_by_role("log")).to_be_focused()
    assert pia.faults == []


def test_code_may_have_lines_and_is_copied_as_it_was_written(browser: Browser, server: ChatServer) -> None:
    quinn = Visitor(browser, server.url, "quinn")
    quinn.go_to("code")
    block, inline = "```python\nif a:\n    `b`\n```", "`c`"
    written = f"so:\n{block}\nand {inline}, no end: ```d"
    quinn.say(written)
    quinn.sees(written)
    assert quinn.page.locator(".text code").all_text_contents() == [block, inline]
    assert quinn.texts == [written]
    assert quinn.page.locator(".text code.block").count() == 1
    assert quinn.faults == []


def test_the_icon_is_shown_where_the_policy_is_in_force(browser: Browser, server: ChatServer) -> None:
    ros = Visitor(browser, server.url, "ros")
    assert ros.page.evaluate(IMAGES) == [24, 24]
    assert ros.page.request.get(f"{server.url}/{ros.page.evaluate(ICON)}").ok
    assert ros.page.evaluate(STYLED) == []
    assert ros.faults == []


def _tab_through(page: Page) -> list[str]:
    """Press Tab until focus is where it began; return the names of what had it, and showed that."""
    reached: dict[str, bool] = {}
    while True:
        name, is_shown = page.evaluate(FOCUSED)
        if name in reached:
            assert [name for name, is_shown in reached.items() if not is_shown] == []
            return list(reached)
        reached[name] = is_shown
        page.keyboard.press("Tab")


def test_the_rooms_of_a_narrow_window_keep_focus_until_they_are_closed(
    browser: Browser, server: ChatServer
) -> None:
    oda = Visitor(browser, server.url, "oda", viewport=NARROW)
    rooms = oda.page.get_by_role("button", name="Rooms", exact=True)
    close = oda.page.get_by_role("button", name="Close the list")
    rooms.press("Enter")
    expect(close).to_be_focused()
    assert violations(oda.page) == []
    assert all("Message" not in each for each in _tab_through(oda.page))
    oda.page.keyboard.press("Escape")
    expect(close).to_be_hidden()
    expect(rooms).to_be_focused()
    rooms.click()
    oda.page.mouse.click(380, 300)
    expect(close).to_be_hidden()
    expect(rooms).to_be_focused()
    assert oda.faults == []
