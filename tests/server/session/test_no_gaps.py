"""A member whose socket takes every write whole meets no gap: at any tail, whatever comes between."""

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import pytest

from chatcore.journal import Draft
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import HistoryLimits
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from tests.journal.contract.harness import Harness
from tests.protocol.codec import encode
from tests.protocol.frames import Gap, History, Join, Message, Page, Post, Who
from tests.server.driver import Clock, Host, Peer

TINY: dict[str, Any] = {"tail_bytes": 1, "memory_history_bytes": 1, "frames_per_second": None}

_SEGMENT = 64 * 1024  # what is read of a socket in one go


class Rounds:
    """A transport that is driven by hand, with anything between any two of its steps."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._posted = 0

    def post(self, peer: Peer, number: int = 1, room: str = "lobby") -> None:
        """Let posts of a peer arrive in one segment."""
        ids = range(self._posted, self._posted + number)
        self._posted += number
        posts = (Post(room=room, id=f"p{n}", text="x") for n in ids)
        peer.session.receive_data(b"".join(map(encode, posts)))

    def serve(self, limit: int = 256) -> None:
        """Serve those who are ready."""
        for session in self.host.endpoint.ready(limit):
            self.host.peers[session].serve()

    def fan_out(self, limit: int = 256) -> None:
        """Write pieces of one room."""
        for session, data in self.host.endpoint.fan_out(limit):
            self.host.peers[session].write(data)

    def finish(self) -> None:
        """Do all that is left to do."""
        self.host.wakes += 1
        self.host.pump()


def messages_only(peer: Peer) -> list[Message]:
    """Take what came; that there are no gaps between the messages, their reader has seen."""
    frames = peer.take()
    assert not [frame for frame in frames if isinstance(frame, Gap)]
    return [frame for frame in frames if isinstance(frame, Message)]


def is_read(peer: Peer) -> bool:
    """Tell whether its socket is read."""
    return peer.session.want_data


def test_a_room_is_not_kept_from_whoever_gets_an_answer_in_every_round() -> None:
    host = Host(frames_per_second=None)
    ana = host.member("ana")
    host.settle()
    rounds = Rounds(host)
    for _ in range(5):
        rounds.post(ana)  # so what the room has next is left for its turn
        rounds.fan_out()
        rounds.post(ana)  # and there is another answer when that comes
        rounds.serve()
        assert len(messages_only(ana)) == 2


def test_no_order_of_steps_makes_a_gap() -> None:
    host = Host(**TINY)
    peers = ana, bob, _ = host.member("ana"), host.member("bob"), host.member("cleo")
    host.settle()
    rounds = Rounds(host)
    steps: tuple[Callable[[], None], ...] = (
        lambda: rounds.post(ana, 2),
        lambda: rounds.post(bob),
        lambda: rounds.serve(1),
        lambda: rounds.fan_out(1),
    )
    for order in product(steps, repeat=5):
        for step in order:
            step()
        rounds.finish()
        read = [messages_only(peer) for peer in peers]
        assert read[0] == read[1] == read[2]


def test_no_order_of_steps_makes_a_gap_in_several_rooms() -> None:
    host, random = Host(**TINY), Random(1)
    rooms = ("lobby", "attic", "cellar")
    peers = [host.member(nick) for nick in ("ana", "bob", "cleo", "dora")]
    for peer in peers:
        peer.send(*(Join(room=room) for room in rooms[1:]))
    host.settle()
    rounds, asked = Rounds(host), (Who(room="attic"), History(room="lobby", limit=5))
    for _ in range(3_000):
        match random.randrange(7):
            case 0 | 1:
                rounds.post(random.choice(peers), random.randint(1, 3), random.choice(rooms))
            case 2:
                rounds.serve(random.randint(1, 4))
            case 3 | 4:
                rounds.fan_out(random.randint(1, 4))
            case 5:
                host.endpoint.handle_deadlines(host.clock.now)
            case _:
                random.choice(peers).session.receive_data(encode(random.choice(asked)))
    host.settle()
    rounds.finish()
    read = [sorted((m.room, m.seq) for m in messages_only(peer)) for peer in peers]
    assert len(read[0]) > 1_000
    assert all(each == read[0] for each in read)


def test_somebody_who_pastes_very_long_texts_makes_no_gap() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    texts = [f"{number} {'x' * 16_000}" for number in range(200)]
    posts = b"".join(encode(Post(room="lobby", id=str(n), text=text)) for n, text in enumerate(texts))
    while posts:
        while is_read(ana) and posts:  # a loop may read on like this before it does anything else
            ana.session.receive_data(posts[:_SEGMENT])
            posts = posts[_SEGMENT:]
        host.pump()
    assert [message.text for message in messages_only(ana)] == texts
    assert [message.text for message in messages_only(bob)] == texts


def test_whoever_posts_waits_for_turns_while_those_who_read_are_late() -> None:
    host = Host(**TINY)
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    rounds = Rounds(host)
    rounds.post(ana, 2)
    assert is_read(ana)
    rounds.post(bob)
    assert not is_read(bob)
    assert ana.session.posts.in_flight == bob.session.posts.in_flight == 0
    rounds.finish()
    assert is_read(bob)
    assert len(messages_only(ana)) == len(messages_only(bob)) == 3
    rounds.post(bob)  # everybody has everything: nothing waits
    assert is_read(bob)


def test_nothing_is_decoded_in_a_crowded_room_before_all_its_members_were_served() -> None:
    host = Host(**TINY)
    ana, *others = (host.member(f"n{n}") for n in range(8))
    host.settle()
    rounds = Rounds(host)
    rounds.post(ana, 2)
    rounds.post(ana, 5)
    rounds.fan_out(3)
    host.endpoint.handle_deadlines(host.clock.now)
    assert not is_read(ana)
    rounds.fan_out(8)
    host.endpoint.handle_deadlines(host.clock.now)
    assert is_read(ana)
    rounds.finish()
    assert {len(messages_only(peer)) for peer in (ana, *others)} == {7}


@pytest.mark.parametrize("wire", [ndjson, plain], ids=lambda wire: wire.name)
@pytest.mark.parametrize(("tail_bytes", "history_bytes"), [(1, 1), (3_000, 1), (1, 3_000), (3_000, 3_000)])
def test_a_journal_in_memory_holds_whatever_a_tail_holds(
    tail_bytes: int, history_bytes: int, wire: Wire
) -> None:
    host = Host(tail_bytes=tail_bytes, memory_history_bytes=history_bytes, frames_per_second=None)
    host.connect(wire)
    ana, random = host.member("ana"), Random(1)
    room = host.hub.rooms["lobby"]
    for number in range(100):
        ana.post("x" * random.randint(1, 400), prefix=f"p{number}")
        ana.send(History(room="lobby", after=0))
        oldest = ana.one(Page).base
        assert [seq for seq in range(oldest) if room.tail(wire).index_after(seq) is not None] == []


def test_a_journal_in_memory_holds_no_more_than_the_larger_of_two_limits() -> None:
    journal = MemoryJournal(HistoryLimits(memory_history_bytes=6_000))
    harness = Harness(journal, Clock())
    for tail_bytes in (0, 3_000, 30_000):
        harness.tail_bytes = tail_bytes
        for number in range(500):
            harness.submit(Draft("lobby", f"{tail_bytes}-{number}", "ana", "x" * 100))
        lines = [len(stored.line) for stored in harness.read(after=0).messages]
        assert sum(lines) <= max(tail_bytes, 6_000)
        assert sum(lines) + lines[0] > tail_bytes
