"""Serves a hub from an event loop: a protocol object for each connection, and no task for any that is open.

- Everything runs in the loop's thread, except for `Server._wake`, which the core calls from any thread.
- A connection writes to its asyncio transport, which buffers what the socket refuses. With a high-water mark
  of 0, ``pause_writing`` means that the socket refuses more, and ``resume_writing`` that all is written:
  that is what the core wants to know of a slow reader.
- Between two passes over the endpoint the loop does its other work, so a burst never holds up reading.
- An exception in here is a bug. One that is met while a peer is served costs that peer its connection, and
  is logged. Any other ends the server: one that has lost a part of its work serves nobody.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self, cast

from chatcore.address import Peer
from chatcore.transport import Host, Layers, Listen, ServerStatistics, Session, Wire
from transports.asyncio_tcp.listeners import Listeners
from transports.asyncio_tcp.secured import Handshakes, Secured
from transports.listening import Encrypting
from transports.log_events import (
    connection_failed,
    connection_not_opened,
    transport_failed,
    transport_not_ended,
)
from transports.pulse import Pulse
from transports.sockets import LONGEST_WAIT, bind, listening_on, listens_at

__all__ = ["Server", "serve"]


@contextlib.asynccontextmanager
async def serve(
    *addresses: str | Listen,
    hub: Host | None = None,
    cert: str | Path | Encrypting | None = None,
    cert_key: str | Path | None = None,
) -> AsyncIterator["Server"]:
    """Serve a hub at these addresses for as long as the block lasts, then drain.

    An address is ``chat://HOST[:PORT]``, ``plain://HOST[:PORT]``, ``http://HOST[:PORT]`` for browsers, or a
    `chatcore.transport.Listen` with a wire or a site of your own; without any it is ``chat://127.0.0.1:7024``,
    and port 0 lets the system choose. ``listening`` of the server has the addresses with their real ports. ::

        async with serve("chat://127.0.0.1:0") as server:
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
    with owned as served:
        async with Server(served, listens) as server:
            yield server


def _own_hub() -> AbstractContextManager[Host]:
    from chatcore import Hub  # a client must not load the server's half

    return Hub()


