"""The list of rooms, on request. Every peer in these tests checks that names are in order."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chatcore.gate import OpenGate, Person, Refusal
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import HistoryLimits
from tests import rows
from tests.journal.contract.makers import MAKERS
from tests.protocol.codec import encode
from tests.protocol.frames import Error, Join, Leave, Post, RoomEntry, RoomList, Rooms, Time
from tests.server.driver import Clock, Host, Peer
from tests.server.waiting_journal import WaitingJournal

OPEN: dict[str, Any] = {
    "connections_per_address": None,
    "frames_per_second": None,
    "new_rooms_per_minute": None,
    "rooms_per_session": None,
    "presence_seconds": 60.0,
}
"""Limits that these tests are not about are off."""


class Veil(OpenGate):
    """A gate that hides rooms, and says which are private."""

    def __init__(self, hidden: set[str] | None = None, private: set[str] | None = None) -> None:
        self.hidden = hidden or set()
        self.private = private or set()
        self.looks = 0

    def may_see(self, person: Person, room: str) -> bool:
        self.looks += 1
        return room not in self.hidden

    def is_private(self, room: str) -> bool:
        return room in self.private


@pytest.fixture
def journal() -> WaitingJournal:
    """A journal in memory whose answers a test may hold back."""
    return WaitingJournal(MemoryJournal(clock=Clock()))


@pytest.fixture
def host(journal: WaitingJournal) -> Host:
    """A host with that journal."""
    return Host(journal, **OPEN)


def ask(peer: Peer, **fields: Any) -> RoomList:
    """Ask for a page."""
    peer.send(Rooms(**fields))
    return peer.one(RoomList)


def names(page: RoomList) -> list[str]:
    """Return the names of a page."""
    return [entry.room for entry in page.rooms]


def walk(peer: Peer, between: Callable[[], None] = lambda: None, **fields: Any) -> list[str]:
    """Ask page by page; return all names."""
    found: list[str] = []
    page = ask(peer, **fields)
    while page.more:
        found += names(page)
        between()
        page = ask(peer, **{**fields, "after": page.rooms[-1].room})
    return found + names(page)


# --- what is listed ------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", rows.journals_for(__name__))
def test_rooms_with_messages_and_rooms_with_members_are_listed_in_order(maker: str, tmp_path: Path) -> None:
    clock = Clock(1_800_000_000.0)
    journal = WaitingJournal(MAKERS[maker].make(tmp_path, HistoryLimits(), clock))
    host = Host(journal, clock=clock, **OPEN)
    head = {room: journal.store("hi", room=room)[0] for room in ("b", "d", "d-1", "gone")}
    host.hub.remove_room("gone").result()
    ana = host.member("ana", "D")
    ana.send(Join(room="C"), Join(room="e"), Join(room="gone"))
    at = Time("2027-01-15T08:00:00Z")
    expected = (
        RoomEntry(room="b", count=0, head=head["b"], at=at),
        RoomEntry(room="c", count=1, head=0),
        RoomEntry(room="d", count=1, head=head["d"], at=at),
        RoomEntry(room="d-1", count=0, head=head["d-1"], at=at),
        RoomEntry(room="e", count=1, head=0),
        RoomEntry(room="gone", count=1, head=0),
    )
    assert ask(ana, token="t 1") == RoomList(rooms=expected, more=False, token="t 1")
    for limit in range(1, 8):
        page = ask(ana, limit=limit)
        assert (page.rooms, page.more) == (expected[:limit], limit < 6)
        assert walk(ana, limit=limit) == [entry.room for entry in expected]
    assert names(ask(ana, prefix="D")) == ["d", "d-1"]
    assert names(ask(ana, prefix="D", after="D")) == ["d-1"]
    assert names(ask(ana, prefix="d-", limit=1)) == ["d-1"]
    assert names(ask(ana, prefix="d", after="A", limit=1)) == ["d"]
    assert ask(ana, prefix="D", after="E").rooms == ask(ana, prefix="nothing").rooms == ()
    assert names(ask(ana, after="Gone")) == []
    ana.send(Post(room="gone", id="again", text="hi"))
    (entry,) = ask(ana, prefix="gone").rooms
    assert (entry.head > head["gone"], entry.at) == (True, at)
    host.hub.close()


def test_a_server_without_rooms_has_an_empty_list(host: Host) -> None:
    assert ask(host.live("ana")) == RoomList(rooms=(), more=False)


def test_a_room_is_listed_once_by_all_its_members_and_not_for_a_program_that_reads(host: Host) -> None:
    host.member("ana")
    with host.hub.subscribe("quiet"):
        assert ask(host.member("bob")).rooms == (RoomEntry(room="lobby", count=2, head=0),)


def test_a_private_room_says_so() -> None:
    host = Host(gate=Veil(private={"staff"}), **OPEN)
    ana = host.member("ana", "staff")
    ana.send(Join(room="open"))
    assert [(entry.room, entry.private) for entry in ask(ana).rooms] == [("open", None), ("staff", True)]


def test_a_list_needs_a_hello(host: Host) -> None:
    peer = host.connect()
    peer.send(Rooms(token="t"))
    assert peer.error().code == "bad_state"


# --- how much ------------------------------------------------------------------------------------

LONGEST = RoomEntry(
    room="r" * 64, count=2**53 - 1, head=2**53 - 1, at=Time("2026-11-23T14:35:25.649329Z"), private=True
)


def test_no_entry_is_longer_than_what_is_reckoned_for_it() -> None:
    def size(*entries: RoomEntry) -> int:
        return len(encode(RoomList(rooms=entries, more=False, token='"' * 64)))

    assert size(LONGEST, LONGEST) - size(LONGEST) <= 176
    assert size() <= 256


class Endless(MemoryJournal):
    """A journal whose rooms have the highest numbers."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.step = (2**53 - 1) // 2


