"""Serves a hub from threads: one reads each connection, and a single pump writes to all of them.

- Only the pump writes, and only the pump closes a socket; a reader that ends leaves its connection to the
  pump. If a reader closed it, the descriptor could be another connection's by the time the pump writes.
- A reader waits in ``recv``; the pump never waits on a socket, only in its selector.
- A reader that is to stop reading waits for an event, which the pump sets when the session wants data again.
- What a socket refuses stays in its connection, and the selector says when it takes more.
- An exception in here is a bug. It costs the one peer its connection, and is logged.
"""

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Self

from chatcore.address import DEFAULT_URL, Peer
from chatcore.transport import Host, Listen, Session, Wire
from transports.sockets import bind, listening_on, tune

__all__ = ["Server", "serve"]

log = logging.getLogger("chat.threaded")

RECEIVE = 64 * 1024
"""Bytes that a reader takes at once while there is much to take."""

RECEIVE_IDLE = 2 * 1024
"""Bytes that it takes when it has waited: it holds the memory for them while it waits."""

ACCEPT_PAUSE = 0.5
"""Seconds in which no connection is accepted after the system had no descriptor or thread left."""

_FOREVER = 365 * 24 * 3600.0  # a socket with a timeout does not block, which is what the pump needs


@contextlib.contextmanager
def serve(*urls: str, hub: Host | None = None) -> Iterator["Server"]:
    """Serve a hub at these addresses for as long as the block lasts, then drain.

    An address is ``chat://HOST[:PORT]`` or ``plain://HOST[:PORT]``; without any it is
    ``chat://127.0.0.1:7024``, and port 0 lets the system choose. ``listening`` of the server has the
    addresses with their real ports. ::

        with serve("chat://127.0.0.1:0") as server:
            url = str(server.listening[0])

    With ``hub``, messages go where its journal keeps them, several servers may share it, and it is yours to
    close afterwards. Without, the server makes a hub of its own, which stores messages in memory.

    The end of the block waits until every client was given what is due to it, for ``closing_seconds`` of the
    hub's limits at most. Raises `OSError` where it cannot listen, and `UsageError` for an invalid address.
    """
    listens = [Listen.parse(url) for url in urls or (DEFAULT_URL,)]
    owned: AbstractContextManager[Host] = contextlib.nullcontext(hub) if hub else _own_hub()
    with owned as served, Server(served, listens) as server:
        yield server


def _own_hub() -> AbstractContextManager[Host]:
    from chatcore import Hub  # a client must not load the server's half

    return Hub()


