"""A proxy that does to connections what networks do: it stands between a real client and a real server.

What happens to each connection is said before it is made, a direction at a time (`Faults`), or while
it lasts (`Link`). A pipe is one direction: one thread that reads one socket and writes the other.
"""

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

__all__ = ["CLEAN", "End", "FaultProxy", "Faults", "Link"]

End = Literal["close", "reset", "half-open", "black-hole"]
"""How a connection ends when its bytes are used up:

- ``close``: both sides see an orderly end;
- ``reset``: both sides see a reset;
- ``half-open``: the client sees a reset, and the server sees nothing at all;
- ``black-hole``: nobody sees anything; what is sent is swallowed.
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
    server says. With nothing left in it connections are clean. ``refusing`` closes them at once.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
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
        return f"chat://127.0.0.1:{self.port}"

    def link(self, number: int) -> "Link":
        """Return a connection by its number, from 0, once it is there."""
        with self._linked:
            assert self._linked.wait_for(lambda: len(self.links) > number, WAIT), "nobody has connected"
            return self.links[number]

    def end_all(self, end: End) -> None:
        """End every connection there is."""
        for link in list(self.links):
            link.end(end)

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

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port), WAIT)
            except OSError:
                server = None
            if server is None or self.refusing:
                _reset(client)
                if server is not None:
                    server.close()
                continue
            up, down = self.plan.popleft() if self.plan else (CLEAN, CLEAN)
            with self._linked:
                self.links.append(Link(client, server, up, down))
                self._linked.notify_all()


class Link:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket, up: Faults, down: Faults) -> None:
        self.up = _Pipe(client, server, up, self.end)
        self.down = _Pipe(server, client, down, self.end)
        self.ended = threading.Event()
        """Set when it was ended, by a fault or by `end`."""
        self._client = client
        self._server = server
        self._lock = threading.Lock()
        for sock in (client, server):
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pipe in (self.up, self.down):
            pipe.thread.start()

    def end(self, end: End) -> None:
        """End it. Only the first way counts."""
        with self._lock:
            if self.ended.is_set():
                return
            for pipe in (self.up, self.down):
                pipe.swallow()
            match end:
                case "close":
                    for sock in (self._client, self._server):
                        with contextlib.suppress(OSError):  # the peer may have gone first
                            sock.shutdown(socket.SHUT_RDWR)
                case "reset":
                    _reset(self._client)
                    _reset(self._server)
                case "half-open":
                    _reset(self._client)
                case "black-hole":
                    pass
            self.ended.set()

    def close(self) -> None:
        """Let go of both sockets and threads."""
        self.end("close")
        for sock in (self._client, self._server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for pipe in (self.up, self.down):
            pipe.thread.join(WAIT)
            assert not pipe.thread.is_alive()
        for sock in (self._client, self._server):
            sock.close()


class _Pipe:
    """One direction of a link."""

    def __init__(
        self, source: socket.socket, target: socket.socket, faults: Faults, end: Callable[[End], None]
    ) -> None:
        self.passed = 0
        """Bytes that were handed on."""
        self.thread = threading.Thread(target=self._run, name="fault-pipe", daemon=True)
        self._source = source
        self._target = target
        self._faults = faults
        self._end = end
        self._swallowing = threading.Event()

    def swallow(self) -> None:
        """Hand nothing on any more."""
        self._swallowing.set()

    def _run(self) -> None:
        try:
            while data := self._source.recv(RECEIVE):
                self._pass(data)
            if not self._swallowing.is_set():
                self._target.shutdown(socket.SHUT_WR)
        except OSError:
            if not self._swallowing.is_set():  # one side was reset: so is the other
                self._end("reset")

    def _pass(self, data: bytes) -> None:
        faults = self._faults
        size = faults.piece or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            left = None if faults.cut_after is None else faults.cut_after - self.passed
            if left is not None and len(piece) >= left:
                self._hand_on(piece[:left])
                self._end(faults.end)
                return
            self._hand_on(piece)

    def _hand_on(self, piece: bytes) -> None:
        pace = len(piece) / self._faults.bytes_per_second if self._faults.bytes_per_second else 0.0
        if not self._swallowing.wait(self._faults.delay + pace):
            self._target.sendall(piece)
            self.passed += len(piece)


def _reset(sock: socket.socket) -> None:
    """Have a socket's peer see a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
