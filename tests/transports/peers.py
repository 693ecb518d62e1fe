"""Peers that speak to a server over bare sockets, so that no test trusts our own client."""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Callable, Iterable
from itertools import count, repeat
from typing import Any, Self, TypeVar

from tests.protocol.codec import encode
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Frame,
    Joined,
    Members,
    Ping,
    Pong,
    ServerFrame,
    Welcome,
)
from tests.protocol.reader import FrameReader
from tests.transports.tls import ENCRYPTED, TlsSocket, peer_context

__all__ = ["DEADLINE", "Peer", "PlainPeer", "Stream", "TypedPeer", "hello", "line"]

DEADLINE = 10.0
"""Seconds that a test waits for what must come; only a test that fails waits as long."""

STUCK = 0.4
"""Seconds without room for one byte after which a peer that sends is taken to be held up."""

F = TypeVar("F", bound=Frame)

_tokens = count(1)


def line(type: str, **fields: Any) -> bytes:
    """Return a frame of a client as the line it is."""
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def hello(nick: str) -> bytes:
    """Return the line that opens a session."""
    return line("hello", protocol=1, nick=nick)


class Stream:
    """A connected socket whose every wait has a deadline. A context manager."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.appetite = 64 * 1024  # bytes that are read in one call
        self.after_meal: Callable[[int], object] = lambda size: None  # called with how many were read
        self._rest = b""
        self._unsent = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def encoded(self, data: bytes) -> bytes:
        """Return what is sent for lines, or for a part of one."""
        return data

    def send(self, data: bytes) -> None:
        """Send lines, or a part of one."""
        self.send_raw(self.encoded(data))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, all of them."""
        self.sock.sendall(data)

    def send_until_stuck(self, data: bytes, limit: int) -> int:
        """Send the same lines over and over until the other side takes no more.

        Return how many whole copies went. Fails when more than ``limit`` bytes went.
        """
        raw = self.encoded(data)
        sent = self._send_until_stuck(repeat(raw, limit // len(raw)))
        self._unsent = b""
        return sent

    def send_each_until_stuck(self, pieces: Iterable[bytes]) -> int:
        """Send pieces until the other side takes no more; return how many whole ones went.

        `send_unsent` sends the rest of the piece in which it was. Fails when there was room for all.
        """
        return self._send_until_stuck(map(self.encoded, pieces))

    def _send_until_stuck(self, pieces: Iterable[bytes]) -> int:
        self.sock.settimeout(STUCK)
        try:
            for number, piece in enumerate(pieces):
                self._unsent = piece
                while self._unsent:
                    try:
                        self._unsent = self._unsent[self.sock.send(self._unsent) :]
                    except TimeoutError:
                        return number
        finally:
            self.sock.settimeout(DEADLINE)
        raise AssertionError("the other side took everything and was never full")

    def send_unsent(self) -> None:
        """Send the rest of what got stuck."""
        self.send_raw(self._unsent)

    def receive_some(self) -> bytes:
        """Return what has come, at least a byte; empty at the end of the stream."""
        data = self.sock.recv(self.appetite)
        self.after_meal(len(data))
        return data

    def receive_line(self) -> bytes:
        """Return the next line with its newline; what the stream ends with, or nothing, at its end."""
        while b"\n" not in self._rest:
            data = self.receive_some()
            if not data:
                rest, self._rest = self._rest, b""
                return rest
            self._rest += data
        found, newline, self._rest = self._rest.partition(b"\n")
        return found + newline

    def receive_lines(self) -> list[bytes]:
        """Return the lines that have come, with their newlines, after one call that reads."""
        *lines, self._rest = (self._rest + self.receive_some()).split(b"\n")
        return [each + b"\n" for each in lines]

    def receive_rest(self) -> bytes:
        """Return everything up to the end of the stream."""
        parts = [self._rest]
        self._rest = b""
        while data := self.receive_some():
            parts.append(data)
        return b"".join(parts)

    def wait_for_end(self) -> None:
        """Read until the stream ends or breaks."""
        with contextlib.suppress(ConnectionError):
            self.receive_rest()

    def finish(self) -> None:
        """End this side of the stream, and leave the other open."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish: the other side gets a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(self.sock, TlsSocket):
            self.sock.abandon()
        self.sock.close()

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.sock.close()


class Peer(Stream):
    """A stream to a server, from an address of this machine, ``source``, if that is given."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        source: str | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        super().__init__(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
        if receive_buffer is not None:  # before connecting: it bounds the window that is offered
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source is not None:
                self.sock.bind((source, 0))
            self.sock.connect((host, port))
        except BaseException:
            self.close()
            raise
        if port in ENCRYPTED:
            self.sock = TlsSocket(self.sock, peer_context())

    @property
    def address(self) -> tuple[str, int]:
        """Our own address, by which the server knows us."""
        host, port = self.sock.getsockname()[:2]
        return host, port


class TypedPeer(Peer):
    """Speaks the typed protocol, and answers nothing by itself. A `FrameReader` judges all that it gets.

    Frames that come while another is waited for stay in the inbox, in their order.
    """

    def __init__(self, port: int, nick: str | None = None, *rooms: str, **options: Any) -> None:
        super().__init__(port, **options)
        self.reader = FrameReader()
        self.inbox: list[ServerFrame] = []
        try:
            self._enter(nick, rooms)
        except BaseException:
            self.close()
            raise

    def _enter(self, nick: str | None, rooms: tuple[str, ...]) -> None:
        if nick is not None:
            self.send(hello(nick))
            self.receive(Welcome)
        for room in rooms:
            self.ask("join", room=room)
            self.receive(Joined)

    def send_frame(self, frame: ClientFrame) -> None:
        """Send a frame."""
        self.reader.note_sent(frame)
        self.send(encode(frame))

    def ask(self, type: str, **fields: Any) -> None:
        """Send a frame, or what looks like one."""
        self.send(line(type, **fields))

    def post(self, text: str, id: str, room: str = "lobby") -> None:
        """Send a post."""
        self.ask("post", room=room, id=id, text=text)

    def receive_frame(self) -> ServerFrame:
        """Return the next frame; raises `EOFError` at the end of the stream."""
        if self.inbox:
            return self.inbox.pop(0)
        data = self.receive_line()
        if not data.endswith(b"\n"):
            raise EOFError
        return self.reader.receive_line(data)

    def receive(self, kind: type[F], *, where: Callable[[F], bool] = lambda _: True) -> F:
        """Return the next frame of a kind; what else comes meanwhile stays for later."""
        others: list[ServerFrame] = []
        try:
            while True:
                frame = self.receive_frame()
                if isinstance(frame, kind) and where(frame):
                    return frame
                others.append(frame)
        finally:
            self.inbox[:0] = others

    def receive_many(self, kind: type[F], number: int) -> list[F]:
        """Return the next frames of a kind."""
        return [self.receive(kind) for _ in range(number)]

    def settle(self) -> list[ServerFrame]:
        """Return everything that was on its way: whatever the server had for us before it answered."""
        token = f"settle-{next(_tokens)}"
        self.send_frame(Ping(token=token))
        frames: list[ServerFrame] = []
        while True:
            frame = self.receive_frame()
            if frame == Pong(token=token):
                return frames
            frames.append(frame)

    def who(self, room: str = "lobby") -> tuple[str, ...]:
        """Return who is in a room; it is to be small."""
        self.ask("who", room=room)
        return self.receive(Members).nicks

    def wait_until_alone(self, room: str = "lobby") -> None:
        """Ask who is there until this peer is alone."""
        give_up = time.monotonic() + DEADLINE
        while len(there := self.who(room)) > 1:
            assert time.monotonic() < give_up, f"{there} are still here"

    def reason_of_end(self) -> str | None:
        """Read up to the end of the stream; return the reason that the server gave last."""
        last = self.receive_all()[-1]
        return last.reason if isinstance(last, Closing) else None

    def receive_all(self) -> list[ServerFrame]:
        """Return everything up to the end of the stream."""
        frames: list[ServerFrame] = []
        try:
            while True:
                frames.append(self.receive_frame())
        except EOFError:
            return frames


class PlainPeer(Peer):
    """Sends and gets lines of text."""

    @property
    def nick(self) -> str:
        """What it is called until it says otherwise."""
        return str(self.address[1])

    def say(self, text: str) -> None:
        """Send a line."""
        self.send(text.encode() + b"\n")

    def hear(self) -> str:
        """Return the next line, without its newline."""
        return self.receive_line().decode().removesuffix("\n")