@pytest.mark.parametrize("line_bytes", [1_924, 4_000, 65_536])
def test_a_list_fits_a_line(line_bytes: int) -> None:
    journal = WaitingJournal(Endless(Clock()))
    rooms = [f"{n:03}".ljust(64, "x") for n in range(400)]
    host = Host(journal, gate=Veil(private=set(rooms)), line_bytes=line_bytes, text_bytes=300, **OPEN)
    for room in rooms:
        journal.store("one", "two", room=room)
    ana = host.live("ana")
    before = len(ana.received)
    page = ask(ana, token='"' * 64, limit=2**53 - 1)
    assert len(page.rooms) == (line_bytes - 256) // 176
    assert line_bytes * 0.8 < len(ana.received) - before <= line_bytes
    assert walk(ana) == rooms


# --- rooms that come and go ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_room_that_exists_all_the_while_is_listed_once_while_others_come_and_go(seed: int) -> None:
    random = Random(seed)
    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, **OPEN)
    ana, bob = host.live("ana"), host.live("bob")
    everything = [f"{a}{b}" for a in "abcdef" for b in "xyz"]
    random.shuffle(everything)
    staying, others = everything[:9], everything[9:]
    for room in staying:
        if random.random() < 0.5:
            journal.store("hi", room=room)
        else:
            ana.send(Join(room=room))
    here: set[str] = set()

    def change() -> None:
        for room in random.sample(others, 4):
            bob.send(Leave(room=room) if room in here else Join(room=room))
            here.symmetric_difference_update({room})

    found = walk(host.live("cleo"), change, limit=random.randint(1, 4))
    assert len(found) == len(set(found))
    assert set(staying) <= set(found)


