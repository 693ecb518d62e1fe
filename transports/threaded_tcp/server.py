"""Serves a hub from threads: one reads each connection, and a single pump writes to all of them.

- Only the pump writes, and only the pump closes a socket; a reader that ends leaves its connection to the
  pump. If a reader closed it, the descriptor could be another connection's by the time the pump writes.
- A reader waits in ``recv``; the pump never waits on a socket, only in its selector.
- A reader that is to stop reading waits for an event, which the pump sets when the session wants data again.
- What a socket refuses stays in its connection, and the selector says when it takes more.
- An exception in here is a bug. One that is met while a peer is served costs that peer its connection, and
  is logged. Any other ends the server: one that has lost its pump serves nobody.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from chatcore.address import Peer
from chatcore.transport import Channel, Host, Layers, Listen, ServerStatistics, Session
from transports.listening import Encrypting
from transports.log_events import (
    connection_failed,
    connection_not_opened,
    transport_failed,
    transport_not_ended,
)
from transports.pulse import Pulse
from transports.sockets import LONGEST_WAIT, bind, listening_on, listens_at
from transports.threaded_tcp.listeners import Listeners
from transports.threaded_tcp.server_connection import SecuredConnection, ServerConnection

__all__ = ["Server", "serve"]

log = logging.getLogger("chat.threaded")

WAKES = 4 * 1024
"""Calls to wake up that are taken at once."""

READER_SECONDS = 1.0
"""How long a pump that has failed waits for the readers, whose sockets it has shut."""


@contextlib.contextmanager
def serve(
    *addresses: str | Listen,
    hub: Host | None = None,
    cert: str | Path | Encrypting | None = None,
    cert_key: str | Path | None = None,
) -> Iterator["Server"]:
    """Serve a hub at these addresses for as long as the block lasts, then drain.

    An address is ``chat://HOST[:PORT]``, ``plain://HOST[:PORT]``, ``http://HOST[:PORT]`` for browsers, or a
    `chatcore.transport.Listen` with a wire or a site of your own; without any it is ``chat://127.0.0.1:7024``,
    and port 0 lets the system choose. ``listening`` of the server has the addresses with their real ports. ::

        with serve("chat://127.0.0.1:0") as server:
            url = str(server.listening[0])

    ``chats://``, ``plains://`` and ``https://`` are the same over TLS, with a certificate in the file
    ``cert`` and its key in ``cert_key``, or both in one. They are loaded again when they change. ``cert`` may
    also be a `transports.certificates.Certificate`, which several servers can share.

    With ``hub``, messages go where its journal keeps them, several servers may share it, and it is yours to
    close afterwards. Without, the server makes a hub of its own, which stores messages in memory.

    The end of the block waits until every client was given what is due to it, for ``closing_seconds`` of the
    hub's limits at most. Raises `OSError` where it cannot listen or load a certificate, and `UsageError` for
    an invalid address.
    """
    listens = listens_at(addresses, cert, cert_key)
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
        self._connections: dict[Session, ServerConnection] = {}
        self._left: deque[ServerConnection] = deque()  # whose reader has ended
        self._called: deque[ServerConnection] = deque()  # whose channel has something to say
        self._shaking_hands = threading.Lock()
        self._closing = False
        self._woken = False
        self._failure: BaseException | None = None
        self._pulse = Pulse(time.monotonic())
        self._pump = threading.Thread(target=self._run, name="chat-pump", daemon=True)
        with contextlib.ExitStack() as undo:
            self._endpoint = hub.endpoint(self._wake)
            undo.callback(self._endpoint.close)
            self._selector = undo.enter_context(selectors.DefaultSelector())
            self._waker, self._wakee = map(undo.enter_context, socket.socketpair())
            self._waker.setblocking(False)
            self._wakee.setblocking(False)
            self._selector.register(self._wakee, selectors.EVENT_READ)
            self._listeners = Listeners(self._selector, self._endpoint.delay)
            undo.callback(self._listeners.close)
            for listen in listens:
                layers = listen.layers()
                sockets = bind(listen)
                self._listeners.add(sockets, layers)
                self.listening.append(listening_on(listen, sockets))
            self._listeners.watch()
            self._pump.start()
            undo.pop_all()

    def __repr__(self) -> str:
        where = " ".join(map(str, self.listening))
        return f"<threaded Server {where} connections={len(self._connections)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Accept no more connections, drain those there are, stop. Idempotent.

        Raises what ended the server before, if it has failed.
        """
        self._closing = True
        self._wake()
        self._pump.join()
        if self._failure is not None:
            raise self._failure

    def statistics(self) -> ServerStatistics:
        """Return how late the pump is. Callable from any thread."""
        return self._pulse.statistics(time.monotonic())

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
        try:
            self._pump_until_drained()
        except BaseException as error:
            transport_failed.log(error=repr(error))
            self._failure = error
            self._abandon_all()
            raise
        finally:
            self._release()

    def _pump_until_drained(self) -> None:
        draining = False
        while not (draining and not self._connections):
            for key, _ in self._selector.select(self._timeout()):
                self._handle_event(key.fileobj, key.data)
            if self._closing and not draining:
                draining = True
                self._listeners.close()
                self._endpoint.drain()
            while self._called:
                self._serve_called(self._called.popleft())
            while self._left:
                self._reader_left(self._left.popleft())
            self._open_due()
            self._write_all()
            self._handle_deadlines()
            self._pulse.beat(time.monotonic())
        self._endpoint.close()

    def _timeout(self) -> float:
        if self._left or self._called or self._endpoint.busy:
            return 0.0
        times = [LONGEST_WAIT, self._pulse.due_in(time.monotonic())]
        if (when := self._endpoint.next_deadline()) is not None:
            times.append(max(when - self._hub.clock(), 0.0))
        waits = (self._listeners.pause_left(), self._listeners.due_in())
        times += [wait for wait in waits if wait is not None]
        return min(times)

    def _handle_event(self, source: object, connection: "ServerConnection | None") -> None:
        if connection is not None:
            self._serve(connection)
        elif source is self._wakee:
            self._wakee.recv(WAKES)
            self._woken = False
        elif isinstance(source, socket.socket):
            for sock, peer, layers in self._listeners.accept(source):
                self._open(sock, peer, layers)

    def _write_all(self) -> None:
        connections = self._connections
        for session in self._endpoint.ready():
            if connection := connections.get(session):
                self._serve(connection)
        for session, data in self._endpoint.fan_out():
            if connection := connections.get(session):
                try:
                    connection.write(data)
                except Exception as error:
                    self._give_up(connection, error)

    def _handle_deadlines(self) -> None:
        now = self._hub.clock()
        when = self._endpoint.next_deadline()
        if when is not None and when <= now:
            self._endpoint.handle_deadlines(now)
        self._listeners.watch()

    def _open_due(self) -> None:
        for sock, peer, layers in self._listeners.due():
            self._open(sock, peer, layers)

    # --- connections -----------------------------------------------------------------------------

    def _open(self, sock: socket.socket, peer: Peer, layers: Layers) -> None:
        try:
            channel = None if layers.channel is None else layers.channel()
            session = self._endpoint.open(peer, layers.wire)
        except Exception as error:  # a bug: it may cost this peer its connection, and nobody else
            connection_not_opened.log_bug(error, peer=str(peer))
            sock.close()
            return
        connection = self._connection(sock, session, channel)
        self._connections[session] = connection
        try:
            connection.start(self._read, f"chat-read-{peer.port}")
        except RuntimeError as error:  # there are too many threads
            self._listeners.pause(error)
            self._drop(connection)

    def _connection(self, sock: socket.socket, session: Session, channel: Channel | None) -> ServerConnection:
        if channel is None:
            return ServerConnection(sock, session, self._selector)
        return SecuredConnection(sock, session, self._selector, channel, self._call, self._shaking_hands)

    def _call(self, connection: ServerConnection) -> None:
        """Have a connection served soon. For its reader."""
        self._called.append(connection)
        self._wake()

    def _read(self, connection: ServerConnection) -> None:
        """Read one connection, in a thread of its own."""
        try:
            connection.read()
        except Exception as error:  # likewise
            connection_failed.log_bug(error, session=repr(connection.session))
            connection.broken = True
        self._left.append(connection)
        self._wake()

    def _reader_left(self, connection: ServerConnection) -> None:
        connection.reader_left = True
        self._serve(connection)

    def _serve_called(self, connection: ServerConnection) -> None:
        if connection.session in self._connections:
            self._serve(connection)

    def _serve(self, connection: ServerConnection) -> None:
        try:
            connection.flush()
            self._update(connection)
        except Exception as error:
            self._give_up(connection, error)

    def _update(self, connection: ServerConnection) -> None:
        """Do what the session wants done with its socket."""
        session = connection.session
        if session.closed:
            connection.say_last()
        if connection.reader_left and (connection.broken or session.closed):
            self._drop(connection)
        elif session.closed:
            connection.shut(socket.SHUT_RDWR)
        elif session.closing and not connection.unsent:
            connection.finish()
        if connection.readable:
            connection.resume()

    def _give_up(self, connection: ServerConnection, error: Exception) -> None:
        """After a bug, which may cost this peer its connection, and nobody else."""
        connection_failed.log_bug(error, session=repr(connection.session))
        connection.give_up()
        if connection.reader_left and connection.session in self._connections:
            self._left.append(connection)  # to be dropped

    def _drop(self, connection: ServerConnection) -> None:
        del self._connections[connection.session]
        connection.close()
        connection.session.connection_lost()

    # --- the end ---------------------------------------------------------------------------------

    def _abandon_all(self) -> None:
        """After a failure, end every connection: nobody serves them any more."""
        deadline = time.monotonic() + READER_SECONDS
        for connection in self._connections.values():
            connection.give_up()
        for connection in self._connections.values():
            if connection.wait_for_reader(deadline):
                connection.close()
        self._connections.clear()
        try:
            self._endpoint.close()
        except Exception as second:  # it goes on as well as it can; the first one is the one to report
            transport_not_ended.log_bug(second)

    def _release(self) -> None:
        self._listeners.close()
        self._selector.close()
        self._waker.close()
        self._wakee.close()
