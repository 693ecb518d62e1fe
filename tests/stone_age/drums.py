"""A transport of one thread, which beats out what it is given and waits for what comes back."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace

from chatcore.transport import Host, Listen, Peer, Server, Session, Transport

CHUNK = 64 * 1024
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Line:
    """One connection: its socket, its session, and what the socket has refused so far."""

    def __init__(self, sock: socket.socket, session: Session, selector: selectors.BaseSelector) -> None:
        self.sock = sock
        self.session = session
        self.lost = False
        self._selector = selector
        self._unsent = b""
        self._ended = False  # our side of the stream
        self._heard_end = False  # the peer's side of it
        self._events = 0  # that the selector watches for
        self._watch_for(READ)

    def handle(self, events: int) -> None:
        """Read and write what the socket is ready for."""
        if events & WRITE:
            self._flush()
        if events & READ and not self.lost:
            self._receive()
        self.serve()

    def serve(self) -> None:
        """Write what the core has to say, and do with the socket what it wants."""
        while not (self.lost or self._unsent) and (data := self.session.data_to_send()):
            self.write(data)
        if self.session.closed:
            self._lose()
        if not self.lost:
            self._end_if_done()
            self._watch()

    def write(self, data: bytes) -> None:
        """Write a piece, and keep what the socket refuses."""
        self._unsent = data
        self._flush()

    def _receive(self) -> None:
        try:
            data = self.sock.recv(CHUNK)
        except OSError:
            self._lose()
            return
        if data:
            self.session.receive_data(data)
        else:
            self._heard_end = True
            self.session.receive_eof()

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._lose()
            return
        self.session.data_unsent(len(self._unsent))

    def _end_if_done(self) -> None:
        if self.session.closing and not (self._unsent or self._ended):
            self._ended = True
            with contextlib.suppress(OSError):  # the peer is gone already, which is read next
                self.sock.shutdown(socket.SHUT_WR)

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._watch_for(0)
            self.sock.close()
            self.session.connection_lost()

    def _watch(self) -> None:
        listens = self.session.want_data and not self._heard_end
        self._watch_for((READ if listens else 0) | (WRITE if self._unsent else 0))

    def _watch_for(self, events: int) -> None:
        if self._events:
            self._selector.unregister(self.sock)
        if events:
            self._selector.register(self.sock, events, self)
        self._events = events


class Drummer:
    """A transport that is serving."""

    def __init__(self, hub: Host, listens: Sequence[Listen]) -> None:
        self._clock = hub.clock
        self._selector = selectors.DefaultSelector()
        self._ear, self._mouth = socket.socketpair()  # what wakes the thread
        self._ear.setblocking(False)
        self._selector.register(self._ear, READ)
        self._endpoint = hub.endpoint(self._wake)
        self._lines: dict[Session, Line] = {}
        self._doors = [self._open_door(listen) for listen in listens]
        self.listening = [
            replace(listen, port=door.getsockname()[1])
            for listen, door in zip(listens, self._doors, strict=True)
        ]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End every line, once it has got all that is due to it."""
        self._closing.set()
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        self._mouth.send(b"!")

    def _open_door(self, listen: Listen) -> socket.socket:
        door = socket.create_server((listen.host, listen.port))
        door.setblocking(False)
        self._selector.register(door, READ, listen)
        return door

    def _run(self) -> None:
        draining = False
        while not draining or self._lines:
            self._turn()
            if self._closing.is_set() and not draining:
                draining = True
                for door in self._doors:
                    self._selector.unregister(door)
                    door.close()
                self._endpoint.drain()
        self._endpoint.close()
        self._selector.close()
        self._ear.close()
        self._mouth.close()

    def _turn(self) -> None:
        for key, events in self._selector.select(self._patience()):
            if isinstance(key.data, Line):
                key.data.handle(events)
            elif isinstance(key.data, Listen):
                self._accept(key.fileobj, key.data)
            else:
                self._ear.recv(CHUNK)
        when, now = self._endpoint.next_deadline(), self._clock()
        if when is not None and when <= now:
            self._endpoint.handle_deadlines(now)
        for session in self._endpoint.ready():
            self._lines[session].serve()
        for session, data in self._endpoint.fan_out():
            self._lines[session].write(data)
            self._lines[session].serve()
        self._lines = {session: line for session, line in self._lines.items() if not line.lost}

    def _accept(self, door: object, listen: Listen) -> None:
        assert isinstance(door, socket.socket)
        sock, (host, port, *_) = door.accept()
        sock.setblocking(False)
        session = self._endpoint.open(Peer(host, port), listen.wire)
        self._lines[session] = Line(sock, session, self._selector)

    def _patience(self) -> float | None:
        when = self._endpoint.next_deadline()
        if self._endpoint.busy:
            return 0.0
        return None if when is None else max(when - self._clock(), 0.0)


class Drums:
    """``--transport drums``."""

    name = "drums"
    summary = "loud, but everybody hears it"

    def start(self, hub: Host, listens: Sequence[Listen]) -> Drummer:
        return Drummer(hub, listens)


transport = Drums()
_: Transport = transport
__: type[Server] = Drummer
