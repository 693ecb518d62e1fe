"""Time: who must speak until when, and what counts as life."""

import pytest

from chatcore.messages import Closing, Message, Ping, Pong
from chatcore.wire.plain import plain
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


def backlog(host: Host) -> Peer:
    """Return a member that has read nothing of a message of some kilobytes."""
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post("x" * 10_000)
    ana.eof()
    assert len(bob.unsent) > 10_000
    return bob


def due(host: Host) -> float | None:
    """Return when the transport has to do something."""
    return host.endpoint.next_deadline()


def test_the_handshake_has_one_time_for_all_of_it_however_it_drips() -> None:
    host = Host(handshake_seconds=10.0)
    peer = host.connect()
    for byte in b'{"type":"':
        peer.feed(bytes([byte]))
        host.advance(1.0)
    host.advance(0.9)
    assert peer.take() == []
    host.advance(0.1)
    assert peer.error().code == "bad_state"
    assert peer.one(Closing).reason == "timeout"
    assert peer.ended


def test_who_says_hello_in_time_is_not_under_that_time_any_more() -> None:
    host = Host(handshake_seconds=10.0)
    peer = host.live("ana")
    host.advance(29.0)
    assert peer.take() == []


def test_silence_is_asked_for_a_sign_of_life_and_then_ended() -> None:
    host = Host(keepalive_seconds=30.0, idle_seconds=60.0)
    peer = host.live("ana")
    host.advance(29.9)
    assert peer.take() == []
    host.advance(0.1)
    assert peer.take() == [Ping()]
    host.advance(29.9)
    assert peer.take() == []
    host.advance(0.1)
    assert peer.take() == [Closing(reason="timeout")]
    assert peer.ended


@pytest.mark.parametrize("sign", [b'{"type":"pong"}\n', b"\n", b"x", b" "], ids=repr)
def test_any_byte_is_life(sign: bytes) -> None:
    host = Host(keepalive_seconds=30.0, idle_seconds=60.0)
    peer = host.live("ana")
    for _ in range(5):
        host.advance(59.0)
        assert peer.one(Ping) == Ping()
        peer.feed(sign)
    host.advance(29.0)
    assert peer.take() == []
    assert not peer.ended


def test_who_keeps_talking_is_never_asked() -> None:
    host = Host()
    peer = host.live("ana")
    for _ in range(20):
        host.advance(29.0)
        peer.send(Pong())
    assert peer.take() == []


def test_a_server_that_was_stopped_asks_before_it_drops_anybody() -> None:
    host = Host(keepalive_seconds=30.0, idle_seconds=60.0)
    peer = host.live("ana")
    host.clock.now += 10_000.0
    host.advance(0.0)
    assert peer.take() == [Ping()]
    host.advance(29.0)
    peer.send(Pong())
    host.advance(29.0)
    assert peer.take() == []
    assert not peer.ended


def test_without_a_keepalive_the_silence_ends_unasked() -> None:
    host = Host(keepalive_seconds=None, idle_seconds=60.0)
    peer = host.live("ana")
    host.advance(59.0)
    assert peer.take() == []
    host.advance(1.0)
    assert peer.take() == [Closing(reason="timeout")]


def test_without_an_idle_limit_one_is_asked_again_and_again() -> None:
    host = Host(keepalive_seconds=30.0, idle_seconds=None)
    peer = host.live("ana")
    host.advance(90.0)
    assert len(peer.take_all(Ping)) == 3
    peer.send(Pong())
    host.advance(29.0)
    assert peer.take() == []
    host.advance(1.0)
    assert peer.take() == [Ping()]
    assert not peer.ended


@pytest.mark.parametrize("handshake", [None, 1_000.0])
def test_the_keepalive_does_not_depend_on_the_time_of_the_handshake(handshake: float | None) -> None:
    host = Host(handshake_seconds=handshake, keepalive_seconds=30.0)
    peer = host.live("ana")
    host.advance(30.0)
    assert peer.take() == [Ping()]


def test_without_any_time_nothing_is_ever_due() -> None:
    host = Host(handshake_seconds=None, keepalive_seconds=None, idle_seconds=None, stall_seconds=None)
    bob = host.live("bob")
    bob.window = 0
    bob.send(Ping())
    assert bob.unsent
    assert due(host) is None


def test_who_is_not_read_is_not_taken_for_silent() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, clock=Clock(), posts_in_flight=1)
    ana = host.member("ana")
    ana.post("1", "2")
    host.advance(300.0)
    assert ana.take_all(Closing) == []
    journal.work()
    host.pump()
    assert ana.texts() == ["1", "2"]


def test_a_reader_that_stands_still_is_dropped_after_the_stall_limit() -> None:
    host = Host(stall_seconds=20.0, keepalive_seconds=None, idle_seconds=None)
    bob = backlog(host)
    closed = []
    for seconds in (19.9, 0.1):
        host.advance(seconds)
        closed.append(bob.closed)
    assert closed == [False, True]
    assert host.hub.rooms["lobby"].count == 0


def test_a_reader_that_drains_however_slowly_is_never_taken_for_stalled_or_silent() -> None:
    host = Host(stall_seconds=20.0, keepalive_seconds=30.0, idle_seconds=60.0)
    bob = backlog(host)
    for _ in range(50):
        host.advance(19.0)
        bob.drain(1)
    assert not bob.closed
    assert not bob.ended
    bob.window = None
    bob.drain()
    assert bob.one(Message).text == "x" * 10_000
    assert bob.take_all(Ping) == []


def test_being_told_the_same_number_again_is_no_progress() -> None:
    host = Host(stall_seconds=20.0)
    bob = backlog(host)
    for _ in range(4):
        assert not bob.closed
        host.advance(4.5)
        bob.session.data_unsent(len(bob.unsent))
    host.advance(2.0)
    assert bob.closed


def test_the_time_of_a_stall_begins_when_the_socket_first_refuses() -> None:
    host = Host(stall_seconds=20.0)
    ana, bob = host.member("ana"), host.member("bob")
    for n in range(3):
        host.advance(15.0)
        bob.window = 0
        ana.post("hi", prefix=f"p{n}")
        bob.window = None
        bob.drain()
    host.advance(15.0)
    assert not bob.closed
    assert len(bob.texts()) == 3


def test_a_plain_member_may_be_silent_for_ever() -> None:
    host = Host()
    peer = host.connect(plain)
    host.advance(1_000_000.0)
    assert peer.received == b""
    assert not peer.ended
    peer.feed(b"hi\n")
    assert host.hub.rooms["lobby"].head == 1


def test_a_plain_member_is_dropped_when_it_stands_still() -> None:
    host = Host(stall_seconds=20.0)
    ana, peer = host.member("ana"), host.connect(plain)
    peer.window = 0
    ana.post("hi")
    host.advance(20.0)
    assert peer.closed


def test_a_deadline_that_moves_forward_wakes_the_transport() -> None:
    host = Host()
    peer = host.connect(plain)
    host.settle()
    assert due(host) is None
    peer.session.receive_data(b"hel")
    assert host.wakes > 0
    assert due(host) == host.clock.now + 0.050
    peer.session.receive_data(b"lo")
    host.advance(0.050)
    assert host.hub.rooms["lobby"].head == 1
