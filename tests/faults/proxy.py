"""A proxy that does to connections what networks do: it stands between a real client and a real server.

What happens to each connection is said before it is made, a direction at a time (`Faults`), or while
it lasts (`Link.end`, `Pipe.faults`).
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal, Self

from tests.transports.tls import ENCRYPTED

__all__ = ["CLEAN", "End", "FaultProxy", "Faults", "Link", "Pipe"]

End = Literal["close", "reset", "half-open", "black-hole"]
"""How a connection ends when its bytes are used up:

- ``close``: both sides see an orderly end;
- ``reset``: both sides see a reset;
- ``half-open``: the client sees a reset, and the server sees nothing at all;
- ``black-hole``: both ends see nothing; what is sent is swallowed.
"""

RECEIVE = 64 * 1024
WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to one direction of a connection."""

    delay: float = 0.0
    """Seconds for which each piece is held back."""

    piece: int | None = None
    """The most bytes that are handed on in one send; 1 splits at every byte."""

    bytes_per_second: float | None = None
    """How fast bytes are handed on."""

    cut_after: int | None = None
    """Bytes after which the connection ends, exactly."""

    end: End = "close"
    """How it ends then."""


CLEAN = Faults()


class FaultProxy:
    """Listens on a port of its own and connects to a server's. A context manager.

    ``plan`` is used up a connection at a time: what happens to what the client says, and to what the
    server says. With nothing left in it connections are clean. ``refusing`` closes them immediately.
    With a ``receive_buffer`` the system takes little more from a server than is handed on.
    """

    def __init__(self, server_port: int, *, receive_buffer: int | None = None) -> None:
        self.server_port = server_port
        self._receive_buffer = receive_buffer
        self.plan: deque[tuple[Faults, Faults]] = deque()
        self.refusing = False
        self.links: list[Link] = []
        self._linked = threading.Condition()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="fault-proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Where clients connect."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where clients of the typed protocol connect."""
        return f"{'chats' if self.server_port in ENCRYPTED else 'chat'}://127.0.0.1:{self.port}"

    def link(self, number: int) -> "Link":
        """Return a connection by its number, from 0, once it is there."""
        with self._linked:
            assert self._linked.wait_for(lambda: len(self.links) > number, WAIT), "nobody has connected"
            return self.links[number]

    def end_all(self, end: End, *, begun: bytes = b"") -> None:
        """End every connection there is on which the client's first words are these."""
        with self._linked:
            links = list(self.links)
        for link in links:
            if link.up.first.startswith(begun):
                link.end(end)

    def cut(self, end: End) -> None:
        """End every connection there is, and let nobody connect until `join`."""
        self.refusing = True
        self.end_all(end)

    def join(self) -> None:
        """Let connect again; both ends see the end of connections that were black holes."""
        self.refusing = False
        with self._linked:
            ended = [link for link in self.links if link.ended.is_set()]
            self.links[:] = [link for link in self.links if link not in ended]
        for link in ended:
            link.close()

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):  # wakes the thread; macOS does not want to
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join(WAIT)
            for link in self.links:
                link.close()

    def _dial(self) -> socket.socket | None:
        sock = socket.socket()
        if self._receive_buffer is not None:  # before connecting: it bounds the window that is offered
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        sock.settimeout(WAIT)
        try:
            sock.connect(("127.0.0.1", self.server_port))
        except OSError:
            sock.close()
            return None
        return sock

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._dial()
            with self._linked:  # so whoever refuses, and then ends all that there are, leaves none out
                link = None if server is None or self.refusing else self._new_link(client, server)
            if link is not None:
                link.begin()
                continue
            _reset(client)
            if server is not None:
                server.close()

    def _new_link(self, client: socket.socket, server: socket.socket) -> "Link":
        up, down = self.plan.popleft() if self.plan else (CLEAN, CLEAN)
        self.links.append(link := Link(client, server, up, down))
        self._linked.notify_all()
        return link


