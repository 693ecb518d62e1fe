"""The socket of a threaded client: what it takes, what waits, and what that says of the server."""

import socket
from collections.abc import Iterator

import pytest

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


def test_what_is_given_is_written_at_once(pair: tuple[Stream, socket.socket]) -> None:
    stream, far = pair
    stream.give(b"one")
    assert not stream.unsent
    assert far.recv(100) == b"one"


@pytest.mark.parametrize("size", [1, 10_000_000])
def test_taking_what_had_to_wait_is_a_sign_of_life(pair: tuple[Stream, socket.socket], size: int) -> None:
    stream, far = pair
    full = _fill(stream.sock)
    stream.give(b"y" * size)
    assert stream.unsent
    assert not stream.send()
    far.recv(full, socket.MSG_WAITALL)
    assert stream.send()


def test_what_the_system_takes_is_no_sign_of_life(pair: tuple[Stream, socket.socket]) -> None:
    stream, far = pair
    full = _fill(stream.sock)
    far.recv(full, socket.MSG_WAITALL)
    stream.give(b"y")
    assert not stream.unsent
    assert not stream.send()
