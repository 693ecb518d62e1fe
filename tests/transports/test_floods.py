"""Members whose sockets take everything meet no gap, however fast others post."""

import contextlib
import selectors
import socket
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest

from tests.protocol.frames import Message
from tests.transports.peers import DEADLINE, TypedPeer, line
from tests.transports.process import ServerProcess

MEMBERS, POSTERS, WINDOW = 30, 8, 64
POSTS = 500  # of each poster
TEXT = "x" * 200
EVERYTHING = 2 * POSTERS * POSTS * 320
"""More bytes than a member is sent in all, acknowledgements included."""
LIMITS: dict[str, Any] = {"tail_bytes": 50_000, "memory_history_bytes": 50_000}
"""Whoever falls off the tail has lost something."""

ACK, MESSAGE, GAP = b'{"type":"ack"', b'{"type":"message"', b'{"type":"gap"'


class Drain:
    """A member that reads all that comes. A poster sends another post for each acknowledgement."""

    def __init__(self, peer: TypedPeer, posts: Sequence[bytes] = ()) -> None:
        self.peer = peer
        self.lines: list[bytes] = []
        peer.appetite = 1024 * 1024  # all that has come
        self._posts = iter(posts)

    def post(self, number: int) -> None:
        """Send so many posts, if there are as many left."""
        self.peer.send(b"".join(islice(self._posts, number)))

    def read(self) -> int:
        """Take what has come, post again; return how many messages there were. No gap may be there."""
        lines = self.peer.receive_lines()
        self.lines += lines
        assert not [each for each in lines if each.startswith(GAP)]
        self.post(sum(each.startswith(ACK) for each in lines))
        return sum(each.startswith(MESSAGE) for each in lines)

    @property
    def messages(self) -> list[bytes]:
        """The messages among the lines."""
        return [each for each in self.lines if each.startswith(MESSAGE)]


def _member(server: ServerProcess, nick: str) -> TypedPeer:
    """Return a member whose socket takes all that there is: a usual one may refuse a write for a moment."""
    peer = server.member(nick, receive_buffer=EVERYTHING)
    granted = peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if granted < EVERYTHING:
        pytest.skip(f"this system gives a socket a buffer of {granted} bytes at most")
    return peer


def _posts(name: str) -> list[bytes]:
    return [line("post", room="lobby", id=f"{name}-{number}", text=TEXT) for number in range(POSTS)]


def _read_everything(drains: list[Drain]) -> None:
    """Read whatever has come, from whomever, until everybody has as many messages as there are."""
    missing = len(drains) * POSTERS * POSTS
    with selectors.DefaultSelector() as selector:
        for drain in drains:
            selector.register(drain.peer.sock, selectors.EVENT_READ, drain)
        while missing:
            ready = selector.select(DEADLINE)
            assert ready, f"{missing} messages never came"
            for key, _ in ready:
                missing -= key.data.read()


def test_members_that_drain_a_flood_read_one_order_without_a_gap(transport_name: str) -> None:
    with contextlib.closing(ServerProcess(transport_name, **LIMITS)) as server:
        names = [f"poster-{number}" for number in range(POSTERS)]
        posters = [Drain(_member(server, name), _posts(name)) for name in names]
        drains = [*posters, *(Drain(_member(server, f"reader-{number}")) for number in range(MEMBERS))]
        for poster in posters:
            poster.post(WINDOW)
        _read_everything(drains)
        first = drains[-1]
        frames = [first.peer.reader.receive_line(each) for each in first.lines]
        numbers = [each.seq for each in frames if isinstance(each, Message)]
        assert numbers == list(range(1, POSTERS * POSTS + 1))
        assert all(drain.messages == first.messages for drain in drains)