class Link:
    """One connection through the proxy, carried by one thread."""

    def __init__(self, client: socket.socket, server: socket.socket, up: Faults, down: Faults) -> None:
        self.up = Pipe(client, server, up)
        self.down = Pipe(server, client, down)
        self.ended = threading.Event()
        """Set when nothing is handed on any more."""
        self._sockets = (client, server)
        self._asked: End | None = None
        self._waker, self._wakee = socket.socketpair()
        for sock in (*self._sockets, self._waker, self._wakee):
            sock.setblocking(False)
        for sock in self._sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listed = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-link", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Hand bytes on from now on."""
        self._listed.set()

    def end(self, end: End) -> None:
        """End it now; what was held back is lost. Only the first way counts."""
        self._asked = self._asked or end
        self._wake()
        assert self.ended.wait(WAIT)

    def rest_from_server(self) -> bytes:
        """Return what the server has said since the client was lost, up to the end; for ``half-open``."""
        assert self.ended.is_set()
        server = self._sockets[1]
        server.settimeout(WAIT)
        return b"".join(iter(lambda: server.recv(RECEIVE), b""))

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        self._asked = self._asked or "close"
        self._closing.set()
        self._wake()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is awake, or has ended
            self._waker.send(b"\0")

    def _run(self) -> None:
        self._listed.wait()
        with self._waker, self._wakee, self._sockets[0], self._sockets[1]:
            try:
                end = self._carry()
            except OSError:  # one side was reset: so is the other
                end = "reset"
            self._end(end)
            self.ended.set()
            self._closing.wait()

    def _carry(self) -> End:
        """Hand bytes on until it ends; return how."""
        pipes = (self.up, self.down)
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakee, selectors.EVENT_READ)
            while self._asked is None and not all(pipe.finished for pipe in pipes):
                now = time.monotonic()
                for sock in self._sockets:
                    _watch(selector, sock, sum(pipe.interest(sock, now) for pipe in pipes))
                waits = [wait for pipe in pipes if (wait := pipe.wait(now)) is not None]
                for key, ready in selector.select(min(waits, default=None)):
                    for pipe in pipes:
                        if ready & selectors.EVENT_READ and key.fileobj is pipe.source:
                            pipe.read()
                        if ready & selectors.EVENT_WRITE and key.fileobj is pipe.target and pipe.write():
                            return pipe.faults.end
        return self._asked or "close"

    def _end(self, end: End) -> None:
        client, server = self._sockets
        match end:
            case "close":
                client.close()
                server.close()
            case "reset":
                _reset(client)
                _reset(server)
            case "half-open":
                _reset(client)
            case "black-hole":
                pass


class Pipe:
    """One direction of a link. ``passed`` counts the bytes that were handed on; ``first`` came first."""

    def __init__(self, source: socket.socket, target: socket.socket, faults: Faults) -> None:
        self.source = source
        self.target = target
        self.faults = faults
        self.passed = 0
        self.first = b""
        self.finished = False
        self._reading = True
        self._pieces: deque[tuple[float, bytes]] = deque()  # when each is due; an empty one is the end
        self._held = 0
        pace = faults.bytes_per_second
        self._most = RECEIVE if pace is None else max(int(pace / 10), 1)  # that is held at a time
        self._free_at = 0.0

    def interest(self, sock: socket.socket, now: float) -> int:
        """Return what has to be known of a socket."""
        if sock is self.source:
            return selectors.EVENT_READ if self._reading and self._held < self._most else 0
        return selectors.EVENT_WRITE if self._pieces and self._pieces[0][0] <= now else 0

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next piece is due."""
        return self._pieces[0][0] - now if self._pieces and self._pieces[0][0] > now else None

    def read(self) -> None:
        """Take what has come, in pieces."""
        data = self.source.recv(self._most)
        self.first = self.first or data
        self._reading = bool(data)
        self._held += len(data)
        size = self.faults.piece or len(data) or 1
        pace = self.faults.bytes_per_second
        due = time.monotonic() + self.faults.delay
        for start in range(0, len(data) or 1, size):
            piece = data[start : start + size]
            self._free_at = due = max(due, self._free_at) + (len(piece) / pace if pace else 0.0)
            self._pieces.append((due, piece))

    def write(self) -> bool:
        """Hand the next piece on; return whether all is done that was to be done before the end."""
        due, piece = self._pieces.popleft()
        if not piece:
            self.target.shutdown(socket.SHUT_WR)
            self.finished = True
            return False
        cut = self.faults.cut_after
        left = len(piece) if cut is None else cut - self.passed
        sent = self.target.send(piece[:left]) if left else 0
        self.passed += sent
        self._held -= sent
        if sent < len(piece):
            self._pieces.appendleft((due, piece[sent:]))
        return self.passed == cut


def _watch(selector: selectors.BaseSelector, sock: socket.socket, mask: int) -> None:
    watched = selector.get_map().get(sock)
    if mask and watched is None:
        selector.register(sock, mask)
    elif mask and watched is not None and watched.events != mask:
        selector.modify(sock, mask)
    elif not mask and watched is not None:
        selector.unregister(sock)


def _reset(sock: socket.socket) -> None:
    """Have a socket's peer see a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
