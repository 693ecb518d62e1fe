"""Everything that a peer sends is paid for, and taken in turns: it costs the others little."""

import pytest

from chatcore.server.allowance import TURN
from chatcore.server.endpoint import DUE
from chatcore.wire import Wire
from chatcore.wire.plain import plain
from tests.protocol.frames import Ack, Closing, Error, Post, Welcome
from tests.server.driver import Host, Peer
from tests.server.test_cost import calls
from tests.wire.framed import framed

SEGMENT = 64 * 1024

JUNK = {
    "blank": b"\n",
    "blank-with-spaces": b" \r\n",
    "pong": b'{"type":"pong"}\n',
    "no-frame": b"x\n",
    "number": b"1\n",
    "unknown": b'{"type":"x"}\n',
    "ping": b'{"type":"ping"}\n',
    "refused-post": b'{"type":"post","room":"nowhere","id":"a","text":"a"}\n',
}
every_junk = pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)

PLAIN_JUNK = {
    "blank": b"\r",
    "help": b"/help\n",
    "not-utf-8": b"\xfe\n",
    "telnet": b"\xff\xf1",
    "telnet-option": b"\xff\xfb\x01",
    "escaped": b"\xff\xff",
}

MOST_CALLS = 40_000
"""Calls that a segment of junk may cost in one go; to decode all of it costs hundreds of thousands."""


