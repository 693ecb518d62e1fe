"""Two hubs that share a record and a directory, each served by a transport: one set of nicks, one room."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore.journal.replicated import ReplicatedJournal
from chatcore.replication.memory import MemoryLog
from chatcore.roster.machine import LEASE
from chatcore.server.hub import Hub
from chatcore.server.shared_directory import SharedDirectory
from tests.limits import split_limits
from tests.protocol.frames import Closing, Error, Message, NickFrame, Presence, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import TypedPeer
from tests.transports.servers import OPEN, House

RACES = 40


class OldLog(MemoryLog):
    """A log whose first lease is over: at first nobody would get a nick."""

    def __init__(self) -> None:
        self._ahead = 0
        super().__init__(lambda: time.monotonic_ns() // 1_000 + self._ahead)
        self.append(b"nothing")
        self._ahead = round(2 * LEASE * 1_000_000)


@pytest.fixture
def houses(serve: Serve, tmp_path: Path) -> Iterator[tuple[House, House]]:
    """Two houses, each with a hub of its own."""
    limits, _ = split_limits({**OPEN, "new_rooms_per_minute": None})
    record, live = MemoryLog(), OldLog()
    with ExitStack() as stack:

        def open_house(name: str) -> House:
            journal = ReplicatedJournal(tmp_path / f"{name}.db", record.connect())
            directory = SharedDirectory(live.connect(), limits)
            hub = stack.enter_context(closing(Hub(journal, limits, directory=directory)))
            return stack.enter_context(closing(serve(hub=hub)))

        yield open_house("one"), open_house("two")


def claim(house: House, nick: str, secret: str | None = None) -> TypedPeer:
    """Ask for a nick, and do not wait for the answer."""
    peer = house.typed()
    session = {} if secret is None else {"session": secret}
    peer.ask("hello", protocol=1, nick=nick, **session)
    return peer


def test_members_of_both_see_each_other_and_read_one_log(houses: tuple[House, House]) -> None:
    one, two = houses
    ada = one.member("ada")
    bob = two.member("bob")
    ada.receive(Presence, where=lambda frame: "bob" in (frame.joined or ()))
    bob.receive(Presence, where=lambda frame: "ada" in (frame.joined or ()) or frame.count == 2)
    ada.post("hello", "1")
    assert bob.receive(Message).text == "hello"
    ada.ask("nick", nick="cleo")
    assert ada.receive(NickFrame).nick == "cleo"
    renamed = bob.receive(Presence, where=lambda frame: bool(frame.renamed)).renamed
    assert [(each.old, each.new) for each in renamed or ()] == [("ada", "cleo")]
    assert bob.who() == ("bob", "cleo")
    bob.close()
    ada.receive(Presence, where=lambda frame: "bob" in (frame.left or ()))
    ada.wait_until_alone()


def test_a_secret_moves_a_session_from_one_to_the_other_and_back(houses: tuple[House, House]) -> None:
    one, two = houses
    first = claim(one, "ada")
    secret = first.receive(Welcome).session
    second = claim(two, "ada", secret)
    assert second.receive(Welcome).session == secret
    assert first.receive(Closing).reason == "taken_over"
    third = claim(one, "ada", secret)
    assert third.receive(Welcome).session == secret
    assert second.receive(Closing).reason == "taken_over"


def test_a_nick_that_is_claimed_at_both_at_once_has_one_holder(houses: tuple[House, House]) -> None:
    for number in range(RACES):
        peers = [claim(house, f"n{number}") for house in houses]
        answers = [peer.receive_frame() for peer in peers]
        refused = [answer for answer in answers if isinstance(answer, Error)]
        assert [answer.code for answer in refused] == ["nick_taken"]
        assert sum(isinstance(answer, Welcome) for answer in answers) == 1


def test_people_of_the_plain_wire_have_numbers_of_their_own(houses: tuple[House, House]) -> None:
    one, two = houses
    ada, bob = one.plain(), two.plain()
    assert ada.nick != bob.nick
    bob.say("/nick cleo")
    while "you are now cleo" not in bob.hear():
        pass
    ada.say("/nick cleo")
    while "you are now cleo-2" not in ada.hear():
        pass
