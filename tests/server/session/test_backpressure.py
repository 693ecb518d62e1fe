"""A peer that asks without reading, or posts faster than the journal can store, harms only itself."""

import pytest

from tests.protocol.frames import Ack, ClientFrame, Error, History, Members, Message, Ping, Pong, Who
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


def flood(peer: Peer, frame: ClientFrame, most: int) -> int:
    """Send a frame again and again for as long as the session wants it; return how often."""
    for count in range(most):
        if not peer.session.want_data:
            return count
        peer.send(frame)
    return most


def held(peer: Peer) -> int:
    """Return how many bytes the server holds for a peer, apart from queries."""
    return peer.session.replies.size + len(peer.unsent)


def test_reading_pauses_while_more_posts_than_the_limit_are_in_flight() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, posts_in_flight=3)
    ana = host.member("ana")
    ana.post("1", "2", "3")
    assert ana.session.want_data
    ana.post("4", prefix="more")
    wanted = [ana.session.want_data]
    journal.work()
    host.pump()
    wanted.append(ana.session.want_data)
    assert wanted == [False, True]
    assert len(ana.take_all(Ack)) == 4


def test_a_session_that_wants_data_again_becomes_ready() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, posts_in_flight=1)
    ana = host.member("ana")
    ana.post("1", "2")
    journal.waiting.pop()()
    assert host.wakes > 0
    assert ana.session in host.endpoint.ready()
    assert ana.session.data_to_send().count(b"\n") >= 2
    assert ana.session.want_data


@pytest.mark.parametrize(
    "frame", [Ping(token="t" * 64), Who(room="lobby"), History(room="lobby")], ids=lambda f: f.type
)
def test_a_peer_that_asks_but_never_reads_is_no_longer_read_and_memory_stays_bounded(
    frame: ClientFrame,
) -> None:
    host = Host(frames_per_second=None, outbound_bytes=20_000, posts_in_flight=100)
    host.member("ana").post(*("x" * 1_000 for _ in range(60)))
    peer = host.member("bob")
    host.settle()
    peer.window = 0
    asked = flood(peer, frame, 10_000)
    assert asked < 1_000
    assert not peer.session.want_data
    assert held(peer) <= 20_000 + 2 * host.hub.limits.line_bytes
    assert len(peer.session.queries.waiting) <= 101


def test_a_peer_that_reads_again_gets_every_answer_and_is_read_again() -> None:
    host = Host(frames_per_second=None, posts_in_flight=50)
    peer = host.member("bob")
    host.settle()
    peer.window = 0
    asked = flood(peer, Who(room="lobby"), 1_000)
    peer.window = None
    peer.drain()
    assert len(peer.take_all(Members)) == asked
    assert peer.session.want_data


def test_answers_to_a_burst_of_invalid_lines_are_bounded() -> None:
    host = Host()
    peer = host.live("ana")
    peer.window = 0
    for _ in range(3):
        peer.feed(b"x\n" * 300)
        assert held(peer) < 100_000
    assert not peer.session.want_data
    peer.window = None
    peer.drain()
    assert 200 < len(peer.take_all(Error)) < 600
    assert peer.session.want_data


def test_a_post_after_a_burst_of_invalid_lines_is_still_answered() -> None:
    host = Host(frames_per_second=None)
    peer = host.member("ana")
    peer.window = 0
    peer.feed(b"x\n" * 1_000 + b'{"type":"post","room":"lobby","id":"id-1","text":5}\n')
    peer.window = None
    peer.drain()
    assert peer.take_all(Error)[-1].id == "id-1"


def test_a_stalled_reader_costs_no_memory_and_slows_nobody_down() -> None:
    host = Host(frames_per_second=None, tail_bytes=10_000)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    for n in range(300):
        ana.post(f"{n}".rjust(1_000), prefix=f"p{n}")
    assert held(bob) < 5_000
    assert len(ana.texts()) == 300
    assert bob.session.want_data
    bob.window = None
    bob.drain()
    assert len(bob.take_all(Message)) == 300


def test_a_large_backlog_is_delivered_in_pieces_of_bounded_size() -> None:
    host = Host(frames_per_second=None, tail_bytes=10_000_000)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post(*("x" * 10_000 for _ in range(100)))
    bob.window = None
    pieces = bob.pieces
    bob.drain()
    assert bob.pieces - pieces >= 1_000_000 // (128 * 1024)
    assert len(bob.texts()) == 100


def test_a_burst_of_messages_is_delivered_in_one_piece() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    pieces = bob.pieces
    ana.post(*map(str, range(60)))
    assert bob.pieces - pieces == 1
    assert len(bob.texts()) == 60


def test_members_at_the_same_position_share_one_bytes_object() -> None:
    host = Host()
    ana, bob, cleo = host.member("ana"), host.member("bob"), host.member("cleo")
    host.settle()
    ana.session.receive_data(b'{"type":"post","room":"lobby","id":"1","text":"hi"}\n')
    assert bob.session.data_to_send() is cleo.session.data_to_send()


def test_answers_come_before_messages_and_rooms_take_turns() -> None:
    host = Host(frames_per_second=None)
    ana = host.member("ana", "big")
    bob = host.member("bob", "big")
    for peer in (ana, bob):
        peer.feed(b'{"type":"join","room":"small"}\n')
    host.settle()
    bob.take()
    bob.window = 0
    ana.post(*("x" * 10_000 for _ in range(100)), room="big")
    ana.post("hi", room="small", prefix="small")
    bob.send(Ping(token="t"))
    bob.window = None
    bob.drain()
    frames = bob.take()
    rooms = [frame.room for frame in frames if isinstance(frame, Message)]
    assert rooms.index("small") < 40
    assert len(rooms) == 101
    assert [frame for frame in frames if not isinstance(frame, Message)] == [Pong(token="t")]
    assert frames.index(Pong(token="t")) < 20


def test_no_data_is_handed_out_while_earlier_data_is_unsent() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post("one")
    assert bob.unsent
    ana.post("two", prefix="b")
    assert bob.session.data_to_send() == b""
    bob.drain(5)
    assert bob.session.data_to_send() == b""
    bob.window = None
    bob.drain()
    assert bob.texts() == ["one", "two"]