class Server:
    """Serves listeners on a hub, in threads of its own, from its construction on. A context manager.

    ``listening`` has its addresses, with their real ports. Raises `OSError` where it cannot listen, and then
    leaves nothing behind.
    """

    def __init__(self, hub: Host, listens: Sequence[Listen]) -> None:
        self.listening: list[Listen] = []
        self._hub = hub
        self._endpoint = hub.endpoint(self._wake)
        self._selector = selectors.DefaultSelector()
        self._listeners: dict[socket.socket, Wire] = {}
        self._connections: dict[Session, _Connection] = {}
        self._left: deque[_Connection] = deque()  # whose reader has ended
        self._closing = False
        self._accept_again: float | None = None
        self._woken = False
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        self._selector.register(self._wakee, selectors.EVENT_READ)
        self._pump = threading.Thread(target=self._run, name="chat-pump", daemon=True)
        try:
            for listen in listens:
                sockets = bind(listen)
                self._listeners.update(dict.fromkeys(sockets, listen.wire))
                self.listening.append(listening_on(listen, sockets))
        except BaseException:
            self._release()
            raise
        self._accept(True)
        self._pump.start()

    def __repr__(self) -> str:
        where = " ".join(map(str, self.listening))
        return f"<threaded Server {where} connections={len(self._connections)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Accept no more connections, drain those there are, stop. Idempotent."""
        self._closing = True
        self._wake()
        self._pump.join()

    # --- the pump --------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Have the endpoint served soon; callable from any thread."""
        if not self._woken:
            self._woken = True
            try:
                self._waker.send(b"\0")
            except OSError:
                log.debug("woken after the end")

    def _run(self) -> None:
        draining = False
        while not (draining and not self._connections):
            for key, _ in self._selector.select(self._timeout()):
                self._handle_event(key.fileobj, key.data)
            if self._closing and not draining:
                draining = True
                self._close_listeners()
                self._endpoint.drain()
            while self._left:
                self._reader_left(self._left.popleft())
            for session in self._endpoint.ready():
                if connection := self._connections.get(session):
                    self._serve(connection)
            for session, data in self._endpoint.fan_out():
                if connection := self._connections.get(session):
                    try:
                        connection.write(data)
                    except Exception:  # a bug: it may cost this peer its connection, and nobody else
                        log.exception("cannot write to %r", session)
                        connection.give_up()
            self._handle_deadlines()
        self._endpoint.close()
        self._release()

    def _timeout(self) -> float | None:
        if self._left or self._endpoint.busy:
            return 0.0
        times = [when for when in (self._endpoint.next_deadline(), self._accept_again) if when is not None]
        return max(min(times) - self._hub.clock(), 0.0) if times else None

    def _handle_event(self, source: object, connection: "_Connection | None") -> None:
        if connection is not None:
            self._serve(connection)
        elif source is self._wakee:
            self._wakee.recv(RECEIVE)
            self._woken = False
        elif isinstance(source, socket.socket):
            self._accept_from(source)

    def _handle_deadlines(self) -> None:
        now = self._hub.clock()
        when = self._endpoint.next_deadline()
        if when is not None and when <= now:
            self._endpoint.handle_deadlines(now)
        if self._accept_again is not None and self._accept_again <= now:
            self._accept(True)

    def _serve(self, connection: "_Connection") -> None:
        session = connection.session
        try:
            connection.flush()
        except Exception:  # a bug: it may cost this peer its connection, and nobody else
            log.exception("cannot serve %r", session)
            connection.give_up()
        if connection.broken and connection.reader_left:
            session.connection_lost()
        if session.closed:
            connection.shut(socket.SHUT_RDWR)
            if connection.reader_left:
                self._drop(connection)
        elif session.closing and not connection.unsent:
            connection.shut(socket.SHUT_WR)
        if _readable(session):
            connection.resume()

    # --- connections -----------------------------------------------------------------------------

    def _accept(self, wanted: bool) -> None:
        """Watch the listeners, or leave them alone for a while."""
        self._accept_again = None if wanted else self._hub.clock() + ACCEPT_PAUSE
        for listener in self._listeners:
            if wanted:
                self._selector.register(listener, selectors.EVENT_READ)
            else:
                self._selector.unregister(listener)

    def _accept_from(self, listener: socket.socket) -> None:
        while self._accept_again is None:
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("cannot accept connections: %s", error)
                self._accept(False)
                return
            self._open(sock, Peer(address[0], address[1]), self._listeners[listener])

    def _open(self, sock: socket.socket, peer: Peer, wire: Wire) -> None:
        try:
            tune(sock)
        except OSError:  # it is gone already
            sock.close()
            return
        session = self._endpoint.open(peer, wire)
        connection = _Connection(sock, session, self._selector)
        try:
            threading.Thread(
                target=self._read, args=(connection,), name=f"chat-read-{peer.port}", daemon=True
            ).start()
        except RuntimeError as error:
            log.warning("cannot start a thread: %s", error)
            session.connection_lost()
            connection.close()
            self._accept(False)
        else:
            self._connections[session] = connection

    def _read(self, connection: "_Connection") -> None:
        """Read one connection, in a thread of its own."""
        try:
            connection.read()
        except Exception:  # likewise
            log.exception("cannot read from %r", connection.session)
            connection.broken = True
        self._left.append(connection)
        self._wake()

    def _reader_left(self, connection: "_Connection") -> None:
        connection.reader_left = True
        self._serve(connection)

    def _drop(self, connection: "_Connection") -> None:
        connection.unwatch()
        connection.session.connection_lost()
        connection.close()
        self._connections.pop(connection.session, None)

    # --- the end ---------------------------------------------------------------------------------

    def _close_listeners(self) -> None:
        if self._accept_again is None:
            self._accept(False)
        self._accept_again = None
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _release(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._selector.close()
        self._waker.close()
        self._wakee.close()


class _Connection:
    """One connection: its socket on one side, its session on the other."""

    __slots__ = (
        "_paused",
        "_reader",
        "_selector",
        "_send",
        "_shut",
        "_watched",
        "_writer",
        "broken",
        "reader_left",
        "session",
        "unsent",
    )

    def __init__(self, sock: socket.socket, session: Session, selector: selectors.BaseSelector) -> None:
        self.session = session
        self._selector = selector
        self.unsent = memoryview(b"")
        self._paused: threading.Event | None = None  # what the reader waits for, if the session says so
        self.reader_left = False
        self.broken = False
        # Two objects with one descriptor: the reader's waits, the pump's never does.
        sock.settimeout(_FOREVER)
        self._reader = sock
        self._writer = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.fileno())
        self._writer.settimeout(0)
        self._send = self._writer.send
        self._watched = False
        self._shut: set[int] = set()

    def read(self) -> None:
        """Feed the session until the peer's stream ends. For the reader."""
        session, size = self.session, RECEIVE_IDLE
        while True:
            try:
                data = self._reader.recv(size)
            except OSError:
                self.broken = True
                return
            if not data:
                if not self.broken:
                    session.receive_eof()
                return
            size = RECEIVE if len(data) == size else RECEIVE_IDLE
            session.receive_data(data)
            if not _readable(session):
                self._pause()

    def _pause(self) -> None:
        self._paused = paused = threading.Event()
        if not (self.broken or _readable(self.session)):  # else the pump may have come too early
            paused.wait()
        self._paused = None

    def resume(self) -> None:
        """Let the reader continue. For the pump, as everything below."""
        if paused := self._paused:
            paused.set()

    def flush(self) -> None:
        """Write what is unsent or, if nothing is, what the session has to say."""
        if self.unsent:
            self.write(self.unsent)
        if not self.unsent and (data := self.session.data_to_send()):
            self.write(data)

    def write(self, data: bytes | memoryview) -> None:
        """Write a piece; what the socket refuses of it is unsent."""
        if self.broken:
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.give_up()
            return
        if sent < len(data):
            self.unsent = memoryview(data)[sent:]
            self.session.data_unsent(len(self.unsent))
            self._watch()
        elif self._watched:
            self.unsent = memoryview(b"")
            self.unwatch()
            self.session.data_unsent(0)

    def give_up(self) -> None:
        """Write no more, and let the reader meet the end."""
        self.broken = True
        self.shut(socket.SHUT_RDWR)
        self.resume()

    def shut(self, how: int) -> None:
        """End one direction, or both, which also makes the reader leave."""
        if how not in self._shut:
            self._shut.add(how)
            try:
                self._writer.shutdown(how)
            except OSError:
                log.debug("the peer was gone before the end")

    def unwatch(self) -> None:
        """Wait no longer for the socket to take more."""
        if self._watched:
            self._watched = False
            self._selector.unregister(self._writer)

    def close(self) -> None:
        """Close the socket."""
        self._writer.detach()
        self._reader.close()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._selector.register(self._writer, selectors.EVENT_WRITE, self)


def _readable(session: Session) -> bool:
    return session.want_data or session.closed
