"""A join after a position that this node has not reached yet, as in a log that several machines share."""

from collections.abc import Callable, Sequence

import pytest

from chatcore.journal import Feed, Stored, Unavailable
from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import Error, Gap, Join, Joined, Leave, Left, Message, Position
from tests.server.driver import Clock, Host, Peer


class LateJournal(MemoryJournal):
    """A journal whose news reaches the hub only when `report` is called; it answers `reach` after that."""

    def start(self, feed: Feed) -> None:
        self.hub = feed
        self.tail_bytes = feed.tail_bytes
        self.held: list[Stored] = []
        self.asked: list[tuple[str, int, Callable[[bool | Unavailable], None]]] = []
        super().start(self)

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        self.hub.opened(epoch, head)

    def committed(self, messages: Sequence[Stored]) -> None:
        self.held += messages

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        self.asked.append((room, seq, deliver))

    def report(self) -> None:
        """Report what is stored, then answer."""
        held, self.held = self.held, []
        self.hub.committed(held)
        asked, self.asked = self.asked, []
        for room, seq, deliver in asked:
            super().reach(room, seq, deliver)


@pytest.fixture
def journal() -> LateJournal:
    """A journal that reports late."""
    return LateJournal(clock=Clock())


@pytest.fixture
def host(journal: LateJournal) -> Host:
    """A host whose hub knows two messages, while the journal holds four."""
    host = Host(journal)
    ana = host.member("ana")
    ana.post("one", "two")
    journal.report()
    ana.post("three", "four", prefix="late")
    return host


def join_after(host: Host, seq: int) -> Peer:
    """Join after a position of the epoch."""
    return host.member("bob", after=Position(epoch=host.hub.rooms["lobby"].epoch, seq=seq))


def test_a_join_ahead_of_this_node_waits_until_that_position_is_reached(
    host: Host, journal: LateJournal
) -> None:
    bob = join_after(host, 3)
    assert not bob.take_all(Joined)
    assert [(room, seq) for room, seq, _ in journal.asked] == [("lobby", 3)]
    journal.report()
    host.pump()
    joined = bob.one(Joined)
    assert (joined.after, joined.head) == (3, 4)
    assert [message.seq for message in bob.take_all(Message)] == [4]
    assert not bob.take_all(Gap)
    host.advance(10.0)
    assert not bob.take_all(Error)


def test_a_position_beyond_the_end_of_the_log_is_a_reset(host: Host, journal: LateJournal) -> None:
    bob = join_after(host, 5)
    assert not bob.take_all(Joined)
    journal.report()
    host.pump()
    assert bob.one(Joined).after == 0
    assert bob.one(Gap).reason == "reset"
    assert [message.seq for message in bob.take_all(Message)] == [1, 2, 3, 4]


def test_a_join_is_refused_when_its_position_is_not_reached_in_time(host: Host, journal: LateJournal) -> None:
    bob = join_after(host, 3)
    host.advance(4.9)
    assert not bob.take_all(Error)
    host.advance(0.2)
    error = bob.error()
    assert (error.code, error.room, error.retry_after) == ("unavailable", "lobby", 1.0)
    journal.report()
    host.pump()
    assert not bob.take_all(Joined)
    bob.send(Join(room="lobby", after=Position(epoch=host.hub.rooms["lobby"].epoch, seq=3)))
    assert bob.one(Joined).after == 3


def test_a_join_is_refused_when_the_journal_cannot_tell(host: Host, journal: LateJournal) -> None:
    bob = join_after(host, 3)
    journal.asked.pop()[2](Unavailable(2.5))
    host.pump()
    error = bob.error()
    assert (error.code, error.retry_after) == ("unavailable", 2.5)


def test_an_answer_that_comes_after_leaving_means_nothing(host: Host, journal: LateJournal) -> None:
    bob = join_after(host, 3)
    bob.send(Leave(room="lobby"))
    assert bob.take_all(Left)
    bob.lose()
    journal.report()
    host.advance(10.0)
    assert not bob.take_all(Joined)
    assert not bob.take_all(Error)


def test_a_new_epoch_ends_the_wait(host: Host, journal: LateJournal) -> None:
    bob = join_after(host, 3)
    journal.hub.opened("another", {"lobby": 9}.__getitem__)
    host.pump()
    assert bob.one(Joined).epoch == "another"
    assert bob.one(Gap).reason == "reset"
    host.advance(10.0)
    assert not bob.take_all(Error)