def segment(junk: bytes) -> bytes:
    """Return as much junk as a transport reads in one piece."""
    return junk * (SEGMENT // len(junk))


def paid_up(host: Host, peer: Peer) -> None:
    """Let a peer use up what it may send immediately."""
    while peer.session.want_data:
        peer.feed(b"\n" * 1_000)
    assert not peer.session.closed


@every_junk
@pytest.mark.parametrize("is_in", [False, True], ids=["before-hello", "after-hello"])
def test_a_segment_of_junk_costs_little_and_then_the_socket_is_not_read(junk: bytes, is_in: bool) -> None:
    host = Host()
    peer = host.live("ana") if is_in else host.connect()
    assert calls(lambda: peer.feed(segment(junk))) < MOST_CALLS
    assert not peer.session.want_data


@pytest.mark.parametrize("junk", PLAIN_JUNK.values(), ids=PLAIN_JUNK)
def test_a_segment_of_junk_costs_little_on_the_plain_wire(junk: bytes) -> None:
    host = Host()
    peer = host.connect(plain)
    assert calls(lambda: peer.feed(segment(junk))) < MOST_CALLS
    assert not peer.session.want_data


@every_junk
def test_junk_beyond_the_allowance_costs_nothing_until_it_is_paid_for(junk: bytes) -> None:
    host = Host()
    peer = host.live("ana")
    paid_up(host, peer)
    first = calls(lambda: peer.feed(segment(junk)))
    assert first < 100
    second = calls(lambda: host.advance(1.0))
    assert second < 10_000  # eighty lines


def test_what_waited_for_the_allowance_is_decoded_later_in_its_sequence() -> None:
    host = Host()
    ana = host.member("ana")
    ana.feed(b"\n" * 2_000 + b'{"type":"post","room":"lobby","id":"after","text":"a"}\n')
    assert ana.take_all(Ack) == []
    host.advance(20.0)
    assert [ack.id for ack in ana.take_all(Ack)] == ["after"]
    assert ana.session.want_data


def test_every_post_beyond_the_rate_is_refused_by_its_id_and_later() -> None:
    host = Host(frames_burst=10, frames_per_second=1.0, posts_in_flight=10_000)
    ana = host.member("ana")
    ana.post(*("a" for _ in range(300)))
    host.advance(60.0)
    answered = [ack.id for ack in ana.take_all(Ack)] + [error.id for error in ana.take_all(Error)]
    assert sorted(map(str, answered)) == sorted(f"id-{number}" for number in range(1, 301))


def test_bytes_are_paid_for_however_few_lines_they_are() -> None:
    host = Host(frames_per_second=1.0)
    ana = host.live("ana")
    line = b" " * (SEGMENT - 1) + b"\n"
    sent = 0
    while ana.session.want_data and sent < 1_000:
        ana.feed(line)
        sent += 1
    assert 60 <= sent <= 70
    host.advance(1.5)
    assert ana.session.want_data
    ana.feed(line, line)
    assert not ana.session.want_data


def test_single_bytes_are_paid_for_as_lines_are() -> None:
    host = Host(frames_per_second=1.0, frames_burst=10)
    ana = host.live("ana")
    sent = 0
    while ana.session.want_data and sent < 1_000:
        ana.feed(b" ")
        sent += 1
    assert sent < 200


def test_others_have_their_turn_between_two_turns_of_one_segment() -> None:
    host = Host(frames_per_second=None)
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    ana.session.receive_data(
        b"".join(b'{"type":"post","room":"lobby","id":"a-%d","text":"a"}\n' % n for n in range(1_000))
    )
    heads = [host.hub.rooms["lobby"].head]
    for _ in range(3):
        host.endpoint.handle_deadlines(host.clock.now)
        heads.append(host.hub.rooms["lobby"].head)
    assert heads == [TURN, 2 * TURN, 3 * TURN, 4 * TURN]
    bob.session.receive_data(b'{"type":"post","room":"lobby","id":"b","text":"between"}\n')
    assert host.hub.rooms["lobby"].head == 4 * TURN + 1
    host.pump()
    assert len(ana.take_all(Ack)) == 1_000
    assert host.endpoint.next_deadline() is not None
    assert ana.session.want_data


def test_several_that_send_too_much_have_turns_one_after_the_other() -> None:
    host = Host(frames_per_second=None)
    peers = [host.live(f"n{number}") for number in range(3)]
    for peer in peers:
        peer.session.receive_data(b'{"type":"ping"}\n' * 10 * TURN)
    for _ in range(6):
        host.endpoint.handle_deadlines(host.clock.now)
    assert [len(peer.session.replies) for peer in peers] == [3 * TURN] * 3


def test_the_end_of_a_stream_is_taken_after_all_that_came_before_it() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    ana.feed(b"\n" * 2_000 + b'{"type":"post","room":"lobby","id":"last","text":"bye"}\n')
    ana.eof()
    ana.eof()
    assert [ana.ended, ana.closed] == [False, False]
    host.advance(30.0)
    assert [ack.id for ack in ana.take_all(Ack)] == ["last"]
    assert [ana.ended, ana.closed] == [True, True]
    assert bob.texts() == ["bye"]


def test_a_silence_ends_no_line_while_more_of_it_waits() -> None:
    host = Host()
    peer = host.connect(plain)
    bob = host.member("bob")
    host.settle()
    paid_up_plain(peer)
    for part in (b"one ", b"line"):
        peer.feed(part)
        host.advance(0.04)
    peer.feed(b"\n")
    host.advance(10.0)
    assert bob.texts() == ["one line"]


def paid_up_plain(peer: Peer) -> None:
    """Let a peer of the plain wire use up what it may send immediately, without a line mode."""
    while peer.session.want_data:
        peer.feed(b"\xff\xf1" * 400)


@pytest.mark.parametrize("wire", [plain, framed], ids=["plain", "framed"])
def test_what_a_refused_peer_sends_is_thrown_away(wire: Wire) -> None:
    host = Host(connections=1)
    host.member("ana")
    peer = host.connect(wire)
    assert calls(lambda: peer.feed(b"hello\n" * 10_000)) < 5_000
    host.advance(5.0)
    assert peer.closed


def test_a_peer_that_floods_while_it_lingers_is_read_slowly_and_closed_in_time() -> None:
    host = Host(frames_per_second=1.0)
    peer = host.connect()
    peer.feed(b'{"type":"hello","protocol":0,"nick":"ana"}\n')
    assert peer.ended
    sent = 0
    while peer.session.want_data and sent < 1_000:
        peer.feed(b"x" * SEGMENT)
        sent += 1
    assert 50 <= sent <= 70
    host.advance(1.0)
    assert peer.closed


def test_a_drain_is_over_in_its_seconds_whatever_arrives() -> None:
    host = Host()
    peers = [host.member(f"n{number}") for number in range(3)] + [host.connect()]
    for peer in peers:
        peer.feed(segment(b'{"type":"post","room":"lobby","id":"a","text":"a"}\n'))
    host.endpoint.drain()
    host.pump()
    cost = 0
    for _ in range(60):
        for peer in peers:
            if not peer.closed and peer.session.want_data:
                peer.feed(segment(b"x\n"))
        cost += calls(lambda: host.advance(0.1))
    assert all(peer.closed for peer in peers)
    assert any(peer.take_all(Closing) for peer in peers)
    assert cost < 300_000


def test_a_peer_that_keeps_to_the_allowance_for_frames_is_always_read() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post(*("a" for _ in range(400)))
    for number in range(40):
        assert ana.session.want_data
        host.advance(0.05)
        ana.send(Post(room="lobby", id=f"paced-{number}", text="x" * 16_000))
    assert len(ana.take_all(Ack)) == 440
    assert ana.take_all(Error) == []


def test_a_session_that_is_lost_waits_for_no_turn() -> None:
    host = Host()
    ana = host.live("ana")
    ana.session.receive_data(b"\n" * 2_000)
    ana.lose()
    assert len(host.endpoint) == 0
    deadline = host.endpoint.next_deadline()
    assert deadline is not None  # of the nick
    assert deadline > host.clock.now
    assert host.live("bob").take_all(Welcome) == []


def test_many_deadlines_that_come_together_are_handled_a_few_at_a_time() -> None:
    host = Host(connections=None, connections_per_address=None, handshake_seconds=1.0)
    peers = [host.connect() for _ in range(5 * DUE)]
    host.clock.now += 1.0
    for turns in (1, 2, 3):
        host.endpoint.handle_deadlines(host.clock.now)
        assert sum(bool(peer.session.replies.size) for peer in peers) == turns * DUE
        deadline = host.endpoint.next_deadline()
        assert deadline is not None
        assert deadline <= host.clock.now
    host.advance(5.0)
    assert all(peer.closed for peer in peers)
