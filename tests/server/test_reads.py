"""Reads of the journal: few at a time, in turns, and none for members that have left."""

from typing import Any

from chatcore.journal.memory import MemoryJournal
from chatcore.server.reads import OF_ONE, ON_THE_WAY
from tests.protocol.frames import Error, Gap, History, Join, Joined, Leave, Page
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal


def full_house(**limits: Any) -> tuple[Host, SlowJournal]:
    """Return a host whose lobby has messages, and its journal, which answers only when it is let."""
    clock = Clock()
    journal = SlowJournal(clock)
    options: dict[str, Any] = {"frames_per_second": None, "connections_per_address": None, **limits}
    host = Host(journal, clock=clock, **options)
    ana = host.member("ana")
    ana.post(*map(str, range(10)))
    journal.work()
    host.pump()
    host.settle()
    return host, journal


def work(host: Host, journal: SlowJournal) -> int:
    """Let the journal do all there is; return how many jobs it did."""
    done = 0
    while journal.waiting:
        done += len(journal.waiting)
        journal.work()
        host.pump()
    return done


def test_joins_with_history_that_are_left_are_not_read() -> None:
    host, journal = full_house()
    bob = host.live("bob")
    for _ in range(200):
        bob.send(Join(room="lobby", history=5), Leave(room="lobby"))
    assert len(journal.waiting) <= OF_ONE
    assert work(host, journal) <= OF_ONE
    assert len(host.hub.reads) == 0
    assert bob.take_all(Joined) == []
    assert bob.take_all(Error) == []


def test_reads_of_sessions_that_are_gone_are_dropped() -> None:
    host, journal = full_house()
    for number in range(50):
        peer = host.live(f"n{number}")
        peer.send(Join(room="lobby", history=5))
        peer.lose()
    assert len(journal.waiting) <= ON_THE_WAY
    assert len(host.hub.reads) == 0
    assert work(host, journal) <= ON_THE_WAY


def test_the_journal_has_few_reads_of_all_and_fewer_of_one_session() -> None:
    host, journal = full_house(rooms_per_session=None)
    bob = host.live("bob")
    for number in range(20):
        bob.send(Join(room=f"r{number}", history=1))
    assert len(journal.waiting) == OF_ONE
    for number in range(20):
        host.live(f"n{number}").send(Join(room="lobby", history=1))
    assert len(journal.waiting) == ON_THE_WAY
    work(host, journal)
    assert len(bob.take_all(Joined)) == 20


def test_a_session_that_asks_little_waits_for_one_turn_of_each_other() -> None:
    host, journal = full_house(rooms_per_session=None)
    greedy = [host.live(f"n{number}") for number in range(4)]
    for peer in greedy:
        for number in range(30):
            peer.send(Join(room=f"r{number}", history=1))
    bob = host.live("bob")
    bob.send(Join(room="lobby", history=3))
    journal.work()
    host.pump()
    journal.work()
    host.pump()
    assert bob.one(Joined).head == 10


def test_pages_that_waited_for_their_turn_are_answered_in_sequence() -> None:
    host, journal = full_house()
    peers = [host.member(f"n{number}") for number in range(30)]
    for peer in peers:
        peer.send(*(History(room="lobby", limit=2, token=f"t{number}") for number in range(4)))
    work(host, journal)
    for peer in peers:
        assert [page.token for page in peer.take_all(Page)] == ["t0", "t1", "t2", "t3"]


def test_a_member_that_leaves_and_joins_again_reads_from_its_new_position() -> None:
    host, journal = full_house()
    bob = host.live("bob")
    bob.send(Join(room="lobby", history=2), Leave(room="lobby"), Join(room="lobby", history=4))
    work(host, journal)
    assert len(bob.texts()) == 4
    assert bob.take_all(Gap) == []


def test_a_journal_that_answers_immediately_is_asked_immediately() -> None:
    clock = Clock()
    host = Host(MemoryJournal(clock=clock), clock=clock)
    host.member("ana").post("a", "b")
    bob = host.member("bob", history=2)
    assert bob.texts() == ["a", "b"]
    assert len(host.hub.reads) == 0
