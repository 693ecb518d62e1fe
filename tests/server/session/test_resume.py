"""Resuming a room: nothing is missed silently.

Every peer in these tests checks the law of reading: each message and each gap begins where the one before
it ended.
"""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore.journal import Page as Stretch
from chatcore.journal import Place, Unavailable
from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import Error, Gap, Join, Joined, Message, Position
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


class FailingJournal(SlowJournal):
    """A journal whose next ``failures`` reads fail."""

    failures = 0

    def read(self, room: str, deliver: Callable[[Stretch | Unavailable], None], **options: Any) -> None:
        if self._fails():
            self.waiting.append(lambda: deliver(Unavailable(2.0)))
        else:
            super().read(room, deliver, **options)

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        if self._fails():
            self.waiting.append(lambda: deliver(Unavailable(2.0)))
        else:
            super().seek(room, back, before, deliver, after=after)

    def _fails(self) -> bool:
        self.failures -= 1
        return self.failures >= 0


def member_with_posts(host: Host, count: int, *, size: int = 1) -> Peer:
    """Return a member that has posted ``count`` texts of at least ``size`` characters."""
    ana = host.member("ana")
    ana.post(*(f"{n}".rjust(size, ".") for n in range(1, count + 1)))
    return ana


def epoch(peer: Peer) -> str:
    """Take a peer's answer to its join and return the epoch."""
    return peer.take_all(Joined)[-1].epoch


def seqs(peer: Peer) -> list[int]:
    """Take the numbers of the messages that came."""
    return [message.seq for message in peer.take_all(Message)]


@pytest.mark.parametrize("tail_bytes", [1, 1_000_000], ids=["journal", "tail"])
@pytest.mark.parametrize("after", range(6))
def test_resuming_delivers_exactly_the_messages_after_the_position_and_then_new_ones(
    after: int, tail_bytes: int
) -> None:
    host = Host(tail_bytes=tail_bytes)
    ana = member_with_posts(host, 5)
    bob = host.member("bob", after=Position(epoch=epoch(ana), seq=after))
    joined = bob.one(Joined)
    assert (joined.head, joined.after) == (5, after)
    ana.post("new", prefix="new")
    assert seqs(bob) == [*range(after + 1, 6), 6]
    assert bob.take_all(Gap) == []


@pytest.mark.parametrize("history", [0, 1, 3, 5, 6, 2**53 - 1])
def test_a_join_with_history_delivers_as_many_of_the_latest_messages_as_there_are(history: int) -> None:
    host = Host()
    ana = member_with_posts(host, 5)
    bob = host.member("bob", history=history)
    joined = bob.one(Joined)
    assert (joined.head, joined.after) == (5, max(5 - history, 0))
    ana.post("new", prefix="new")
    assert seqs(bob) == [*range(max(5 - history, 0) + 1, 6), 6]


def test_a_join_with_history_delivers_at_most_one_page() -> None:
    host = Host(page_messages=3)
    member_with_posts(host, 5)
    assert seqs(host.member("bob", history=5)) == [3, 4, 5]


@pytest.mark.parametrize(
    "position", [("another", 3), ("another", 0), ("another", 99), (None, 6), (None, 2**53 - 1)]
)
def test_a_position_of_another_epoch_or_above_the_head_is_a_reset(position: tuple[str | None, int]) -> None:
    host = Host()
    ana = member_with_posts(host, 5)
    other, seq = position
    bob = host.member("bob", after=Position(epoch=other or epoch(ana), seq=seq))
    joined, gap, *_ = bob.take()
    assert isinstance(joined, Joined)
    assert (joined.head, joined.after) == (5, 0)
    assert gap == Gap(room="lobby", after=0, through=0, reason="reset")
    bob.send(Join(room="garden", after=Position(epoch="another", seq=7)))
    assert bob.one(Joined).after == 0


def test_after_a_reset_reading_starts_at_the_beginning_of_the_log() -> None:
    host = Host()
    member_with_posts(host, 5)
    assert seqs(host.member("bob", after=Position(epoch="another", seq=3))) == [1, 2, 3, 4, 5]


def test_resuming_before_the_oldest_stored_message_starts_with_a_gap() -> None:
    host = Host(memory_history_bytes=3_000, tail_bytes=500)
    ana = member_with_posts(host, 20)
    bob = host.member("bob", after=Position(epoch=epoch(ana), seq=2))
    gap = bob.one(Gap)
    assert (gap.after, gap.reason) == (2, "expired")
    assert 10 < gap.through < 20
    assert seqs(bob) == list(range(gap.through + 1, 21))


def test_a_single_expired_message_is_a_gap() -> None:
    host = Host(memory_history_bytes=3_000, tail_bytes=1)
    ana = member_with_posts(host, 20)
    current = epoch(ana)
    first = host.member("bob", history=20).one(Joined).after + 1
    cleo = host.member("cleo", after=Position(epoch=current, seq=first - 2))
    assert cleo.one(Gap) == Gap(room="lobby", after=first - 2, through=first - 1, reason="expired")
    dan = host.member("dan", after=Position(epoch=current, seq=first - 1))
    assert dan.take_all(Gap) == []
    assert seqs(cleo) == seqs(dan) == list(range(first, 21))


def test_a_join_with_history_gets_no_gap_for_messages_that_have_expired() -> None:
    host = Host(memory_history_bytes=3_000, tail_bytes=1)
    member_with_posts(host, 20)
    bob = host.member("bob", history=20)
    first = bob.one(Joined).after + 1
    assert first > 10
    assert seqs(bob) == list(range(first, 21))
    assert bob.take_all(Gap) == []