def test_a_room_is_not_lost_that_is_first_posted_in_and_left_while_the_list_is_made(
    host: Host, journal: WaitingJournal
) -> None:
    ana = host.member("ana", "b")
    ana.send(Join(room="d"), Join(room="e"))
    journal.store("hi", room="c")
    bob = host.live("bob")
    journal.answered = {"rooms"}
    bob.send(Rooms())
    ana.send(Post(room="b", id="1", text="hi"), Leave(room="b"), Leave(room="d"))
    journal.answered = set()
    journal.answer()
    host.pump()
    page = bob.one(RoomList)
    assert [(entry.room, entry.count, entry.head) for entry in page.rooms] == [
        ("b", 0, 1),
        ("c", 0, 1),
        ("e", 1, 0),
    ]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_while_a_list_is_made_no_room_is_lost_or_shown_that_is_hidden(seed: int) -> None:
    random = Random(seed)
    gate = Veil({f"{a}{b}" for a in "abcdef" for b in "xyz" if random.random() < 0.3})
    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, gate=gate, **OPEN)
    city = City(host, random)
    cleo = host.live("cleo")
    found: list[str] = []
    more = True
    while more:
        journal.held = {"rooms"}
        cleo.send(Rooms(limit=random.randint(1, 4), after=found[-1] if found else None))
        while not (pages := cleo.take_all(RoomList)):
            journal.answered = {"rooms"}
            journal.ask()
            city.change()
            journal.answered = set()
            journal.answer()
            city.change()
            host.pump()
        found += names(pages[0])
        more = pages[0].more
    assert found == sorted(set(found))
    assert gate.hidden.isdisjoint(found)
    assert city.lasting - gate.hidden <= set(found)


class City:
    """Rooms that people enter, post in and leave at any moment.

    ``lasting`` are those that have existed all the while.
    """

    def __init__(self, host: Host, random: Random) -> None:
        self.random = random
        self.people = [host.live(nick) for nick in ("ana", "bob")]
        self.rooms = [f"{a}{b}" for a in "abcdef" for b in "xyz"]
        self.here: list[set[str]] = [set(), set()]
        self.posted: set[str] = set()
        for _ in range(12):
            self._act()
        self.lasting = self._existing()

    def change(self) -> None:
        """Let a few things happen."""
        for _ in range(self.random.randint(0, 8)):
            self._act()
            self.lasting &= self._existing()

    def _existing(self) -> set[str]:
        return self.posted | self.here[0] | self.here[1]

    def _act(self) -> None:
        number = self.random.randrange(2)
        person, here, room = self.people[number], self.here[number], self.random.choice(self.rooms)
        if room not in here:
            person.send(Join(room=room))
            here.add(room)
            return
        if self.random.random() < 0.6:
            person.send(Post(room=room, id=f"{self.random.random()}", text="hi"))
            self.posted.add(room)
        person.send(Leave(room=room))
        here.discard(room)


# --- what is hidden ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_hidden_rooms_are_in_no_list_and_change_nothing(seed: int) -> None:
    random = Random(seed)
    rooms = sorted(f"{random.choice('abc')}{n}" for n in range(random.randint(0, 60)))
    gate = Veil({room for room in rooms if random.random() < random.choice((0.1, 0.5, 0.95))})
    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, gate=gate, **OPEN)
    ana, bob = host.live("ana"), host.live("bob")
    for room in rooms:
        if random.random() < 0.6:
            journal.store("hi", room=room)
        else:
            ana.send(Join(room=room))
    seen = [room for room in rooms if room not in gate.hidden]
    for limit in (1, 2, 3, 7, 100):
        for prefix in (None, "b"):
            wanted = [room for room in seen if room.startswith(prefix or "")]
            page = ask(bob, limit=limit, prefix=prefix)
            assert (names(page), page.more) == (wanted[:limit], len(wanted) > limit)
            assert walk(bob, limit=limit, prefix=prefix) == wanted


def test_where_all_is_hidden_the_list_is_empty() -> None:
    rooms = {f"r{n:04}" for n in range(1_000)}
    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, gate=Veil(rooms), **OPEN)
    for room in rooms:
        journal.store("hi", room=room)
    assert ask(host.live("ana"), limit=1) == RoomList(rooms=(), more=False)
    assert len(journal.asked) < 15  # stretches grow


def test_a_room_that_is_hidden_while_a_list_is_made_is_not_in_it(journal: WaitingJournal) -> None:
    gate = Veil({"b", "c", "d", "e"})
    host = Host(journal, gate=gate, **OPEN)
    for room in "abcdef":
        journal.store("hi", room=room)
    ana = host.live("ana")
    journal.held = {"rooms"}
    ana.send(Rooms(limit=1))
    journal.ask()
    gate.hidden.add("a")
    journal.held = set()
    journal.ask()
    host.pump()
    page = ana.one(RoomList)
    assert (names(page), page.more) == (["f"], False)


