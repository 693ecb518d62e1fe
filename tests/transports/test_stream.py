"""The socket of a threaded client: what it takes, what waits, and what that says of the server."""

import selectors
import socket
from collections.abc import Iterator

import pytest

from tests.transports.hostile import Guest, HostileServer
from tests.transports.peers import line
from transports.threaded_tcp import connect
from transports.threaded_tcp.connection import Connection
from transports.threaded_tcp.stream import Stream


@pytest.fixture
def pair() -> Iterator[tuple[Stream, socket.socket]]:
    """A stream, and the other end of its socket."""
    near, far = socket.socketpair()
    with far, Stream(near) as stream:
        yield stream, far


def _fill(sock: socket.socket) -> int:
    """Send until the socket takes no more; return how many bytes that were."""
    sent = 0
    while True:
        try:
            sent += sock.send(b"x" * 65_536)
        except BlockingIOError:
            return sent


@pytest.mark.parametrize("size", [1, 10_000_000])
def test_taking_what_had_to_wait_is_a_sign_of_life(pair: tuple[Stream, socket.socket], size: int) -> None:
    stream, far = pair
    full = _fill(stream.sock)
    stream.give(b"y" * size)
    assert not stream.send()
    assert stream.refused
    far.recv(full, socket.MSG_WAITALL)
    assert stream.send()


def test_what_the_system_takes_is_no_sign_of_life(pair: tuple[Stream, socket.socket]) -> None:
    stream, far = pair
    stream.give(b"y")
    assert not stream.send()
    assert not stream.unsent
    assert not stream.refused
    assert far.recv(100) == b"y"


def test_a_client_offers_at_once_what_it_has_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    watch = Connection._watch

    def note_wait(connection: Connection, stream: Stream, mask: int) -> None:
        waits.append(mask)
        watch(connection, stream, mask)

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        asked = guest.asked("post")
        guest.send(line("ack", room="lobby", id=asked["id"], seq=1, durability="memory"))
        guest.wait_for_end()

    monkeypatch.setattr(Connection, "_watch", note_wait)
    with HostileServer(script) as server, connect(server.url, nick="ann", rooms=["lobby"]) as ann:
        assert ann.post("hello").seq == 1
    assert [mask for mask in waits if mask & selectors.EVENT_WRITE] == []