def test_a_reader_that_falls_off_the_tail_catches_up_from_the_journal_and_misses_nothing() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, tail_bytes=2_000, page_messages=7)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    for n in range(10):
        ana.post(*(f"{n}-{k}" for k in range(10)), prefix=f"p{n}")
        journal.work()
        host.pump()
    assert journal.reads == 0
    bob.window = None
    bob.drain()
    while journal.waiting:
        ana.post("more", prefix=f"more-{journal.reads}")
        journal.work()
        host.pump()
    assert journal.reads > 10
    assert seqs(bob) == list(range(1, host.hub.rooms["lobby"].head + 1))
    assert bob.take_all(Gap) == []


def test_messages_that_expire_while_a_reader_is_behind_are_a_gap_in_mid_stream() -> None:
    host = Host(tail_bytes=500, memory_history_bytes=5_000)
    ana, bob = host.member("ana"), host.member("bob")
    ana.post("seen")
    bob.window = 0
    ana.post("on its way", prefix="b")
    ana.post(*(str(n) for n in range(98)), prefix="c")
    bob.window = None
    bob.drain()
    gap = bob.one(Gap)
    assert (gap.after, gap.reason) == (2, "expired")
    assert seqs(bob) == [1, 2, *range(gap.through + 1, 101)]


def test_a_failed_read_of_the_journal_is_retried() -> None:
    journal = FailingJournal(Clock())
    host = Host(journal, tail_bytes=1)
    ana = member_with_posts(host, 5)
    journal.work()
    host.pump()
    journal.failures = 2
    bob = host.member("bob", after=Position(epoch=epoch(ana), seq=0))
    for _ in range(3):
        assert seqs(bob) == []
        journal.work()
        host.pump()
        host.advance(2.0)
    assert seqs(bob) == [1, 2, 3, 4, 5]
    assert bob.take_all(Error) == []


def test_a_join_whose_history_is_unavailable_is_refused_and_may_be_retried() -> None:
    journal = FailingJournal(Clock())
    host = Host(journal)
    ana = member_with_posts(host, 5)
    journal.work()
    host.pump()
    journal.failures = 1
    bob = host.member("bob", history=2)
    journal.work()
    host.pump()
    error = bob.error()
    assert (error.code, error.room, error.retry_after) == ("unavailable", "lobby", 2.0)
    assert bob.take_all(Joined) == []
    bob.send(Join(room="lobby", history=2))
    journal.work()
    host.pump()
    journal.work()
    host.pump()
    assert bob.one(Joined).after == 3
    assert seqs(bob) == [4, 5]
    assert not ana.ended


def test_nothing_of_a_room_arrives_before_the_answer_to_its_join() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = member_with_posts(host, 5)
    journal.work()
    host.pump()
    bob = host.member("bob", history=2)
    ana.post("meanwhile", prefix="new")
    waiting, journal.waiting = journal.waiting, []
    waiting[1]()  # the post is stored before the history is found
    host.settle()
    assert bob.take() == []
    waiting[0]()
    host.pump()
    journal.work()
    host.pump()
    joined, *messages = [frame for frame in bob.take() if isinstance(frame, Joined | Message)]
    assert isinstance(joined, Joined)
    assert [message.seq for message in messages if isinstance(message, Message)] == [4, 5, 6]


def replace(journal: SlowJournal, host: Host, *texts: str) -> None:
    """Replace the log by another one, with these texts in the lobby."""
    memory = MemoryJournal(clock=host.clock)
    if texts:
        Host(memory).member("dan").post(*texts)
    journal.memory = memory
    memory._feed = host.hub
    host.hub.opened(memory.epoch, memory._head)
    host.pump()
    journal.work()
    host.pump()


@pytest.mark.parametrize("texts", [(), ("older", "old")])
def test_members_start_afresh_when_the_journal_begins_a_new_epoch(texts: tuple[str, ...]) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = member_with_posts(host, 5)
    bob = host.member("bob")
    journal.work()
    host.pump()
    before = epoch(ana)
    bob.take()
    replace(journal, host, *texts)
    joined, gap, *messages = bob.take()
    assert isinstance(joined, Joined)
    assert joined.epoch != before
    assert (joined.head, joined.after) == (len(texts), 0)
    assert gap == Gap(room="lobby", after=0, through=0, reason="reset")
    assert [message.text for message in messages if isinstance(message, Message)] == list(texts)
    ana.post("new", prefix="new")
    journal.work()
    host.pump()
    assert seqs(bob) == [len(texts) + 1]


def test_a_page_of_an_earlier_epoch_is_not_delivered() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, tail_bytes=1)
    ana = member_with_posts(host, 5)
    journal.work()
    host.pump()
    bob = host.member("bob", after=Position(epoch=epoch(ana), seq=0))
    stale, journal.waiting = journal.waiting, []
    replace(journal, host, "one")
    bob.take()
    assert len(stale) == 1  # ana has been handed everything
    for job in stale:
        job()
    host.pump()
    assert bob.take() == []


@pytest.mark.parametrize("after", [None, 2])
def test_a_join_is_refused_where_its_history_is_of_an_epoch_that_has_not_begun_here(
    after: int | None,
) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = member_with_posts(host, 5)
    journal.work()
    host.pump()
    journal.memory = MemoryJournal(clock=host.clock)  # the log was replaced, and the hub does not know yet
    position = None if after is None else Position(epoch=epoch(ana), seq=after)
    bob = host.live("bob")
    bob.send(Join(room="lobby", after=position, history=3))
    journal.work()
    host.pump()
    assert bob.one(Error).code == "unavailable"
    assert bob.take_all(Joined) == []
