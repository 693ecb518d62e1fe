"""Rooms are removed while people are in them, on their way in, or away."""

import pytest

from chatcore.errors import JournalError
from chatcore.journal import Unavailable
from tests.protocol.frames import (
    Ack,
    Gap,
    Join,
    Joined,
    Left,
    Message,
    Position,
    Post,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate
from tests.server.late import LateHeads
from tests.server.leftovers import left_in
from tests.server.slow_journal import SlowJournal

EXPELLED = Left(room="lobby", reason="expelled")


def remove(host: Host, room: str = "lobby") -> bool:
    """Remove a room; return whether there was anything to remove."""
    removed = host.hub.remove_room(room)
    host.pump()
    return removed.result(0)


def position(peer: Peer) -> Position:
    """Return where a peer is in the lobby."""
    assert peer.reader is not None
    return peer.reader.positions["lobby"]


def test_members_are_put_out_and_the_numbers_of_the_room_continue() -> None:
    gate = KeyGate()
    host = Host(gate=gate)
    ana, bob = host.member("ana"), host.member("bob")
    ana.post("one", "two")
    bob.take()
    assert remove(host, "LOBBY")
    assert gate.removed_rooms == ["lobby"]
    assert ana.take_all(Left) == bob.take_all(Left) == [EXPELLED]
    assert not ana.ended
    bob.send(Join(room="lobby", history=10))
    joined = bob.one(Joined)
    assert (joined.head, joined.after, joined.count) == (2, 2, 1)
    bob.send(Post(room="lobby", id="3", text="three"))
    assert [(message.seq, message.prev) for message in bob.take_all(Message)] == [(3, 2)]


@pytest.mark.parametrize("posts_after", [0, 1])
def test_whoever_resumes_in_a_removed_room_gets_a_gap_and_no_other_messages_under_its_numbers(
    posts_after: int,
) -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    ana.post("one")
    there = position(bob)
    bob.lose()
    ana.post("two", "three", prefix="later")
    assert remove(host)
    for number in range(posts_after):
        ana.send(Join(room="lobby"), Post(room="lobby", id=f"new-{number}", text="new"))
    again = host.member("bobby", after=there)
    gap = again.one(Gap)
    assert (gap.after, gap.through, gap.reason) == (1, 3, "expired")
    assert [(message.seq, message.text) for message in again.take_all(Message)] == [(4, "new")] * posts_after


def test_posts_on_their_way_are_stored_or_gone_but_acknowledged_under_numbers_that_continue() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock)
    ana = host.member("ana")
    ana.post("before")
    journal.work()
    host.pump()
    ana.take()
    ana.post("on its way", prefix="late")
    removed = host.hub.remove_room("lobby")
    journal.work()
    host.pump()
    assert removed.result(0)
    assert ana.take() == [EXPELLED, Ack(room="lobby", id="late-1", seq=2, durability="memory")]
    ana.send(Join(room="lobby", after=Position(epoch=journal.memory.epoch, seq=1)))
    journal.work()
    host.pump()
    assert [(gap.after, gap.through) for gap in ana.take_all(Gap)] == [(1, 2)]


def test_a_room_that_nobody_is_in_is_removed_too() -> None:
    host = Host()
    host.member("ana").post("one")
    for peer in host.peers.values():
        peer.eof()
    assert not host.hub.rooms
    assert remove(host)
    assert not remove(host)


def test_a_room_that_was_never_there_is_not_removed_and_the_gate_forgets_it_all_the_same() -> None:
    gate = KeyGate()
    assert not remove(Host(gate=gate), "garden")
    assert gate.removed_rooms == ["garden"]


def test_a_join_that_waits_for_the_journal_is_put_out_and_one_that_loads_the_room_enters_it() -> None:
    clock = Clock()
    slow = SlowJournal(clock)
    host = Host(slow, clock=clock)
    host.member("ana")
    seeking = host.member("bob", history=5)
    host.hub.remove_room("lobby")
    slow.work()
    host.pump()
    assert seeking.take() == [EXPELLED]

    heads = LateHeads(clock)
    host = Host(heads, clock=clock)
    loading = host.member("ana")
    assert not remove(host)
    heads.work()
    host.pump()
    assert loading.one(Joined).head == 0


class BrokenJournal(SlowJournal):
    """Removes nothing."""

    def remove_room(self, room: str, deliver: object) -> None:
        assert callable(deliver)
        deliver(Unavailable(1.0))


def test_a_journal_that_cannot_remove_a_room_fails_the_future_and_the_gate_forgets_nothing() -> None:
    gate, clock = KeyGate(), Clock()
    host = Host(BrokenJournal(clock), clock=clock, gate=gate)
    ana = host.member("ana")
    removed = host.hub.remove_room("lobby")
    host.pump()
    assert isinstance(removed.exception(0), JournalError)
    assert ana.take_all(Left) == [EXPELLED]
    assert gate.removed_rooms == []


def test_a_removal_cannot_be_taken_back_and_is_answered_whatever_its_caller_does() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock)
    removed = host.hub.remove_room("lobby")
    assert not removed.cancel()
    journal.work()
    assert removed.result(0) is False


def test_a_gate_that_fails_to_forget_a_room_does_not_hide_that_it_was_removed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Forgetful(KeyGate):
        def room_removed(self, room: str) -> None:
            raise RuntimeError("what room?")

    host = Host(gate=Forgetful())
    host.member("ana").post("one")
    assert remove(host)
    assert "what room?" in caplog.text


def test_nothing_is_left_of_a_room_that_was_removed() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob", history=3)
    ana.post("one")
    remove(host)
    ana.eof()
    bob.lose()
    assert left_in(host) == {}
