"""Deadlines: the handshake, keepalive, silent clients and stalled readers."""

import pytest

from chatcore.wire.plain import plain
from tests.protocol.frames import Closing, Message, Ping, Pong
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


def backlog(host: Host) -> Peer:
    """Return a member that has not read a message of some kilobytes."""
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post("x" * 10_000)
    ana.eof()
    assert len(bob.unsent) > 10_000
    return bob


def due(host: Host) -> float | None:
    """Return when the transport has to act next."""
    return host.endpoint.next_deadline()


def test_partial_input_does_not_extend_the_handshake_deadline() -> None:
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


def test_hello_in_time_lifts_the_handshake_deadline() -> None:
    host = Host(handshake_seconds=10.0)
    peer = host.live("ana")
    host.advance(29.0)
    assert peer.take() == []


def test_a_silent_client_is_pinged_and_then_closed_with_reason_timeout() -> None:
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
def test_any_received_byte_keeps_a_connection_alive(sign: bytes) -> None:
    host = Host(keepalive_seconds=30.0, idle_seconds=60.0)
    peer = host.live("ana")
    for _ in range(5):
        host.advance(59.0)
        assert peer.one(Ping) == Ping()
        peer.feed(sign)
    host.advance(29.0)
    assert peer.take() == []
    assert not peer.ended


def test_a_client_that_keeps_talking_is_never_pinged() -> None:
    host = Host()
    peer = host.live("ana")
    for _ in range(20):
        host.advance(29.0)
        peer.send(Pong())
    assert peer.take() == []


def test_a_server_that_was_suspended_pings_its_clients_before_it_drops_them() -> None:
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


def test_without_keepalive_a_silent_client_is_closed_without_a_ping() -> None:
    host = Host(keepalive_seconds=None, idle_seconds=60.0)
    peer = host.live("ana")
    host.advance(59.0)
    assert peer.take() == []
    host.advance(1.0)
    assert peer.take() == [Closing(reason="timeout")]


def test_without_an_idle_limit_a_silent_client_is_pinged_again_and_again() -> None:
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
def test_keepalive_does_not_depend_on_the_handshake_limit(handshake: float | None) -> None:
    host = Host(handshake_seconds=handshake, keepalive_seconds=30.0)
    peer = host.live("ana")
    host.advance(30.0)
    assert peer.take() == [Ping()]


def test_without_time_limits_no_deadline_is_set() -> None:
    host = Host(handshake_seconds=None, keepalive_seconds=None, idle_seconds=None, stall_seconds=None)
    bob = host.live("bob")
    bob.window = 0
    bob.send(Ping())
    assert bob.unsent
    assert due(host) is None


def test_a_client_whose_input_is_paused_does_not_count_as_silent() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, clock=Clock(), posts_in_flight=1)
    ana = host.member("ana")
    ana.post("1", "2")
    host.advance(300.0)
    assert ana.take_all(Closing) == []
    journal.work()
    host.pump()
    assert ana.texts() == ["1", "2"]


def test_a_stalled_reader_is_dropped_after_the_stall_limit() -> None:
    host = Host(stall_seconds=20.0, keepalive_seconds=None, idle_seconds=None)
    bob = backlog(host)
    closed = []
    for seconds in (19.9, 0.1):
        host.advance(seconds)
        closed.append(bob.closed)
    assert closed == [False, True]
    assert not host.hub.rooms


def test_a_slow_reader_counts_as_neither_stalled_nor_silent() -> None:
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


def test_reporting_the_same_unsent_size_again_does_not_count_as_progress() -> None:
    host = Host(stall_seconds=20.0)
    bob = backlog(host)
    for _ in range(4):
        assert not bob.closed
        host.advance(4.5)
        bob.session.data_unsent(len(bob.unsent))
    host.advance(2.0)
    assert bob.closed


def test_the_stall_limit_starts_when_the_socket_first_refuses_data() -> None:
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


def test_a_silent_plain_member_is_never_dropped() -> None:
    host = Host()
    peer = host.connect(plain)
    host.advance(1_000_000.0)
    assert peer.received == b""
    assert not peer.ended
    peer.feed(b"hi\n")
    assert host.hub.rooms["lobby"].head == 1


def test_a_stalled_plain_member_is_dropped() -> None:
    host = Host(stall_seconds=20.0)
    ana, peer = host.member("ana"), host.connect(plain)
    peer.window = 0
    ana.post("hi")
    host.advance(20.0)
    assert peer.closed


def test_an_earlier_deadline_wakes_the_transport() -> None:
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
