"""Two browsers and a client of the typed wire talk, while the server is killed and starts again."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.browser import Visitor
from tests.page.servers import OTHER, TRANSPORTS, Place, kill, transports
from tests.protocol.frames import Message
from tests.transports.peers import TypedPeer


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_is_missing_twice_or_reordered_over_a_kill(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    place = Place(tmp_path)
    with place.serve(transport) as server:
        ada, bob = Visitor(browser, place.url, "ada"), Visitor(browser, place.url, "bob")
        with TypedPeer(place.port, "carol", "lobby") as carol:
            ada.say("one")
            bob.sees("one")
            bob.say("two")
            carol.receive(Message, where=lambda message: message.text == "two")
            carol.post("three", "c-3")
            for visitor in (ada, bob):
                visitor.sees("three")
            kill(server)
    ada.waits_for_the_server()
    ada.say("four")
    ada.say("five")
    ada.sees_unsent("five")
    with place.serve(OTHER[transport]), TypedPeer(place.port, "dave", "lobby") as dave:
        for visitor in (ada, bob):
            visitor.notice_network()
            visitor.sees("five")
        dave.post("six", "d-6")
        for visitor in (ada, bob):
            visitor.sees("six")
            assert visitor.texts == visitor.shown == ["one", "two", "three", "four", "five", "six"]
            assert visitor.faults == []


@pytest.mark.parametrize("transport", transports("threaded"))
def test_lines_that_were_not_sent_are_sent_by_the_next_page(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    place = Place(tmp_path)
    forgets_ids = ("--limit", "dedupe_seconds=0.001")
    with place.serve(transport, *forgets_ids) as server:
        ada = Visitor(browser, place.url, "ada")
        ada.say("one")
        ada.sees("one")
        kill(server)
    ada.waits_for_the_server()
    for text in ("two", "three", "four"):
        ada.say(text)
    ada.sees_unsent("four")
    ada.page.close()
    with place.serve(transport, *forgets_ids), TypedPeer(place.port, "dave", "lobby") as dave:
        ada.come_back(place.url)
        ada.sees("four")
        ada.sees("one")
        assert ada.texts == ["one", "two", "three", "four"]
        assert [dave.receive(Message).text for _ in range(3)] == ["two", "three", "four"]
        dave.post("five", "d-5")
        ada.sees("five")
        assert dave.receive(Message).text == "five"
        assert ada.faults == []


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_a_room_whose_messages_are_lost_says_so_and_starts_over(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    first, second = Place(tmp_path), Place(tmp_path / "other")
    (tmp_path / "other").mkdir()
    with first.serve(transport) as server:
        ada = Visitor(browser, first.url, "ada")
        ada.say("one")
        ada.sees("one")
        ada.has_sent_all()  # else it would be sent again, to the other one
        kill(server)
    ada.waits_for_the_server()
    ada.say("not sent yet")
    ada.sees_unsent("not sent yet")
    second.take_over(first)
    with second.serve(transport):
        ada.notice_network()
        ada.page.get_by_text("it starts over here").wait_for()
        ada.say("two")
        ada.sees("two")
        assert ada.texts == ["not sent yet", "two"]
        assert ada.faults == []