class Server:
    """Serves listeners on a hub, in the loop that it is started in. An async context manager.

    ``listening`` has its addresses, with their real ports, once it is started. ``on_failure`` is called in
    the loop when a bug has ended the server, which leaves nobody connected; `close` raises the bug then.
    """

    def __init__(
        self, hub: Host, listens: Sequence[Listen], on_failure: Callable[[], object] = lambda: None
    ) -> None:
        self.listening: list[Listen] = []
        self._hub = hub
        self._listens = listens
        self._on_failure = on_failure
        self._endpoint = hub.endpoint(self._wake)
        self._listeners = Listeners(self._accepted, self._fail, self._endpoint.delay)
        self._connections: dict[Session, _Connection] = {}
        self._empty = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()  # of connections that are accepted and not opened yet
        self._blocked: set[_Connection] = set()  # whose sockets refuse more for now
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._pulse = Pulse(time.monotonic())
        self._beating: asyncio.TimerHandle | None = None
        self._closed = False
        self._failure: BaseException | None = None

    def __repr__(self) -> str:
        where = " ".join(map(str, self.listening))
        return f"<asyncio Server {where} connections={len(self._connections)}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen; raises `OSError` where that fails, and then leaves nothing behind."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._handshakes = Handshakes(self._loop)
        try:
            for listen in self._listens:
                layers = listen.layers()
                sockets = bind(listen)
                self._listeners.add(sockets, layers)
                self.listening.append(listening_on(listen, sockets))
        except BaseException:
            self._end()
            raise
        self._listeners.watch()
        self._beat()

    def statistics(self) -> ServerStatistics:
        """Return how late the loop is. Callable from any thread."""
        return self._pulse.statistics(time.monotonic())

    async def close(self) -> None:
        """Accept no more connections, drain those there are, stop. Idempotent.

        Raises what ended the server before, if it has failed. A server whose close is cancelled ends without
        draining.
        """
        try:
            await self._drain()
        finally:
            self._end()
        if self._failure is not None:
            raise self._failure

    async def _drain(self) -> None:
        self._listeners.close()
        if self._opening:
            await asyncio.wait(self._opening)
        if not self._closed:
            self._endpoint.drain()
        if self._connections:
            await self._empty.wait()

    def _end(self) -> None:
        """Leave nothing. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._listeners.close()
        for connection in self._connections.values():
            connection.abort()
        for timer in (self._timer, self._beating):
            if timer is not None:
                timer.cancel()
        self._endpoint.close()

    def _fail(self, error: BaseException) -> None:
        """End because of a bug that is no single peer's: nobody is served any more."""
        if self._closed:
            return
        transport_failed.log(error=repr(error))
        self._failure = error
        try:
            self._end()
        except Exception as second:  # it goes on as well as it can; the first one is the one to report
            transport_not_ended.log_bug(second)
        self._on_failure()

    # --- accepting -------------------------------------------------------------------------------

    def _accepted(self, sock: socket.socket, peer: Peer, layers: Layers) -> None:
        opening = self._loop.create_task(self._open(sock, peer, layers))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, sock: socket.socket, peer: Peer, layers: Layers) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._protocol(peer, layers), sock)
        except Exception as error:  # a bug: it may cost this peer its connection, and nobody else
            connection_not_opened.log_bug(error, peer=str(peer))
            sock.close()

    def _protocol(self, peer: Peer, layers: Layers) -> asyncio.Protocol:
        connection = _Connection(self, peer, layers.wire)
        if layers.channel is None:
            return connection
        return Secured(layers.channel(), connection, self._handshakes)

    # --- the rhythm of the loop ------------------------------------------------------------------

    def _wake(self) -> None:
        """Have the endpoint served soon; callable from any thread."""
        if self._scheduled or self._closed:
            return
        self._scheduled = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._serve)
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed in this very moment
                self._loop.call_soon_threadsafe(self._serve)

    def _serve(self) -> None:
        self._scheduled = False  # first: whatever becomes ready from here on wakes us again
        if self._closed:
            return
        try:
            self._write_all()
            if self._endpoint.busy:
                self._wake()
            self._set_timer()
        except Exception as error:
            self._fail(error)

    def _write_all(self) -> None:
        connections = self._connections
        for session in self._endpoint.ready():
            if connection := connections.get(session):
                connection.serve()
        for session, data in self._endpoint.fan_out():
            if connection := connections.get(session):
                connection.write(data)

    def _set_timer(self) -> None:
        when = self._endpoint.next_deadline()
        if when == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = None
        if when is not None:
            delay = min(max(when - self._hub.clock(), 0.0), LONGEST_WAIT)
            self._timer = self._loop.call_later(delay, self._handle_deadlines)

    def _handle_deadlines(self) -> None:
        self._timer_at = None
        try:
            for connection in list(self._blocked):
                connection.report_progress()
            self._endpoint.handle_deadlines(self._hub.clock())
            self._set_timer()
        except Exception as error:
            self._fail(error)

    def _beat(self) -> None:
        now = time.monotonic()
        self._pulse.beat(now)
        self._beating = self._loop.call_later(self._pulse.due_in(now), self._beat)

    # --- for connections -------------------------------------------------------------------------

    def opened(self, connection: "_Connection", peer: Peer, wire: Wire) -> Session | None:
        """Count a connection in; ``None`` is the answer after the end."""
        if self._closed:
            return None
        session = self._endpoint.open(peer, wire)
        self._connections[session] = connection
        self._empty.clear()
        return session

    def lost(self, connection: "_Connection", session: Session) -> None:
        """Count a connection out."""
        self._blocked.discard(connection)
        del self._connections[session]
        if not self._connections:
            self._empty.set()
        session.connection_lost()

    def block(self, connection: "_Connection") -> None:
        """Note that a connection's socket refuses more for now."""
        self._blocked.add(connection)

    def unblock(self, connection: "_Connection", session: Session) -> None:
        """Note that it takes more again, and have it continue in the next turn of the loop.

        The standard library's loop says so in the middle of a write, and loses a connection twice that is
        given up there.
        """
        self._loop.call_soon(self._continue, connection, session)

    def _continue(self, connection: "_Connection", session: Session) -> None:
        if session in self._connections:
            if not connection.unsent:  # until here, a deadline that comes first sees the progress
                self._blocked.discard(connection)
            connection.report_progress()
            connection.serve()


