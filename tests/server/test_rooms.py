"""Rooms come and go: loaded when somebody enters, forgotten when nobody is left."""

from typing import Any

import pytest

from chatcore.journal import Draft, Head, Unavailable
from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import (
    Ack,
    Error,
    Gap,
    Join,
    Joined,
    Leave,
    Left,
    Message,
    Position,
    Post,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.late import LateHeads
from tests.server.leftovers import left_in, waits_in


def late(**limits: Any) -> tuple[LateHeads, Host]:
    """Return a journal whose heads come late, and a host that has it."""
    clock = Clock()
    journal = LateHeads(clock)
    return journal, Host(journal, clock=clock, **limits)


def work(journal: LateHeads, host: Host) -> None:
    """Let the journal answer."""
    journal.work()
    host.pump()


def answer(journal: LateHeads, host: Host, head: Head | Unavailable) -> None:
    """Let the journal give one answer."""
    journal.answer(head)
    host.pump()


def write(host: Host, journal: MemoryJournal, *texts: str, room: str = "lobby") -> None:
    """Store messages of nobody who is connected."""
    start = journal._head(room)
    journal.submit(
        [Draft(room, f"w-{start + n}", "writer", text) for n, text in enumerate(texts, 1)], lambda _: None
    )
    host.pump()


# --- loading -------------------------------------------------------------------------------------


def test_a_join_is_answered_once_the_journal_has_told_the_head() -> None:
    journal, host = late()
    write(host, journal, "one", "two")
    ana = host.member("ana")
    assert ana.take_all(Joined) == []
    assert not host.hub.rooms
    work(journal, host)
    joined = ana.one(Joined)
    assert (joined.head, joined.after, joined.count) == (2, 2, 1)
    assert list(host.hub.rooms) == ["lobby"]
    assert waits_in(ana.session) == {}


def test_messages_that_are_reported_while_a_room_is_loaded_count() -> None:
    journal, host = late()
    ana = host.member("ana")
    room, deliver = journal.waiting.pop()
    write(host, journal, "one", "two")
    deliver(Head(journal.epoch, 0))  # as it was when the question was asked
    host.pump()
    assert (room, ana.one(Joined).head) == ("lobby", 2)
    write(host, journal, "three")
    assert ana.texts() == ["three"]


def test_messages_that_are_reported_after_a_head_that_counts_them_are_passed_over() -> None:
    journal, host = late()
    ana, feed = host.member("ana"), journal._feed
    assert feed is not None
    journal._feed = Silence()
    write(host, journal, "one", "two")
    work(journal, host)
    assert ana.one(Joined).head == 2
    messages = list(journal._logs["lobby"].messages)
    feed.committed(messages[:1])
    feed.committed(messages[1:])
    journal._feed = feed
    host.pump()
    assert ana.texts() == []
    write(host, journal, "three")
    assert [(message.seq, message.text) for message in ana.take_all(Message)] == [(3, "three")]


class Silence:
    """A feed that nothing comes out of."""

    tail_bytes = 0

    def opened(self, epoch: str, head: object) -> None:
        """Forget it."""

    def committed(self, messages: object) -> None:
        """Forget it."""


def test_two_who_enter_one_room_ask_the_journal_once() -> None:
    journal, host = late()
    ana, bob = host.member("ana"), host.member("bob")
    assert [room for room, _ in journal.waiting] == ["lobby"]
    work(journal, host)
    assert (ana.one(Joined).count, bob.one(Joined).count) == (1, 2)


def test_a_room_that_cannot_be_read_refuses_all_who_wait_and_they_may_try_again() -> None:
    journal, host = late()
    peers = [host.member("ana"), host.member("bob")]
    answer(journal, host, Unavailable(2.5))
    for peer in peers:
        error = peer.error()
        assert (error.code, error.room, error.retry_after) == ("unavailable", "lobby", 2.5)
        assert waits_in(peer.session) == {}
    assert not host.hub.rooms
    peers[0].send(Join(room="lobby"))
    work(journal, host)
    assert peers[0].one(Joined).count == 1


@pytest.mark.parametrize("others", [0, 1])
def test_who_gives_up_leaves_the_room_to_the_others_who_wait(others: int) -> None:
    journal, host = late()
    ana = host.member("ana")
    waiting = [host.member(f"n{number}") for number in range(others)]
    ana.lose()
    work(journal, host)
    assert [peer.one(Joined).count for peer in waiting] == [1] * others
    assert len(host.hub.rooms) == others
    for peer in waiting:
        peer.eof()
    assert left_in(host) == {}


def test_a_room_that_nobody_waits_for_any_more_is_asked_for_again_by_the_next() -> None:
    journal, host = late()
    host.member("ana").lose()
    bob = host.member("bob")
    write(host, journal, "one")
    first, second = journal.waiting
    first[1](Head(journal.epoch, 0))
    host.pump()
    assert bob.take_all(Joined) == []
    second[1](Head(journal.epoch, 1))
    host.pump()
    assert bob.one(Joined).head == 1


def test_a_journal_that_never_answers_refuses_a_join_after_five_seconds() -> None:
    journal, host = late()
    ana = host.member("ana")
    host.advance(4.9)
    assert ana.take_all(Error) == []
    host.advance(0.1)
    error = ana.error()
    assert (error.code, error.room, error.retry_after) == ("unavailable", "lobby", 1.0)
    work(journal, host)
    assert ana.take_all(Joined) == []
    assert not host.hub.rooms
    assert waits_in(ana.session) == {}


# --- loading, and epochs -------------------------------------------------------------------------


def test_a_head_of_the_epoch_before_is_asked_for_again() -> None:
    journal, host = late()
    ana = host.member("ana")
    host.hub.opened("new", lambda room: 0)
    host.pump()
    answer(journal, host, Head(journal.epoch, 7))
    assert ana.take_all(Joined) == []
    answer(journal, host, Head("new", 3))
    joined = ana.one(Joined)
    assert (joined.epoch, joined.head) == ("new", 3)


def test_a_head_of_an_epoch_that_is_not_reported_yet_waits_for_it_and_is_not_asked_for_meanwhile() -> None:
    journal, host = late()
    ana = host.member("ana")
    answer(journal, host, Head("new", 3))
    assert ana.take_all(Joined) == []
    assert journal.waiting == []
    host.hub.opened("new", lambda room: 0)
    host.pump()
    answer(journal, host, Head("new", 4))
    joined = ana.one(Joined)
    assert (joined.epoch, joined.head) == ("new", 4)


def test_messages_of_the_epoch_before_do_not_count_for_a_room_that_is_loaded() -> None:
    journal, host = late()
    ana = host.member("ana")
    write(host, journal, "one", "two")
    host.hub.opened("new", lambda room: 0)
    host.pump()
    answer(journal, host, Head("new", 0))
    assert ana.one(Joined).head == 0


def test_members_of_a_room_that_is_in_use_begin_again_in_a_new_epoch() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post("one")
    ana.take()
    asked: list[str] = []

    def head(room: str) -> int:
        asked.append(room)
        return 0

    host.hub.opened("new", head)
    host.pump()
    joined, gap = ana.one(Joined), ana.one(Gap)
    assert (joined.epoch, joined.head, joined.after) == ("new", 0, 0)
    assert (gap.after, gap.through, gap.reason) == (0, 0, "reset")
    assert asked == ["lobby"]


# --- forgetting ----------------------------------------------------------------------------------


def test_a_room_is_forgotten_when_nobody_is_left_and_knows_its_log_when_it_is_loaded_again() -> None:
    host = Host()
    ana = host.member("ana")
    epoch = ana.one(Joined).epoch
    ana.post("one", "two")
    ana.send(Leave(room="lobby"))
    assert not host.hub.rooms
    ana.send(Join(room="lobby", after=Position(epoch=epoch, seq=1)))
    joined = ana.one(Joined)
    assert (joined.head, joined.after, joined.epoch) == (2, 1, epoch)
    ana.post("three", prefix="later")
    assert [message.seq for message in ana.take_all(Message)] == [1, 2, 2, 3]


def test_a_room_stays_in_use_while_a_join_with_history_waits() -> None:
    journal, host = late()
    ana, bob = host.member("ana"), host.live("bob")
    work(journal, host)
    bob.send(Join(room="lobby", history=5))
    ana.eof()
    assert "lobby" in host.hub.rooms
    bob.lose()
    assert left_in(host) == {}


def test_a_room_that_only_a_refused_join_has_loaded_is_forgotten() -> None:
    journal, host = late(members_per_room=1)
    ana, bob = host.member("ana"), host.member("bob")
    work(journal, host)
    assert (ana.one(Joined).count, bob.error().code) == (1, "limit_exceeded")
    ana.eof()
    bob.eof()
    assert left_in(host) == {}


# --- limits --------------------------------------------------------------------------------------


def test_rooms_that_are_being_loaded_count_as_in_use() -> None:
    journal, host = late(rooms=1)
    ana, bob = host.member("ana"), host.member("bob", "garden")
    error = bob.error()
    assert (error.code, error.room, error.retry_after) == ("limit_exceeded", "garden", None)
    ana.lose()
    bob.send(Join(room="garden"))
    work(journal, host)
    assert bob.one(Joined).room == "garden"


def test_a_full_server_lets_others_into_rooms_that_are_in_use() -> None:
    host = Host(rooms=1)
    host.member("ana")
    assert host.member("bob").one(Joined).count == 2


def enter_and_leave(peer: Peer, *rooms: str) -> list[str]:
    """Enter rooms and leave them; return those that were entered."""
    for room in rooms:
        peer.send(Join(room=room), Leave(room=room))
    return [left.room for left in peer.take_all(Left)]


def test_an_address_may_enter_so_many_rooms_that_never_held_a_message() -> None:
    host = Host(new_rooms_burst=3, new_rooms_per_minute=2.0)
    ana = host.live("ana")
    assert enter_and_leave(ana, "a", "b", "c", "d") == ["a", "b", "c"]
    refusal = next(error for error in ana.take_all(Error) if error.code != "not_joined")
    assert (refusal.code, refusal.room, refusal.retry_after) == ("limit_exceeded", "d", 30.0)
    host.advance(30.0)
    assert enter_and_leave(ana, "d", "e") == ["d"]


def test_rooms_that_have_held_a_message_or_are_in_use_are_not_new() -> None:
    host = Host(new_rooms_burst=1, new_rooms_per_minute=1.0)
    ana, bob = host.connect(), host.connect(host="198.51.100.7")
    for peer, nick in ((ana, "ana"), (bob, "bob")):
        peer.feed(b'{"type":"hello","protocol":1,"nick":"%s"}\n' % nick.encode())
    ana.send(Join(room="a"))
    ana.post("hi", room="a")
    bob.send(Join(room="b"))
    ana.send(Leave(room="a"), Join(room="a"), Join(room="b"))
    assert ana.take_all(Error) == []
    ana.send(Join(room="c"))
    assert ana.error().room == "c"


def test_each_address_has_its_own_allowance_and_a_site_shares_one() -> None:
    host = Host(new_rooms_burst=1, new_rooms_per_minute=1.0)
    refused = []
    for number, address in enumerate(
        ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:1::"]
    ):
        peer = host.connect(host=address)
        peer.feed(b'{"type":"hello","protocol":1,"nick":"n%d"}\n' % number)
        if number == 0:
            enter_and_leave(peer, "other")
        if not enter_and_leave(peer, f"room-{number}"):
            refused.append(address)
    assert refused == ["192.0.2.1", "2001:db8::2"]


def test_one_address_that_may_not_does_not_keep_others_out_of_a_new_room() -> None:
    journal, host = late(new_rooms_burst=1, new_rooms_per_minute=1.0)
    ana = host.member("ana", "a")
    work(journal, host)
    bob = host.connect(host="198.51.100.7")
    bob.feed(b'{"type":"hello","protocol":1,"nick":"bob"}\n')
    ana.send(Join(room="b"))
    bob.send(Join(room="b"))
    work(journal, host)
    assert ana.error().room == "b"
    assert bob.one(Joined).room == "b"


def test_without_a_rate_new_rooms_are_not_counted() -> None:
    host = Host(new_rooms_burst=1, new_rooms_per_minute=None, frames_per_second=None)
    rooms = [f"room-{number}" for number in range(100)]
    assert enter_and_leave(host.live("ana"), *rooms) == rooms


def test_a_post_makes_a_new_room_an_old_one_for_everybody() -> None:
    host = Host(new_rooms_burst=1, new_rooms_per_minute=1.0)
    ana = host.member("ana", "a")
    ana.send(Post(room="a", id="1", text="hi"), Leave(room="a"))
    assert ana.one(Ack).seq == 1
    ana.take()
    assert enter_and_leave(ana, "a", "a") == ["a", "a"]
