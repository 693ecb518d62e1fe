"""A wire with a handshake and a goodbye of its own serves a room like any other."""

import json
from typing import Any

from chatcore.messages import Message
from tests.server.driver import Host
from tests.wire.framed import BYE, HANDSHAKE, framed, unwrap, wrap

HELLO = b'{"type":"hello","protocol":1,"nick":"%s"}'
JOIN = b'{"type":"join","room":"lobby","history":5}'


class Guest:
    """A peer of that wire."""

    def __init__(self, host: Host) -> None:
        self.peer = host.connect(framed)
        self._read = 0

    def write(self, *payloads: bytes) -> None:
        """Send frames."""
        self.peer.feed(b"".join(map(wrap, payloads)))

    def raw(self) -> bytes:
        """Return the bytes that came since the last call."""
        data = self.peer.received[self._read :]
        self._read += len(data)
        return data

    def frames(self) -> list[dict[str, Any]]:
        """Return the frames that came since the last call."""
        return [json.loads(payload) if payload else {"type": "bye"} for payload in unwrap(self.raw())]


def guest(host: Host, nick: bytes = b"gus") -> Guest:
    """Return a peer that has shaken hands and joined the lobby."""
    guest = Guest(host)
    guest.peer.feed(HANDSHAKE)
    assert guest.raw() == b"OK\n"
    guest.write(HELLO % nick, JOIN)
    assert [frame["type"] for frame in guest.frames()[:2]] == ["welcome", "joined"]
    return guest


def test_both_wires_read_one_room() -> None:
    host = Host()
    ana = host.member("ana")
    gus = guest(host)
    ana.post("before")
    gus.write(b'{"type":"post","room":"lobby","id":"1","text":"from gus"}')
    ana.post("after", prefix="later")
    host.settle()
    texts = [frame["text"] for frame in gus.frames() if frame["type"] == "message"]
    assert texts == ["before", "from gus", "after"]
    assert ana.texts() == texts


def test_pages_are_put_together_from_wrapped_messages() -> None:
    host = Host()
    host.member("ana").post("one", "two")
    gus = guest(host)
    gus.write(b'{"type":"history","room":"lobby"}')
    (page,) = gus.frames()
    assert [Message.model_validate_json(json.dumps(each)).text for each in page["messages"]] == ["one", "two"]


def test_a_goodbye_frees_the_nick_and_the_end_of_a_stream_without_one_does_not() -> None:
    host = Host()
    gone, lost = guest(host, b"gone"), guest(host, b"lost")
    gone.write(b"")
    assert gone.frames()[-1] == {"type": "bye"}
    for each in (gone, lost):
        each.peer.session.receive_eof()
        host.pump()
        each.peer.session.connection_lost()
    assert host.is_free("gone")
    assert not host.is_free("lost")


def test_a_drain_ends_the_stream_in_the_wires_way() -> None:
    host = Host()
    gus = guest(host)
    host.endpoint.drain()
    host.pump()
    assert [frame["type"] for frame in gus.frames()] == ["closing", "bye"]


def test_a_wrong_handshake_is_refused_in_the_wires_way() -> None:
    host = Host()
    gus = Guest(host)
    gus.peer.feed(b"GET / HTTP/1.1\r\n\r\n")
    assert gus.raw() == b"NO bad_frame\n"
    assert gus.peer.ended


def test_a_peer_that_is_not_let_in_is_told_in_frames_once_it_has_shaken_hands() -> None:
    host = Host(connections=1)
    host.connect()
    gus = Guest(host)
    assert gus.raw() == b""
    gus.peer.feed(HANDSHAKE + wrap(HELLO % b"gus"))
    raw = gus.raw()
    assert raw.startswith(b"OK\n")
    (error, end) = unwrap(raw.removeprefix(b"OK\n"))
    assert json.loads(error)["code"] == "limit_exceeded"
    assert end == b""
    assert gus.peer.ended


def test_a_peer_that_is_not_let_in_and_says_nothing_is_told_in_the_wires_way() -> None:
    host = Host(connections=1)
    host.connect()
    gus = Guest(host)
    host.advance(2.0)
    assert gus.raw() == b"NO limit_exceeded\n"
    assert gus.peer.ended


def test_a_peer_that_does_not_shake_hands_in_time_is_told_in_the_wires_way() -> None:
    host = Host()
    gus = Guest(host)
    host.advance(10.0)
    assert gus.raw() == b"NO bad_state\n"
    assert gus.peer.ended


def test_a_guest_reads_what_its_peer_writes_after_the_goodbye_no_more() -> None:
    host = Host()
    gus = guest(host)
    gus.peer.feed(BYE + wrap(b'{"type":"ping"}'))
    assert gus.frames()[-1] == {"type": "bye"}
    assert all(frame["type"] != "pong" for frame in gus.frames())