class _Connection(asyncio.Protocol):
    """One connection: its asyncio transport on one side, its session on the other.

    What the loop calls raises only where both loops close the connection then.
    """

    __slots__ = ("_peer", "_reading", "_server", "_session", "_transport", "_wire")

    _transport: asyncio.Transport
    _session: Session

    def __init__(self, server: Server, peer: Peer, wire: Wire) -> None:
        self._server = server
        self._peer = peer
        self._wire = wire
        self._reading = True

    def serve(self) -> None:
        """Write what there is to write, and do what the session wants done with its socket."""
        try:
            self._serve()
        except Exception as error:
            self._give_up(error)

    def write(self, data: bytes) -> None:
        """Write a piece; ``pause_writing`` reports what the socket refuses of it."""
        try:
            self._transport.write(data)
        except Exception as error:
            self._give_up(error)

    def abort(self) -> None:
        """Give the connection up."""
        self._transport.abort()

    @property
    def unsent(self) -> int:
        """Bytes that its socket still refuses."""
        return self._transport.get_write_buffer_size()

    def report_progress(self) -> None:
        """Report to the session how much its socket still refuses."""
        self._report(self.unsent)

    def _serve(self) -> None:
        session, transport = self._session, self._transport
        if data := session.data_to_send():
            transport.write(data)
        if session.closed:
            if isinstance(transport, Secured):
                transport.end()  # else the peer would see a stream that was cut
            transport.abort()
            return
        if session.closing:
            try:
                transport.write_eof()
            except OSError:  # the peer was gone before the end, and the loop has not seen it yet
                transport.abort()
                return
        if session.want_data != self._reading:
            self._set_reading(not self._reading)

    def _set_reading(self, reading: bool) -> None:
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _report(self, unsent: int) -> None:
        try:
            self._session.data_unsent(unsent)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """After a bug, which may cost this peer its connection, and nobody else."""
        connection_failed.log_bug(error, session=repr(self._session))
        self._transport.abort()

    # --- called by the loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is not one by type
        # So that pause_writing means that the socket refuses more, and resume_writing that all is written.
        transport.set_write_buffer_limits(0)
        session: Session | None = None
        try:
            session = self._server.opened(self, self._peer, self._wire)
        except Exception as error:  # likewise
            connection_not_opened.log_bug(error, peer=str(self._peer))
        if session is None:
            transport.set_protocol(asyncio.Protocol())  # nothing of ours hears of it any more
            transport.abort()
        else:
            self._session = session

    def data_received(self, data: bytes) -> None:
        try:
            self._session.receive_data(data)
            if self._reading and not self._session.want_data:
                self._set_reading(False)  # now: uvloop reads on, up to 32 times, before it does anything else
        except Exception as error:
            self._give_up(error)

    def eof_received(self) -> bool:
        try:
            self._session.receive_eof()
        except Exception as error:
            self._give_up(error)
        return True  # the transport stays open: there may be answers to write

    def pause_writing(self) -> None:
        self._server.block(self)
        self.report_progress()

    def resume_writing(self) -> None:
        self._server.unblock(self, self._session)

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            self._server.lost(self, self._session)
        except Exception as error:
            self._give_up(error)