def test_what_a_failing_gate_cannot_answer_is_hidden_or_private(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(OpenGate):
        def may_see(self, person: Person, room: str) -> bool:
            if room == "b":
                raise RuntimeError("a bug")
            return True

        def is_private(self, room: str) -> bool:
            if room == "c":
                raise RuntimeError("a bug")
            return False

    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, gate=Broken(), **OPEN)
    for room in "abcd":
        journal.store("hi", room=room)
    page = ask(host.live("ana"))
    assert [(entry.room, entry.private) for entry in page.rooms] == [("a", None), ("c", True), ("d", None)]
    assert "the gate failed" in caplog.text


# --- while it is being made ----------------------------------------------------------------------


def test_a_list_that_the_journal_cannot_give_is_refused_and_may_be_retried(
    host: Host, journal: WaitingJournal
) -> None:
    ana = host.live("ana")
    journal.failing = {"rooms"}
    ana.send(Rooms(token="1"), Rooms(token="2"))
    assert [(error.code, error.id, error.retry_after) for error in ana.take_all(Error)] == [
        ("unavailable", "1", 2.0),
        ("unavailable", "2", 2.0),
    ]
    journal.failing = set()
    assert ask(ana).rooms == ()


def test_lists_are_made_one_at_a_time_and_answered_in_order(host: Host, journal: WaitingJournal) -> None:
    ana = host.member("ana")
    journal.held = {"rooms"}
    ana.send(Rooms(token="1"), Rooms(token="2"), Rooms(token="3"))
    for n in range(1, 4):
        assert journal.asked == ["rooms"] * n
        journal.ask()
        host.pump()
        assert ana.one(RoomList).token == str(n)
    assert len(journal.asked) == 3


def test_leaving_a_room_while_a_list_is_made_does_not_end_it(host: Host, journal: WaitingJournal) -> None:
    ana = host.member("ana")
    ana.send(Join(room="other"))
    journal.held = {"rooms"}
    ana.send(Rooms(), Leave(room="lobby"))
    journal.ask()
    host.pump()
    assert names(ana.one(RoomList)) == ["other"]


def test_a_list_is_still_sent_to_who_says_goodbye(host: Host, journal: WaitingJournal) -> None:
    ana = host.member("ana")
    journal.held = {"rooms"}
    ana.send(Rooms())
    ana.eof()
    assert not ana.ended
    journal.ask()
    host.pump()
    assert names(ana.one(RoomList)) == ["lobby"]
    assert ana.ended


def test_nothing_more_is_read_for_who_is_gone(journal: WaitingJournal) -> None:
    gate = Veil(set("abcdef"))
    host = Host(journal, gate=gate, **OPEN)
    for room in "abcdef":
        journal.store("hi", room=room)
    ana = host.live("ana")
    journal.held = {"rooms"}
    ana.send(Rooms(limit=1))
    ana.lose()
    journal.ask()
    host.pump()
    assert journal.asked == ["rooms"]
    assert gate.looks == 0


def test_a_list_takes_one_from_the_allowance() -> None:
    host = Host(frames_per_second=1.0, frames_burst=3)
    ana = host.live("ana")
    ana.send(Rooms(), Rooms(), Rooms(token="t"))
    assert len(ana.take_all(RoomList)) == 2
    error = ana.error()
    assert (error.code, error.id) == ("rate_limited", "t")


def test_guests_are_listed_what_they_may_enter() -> None:
    class Club(OpenGate):
        def may_join(self, person: Person, room: str) -> Refusal | None:
            return Refusal("forbidden", "members only") if room == "club" else None

    journal = WaitingJournal(MemoryJournal(clock=Clock()))
    host = Host(journal, gate=Club(), **OPEN)
    journal.store("hi", room="club")
    journal.store("hi", room="pub")
    assert names(ask(host.live("ana"))) == ["pub"]


@pytest.fixture(autouse=True)
def closed(host: Host) -> Iterator[None]:
    """Close what the fixtures opened."""
    yield
    host.hub.close()
