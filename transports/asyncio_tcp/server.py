"""Serves a hub from an event loop: a protocol object for each connection, and no task for any.

- Everything runs in the loop's thread, except for `Server._wake`, which the core calls from any thread.
- A connection writes to its asyncio transport, which buffers what the socket refuses. With a high-water mark
  of 0, ``pause_writing`` means that the socket refuses more, and ``resume_writing`` that all is written:
  that is what the core wants to know of a slow reader.
- Between two passes over the endpoint the loop does its other work, so a burst never holds up reading.
- An exception in here is a bug. It costs the one peer its connection, and is logged.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Self, cast

from chatcore.address import DEFAULT_URL, Peer
from chatcore.transport import Host, Listen, Session, Wire
from transports.sockets import BACKLOG, bind, listening_on, tune

__all__ = ["Server", "serve"]

log = logging.getLogger("chat.asyncio")

ACCEPT_TURNS = 5
"""Turns of the loop after which every connection that it accepted has been announced: uvloop needs one, the
standard library's loop three."""


@contextlib.asynccontextmanager
async def serve(*urls: str, hub: Host | None = None) -> AsyncIterator["Server"]:
    """Serve a hub at these addresses for as long as the block lasts, then drain.

    An address is ``chat://HOST[:PORT]`` or ``plain://HOST[:PORT]``; without any it is
    ``chat://127.0.0.1:7024``, and port 0 lets the system choose. ``listening`` of the server has the
    addresses with their real ports. ::

        async with serve("chat://127.0.0.1:0") as server:
            url = str(server.listening[0])

    With ``hub``, messages go where its journal keeps them, several servers may share it, and it is yours to
    close afterwards. Without, the server makes a hub of its own, which stores messages in memory.

    The end of the block waits until every client was given what is due to it, for ``closing_seconds`` of the
    hub's limits at most. Raises `OSError` where it cannot listen, and `UsageError` for an invalid address.
    """
    listens = [Listen.parse(url) for url in urls or (DEFAULT_URL,)]
    owned: AbstractContextManager[Host] = contextlib.nullcontext(hub) if hub else _own_hub()
    with owned as served:
        async with Server(served, listens) as server:
            yield server


def _own_hub() -> AbstractContextManager[Host]:
    from chatcore import Hub  # a client must not load the server's half

    return Hub()


class Server:
    """Serves listeners on a hub, in the loop that it is started in. An async context manager.

    ``listening`` has its addresses, with their real ports, once it is started.
    """

    def __init__(self, hub: Host, listens: Sequence[Listen]) -> None:
        self.listening: list[Listen] = []
        self._hub = hub
        self._listens = listens
        self._endpoint = hub.endpoint(self._wake)
        self._listeners: list[asyncio.Server] = []
        self._connections: dict[Session, _Connection] = {}
        self._blocked: set[_Connection] = set()  # whose sockets refuse more for now
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._closed = False

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
        self._empty = asyncio.Event()
        try:
            for listen in self._listens:
                await self._listen(listen)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Accept no more connections, drain those there are, stop. Idempotent."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        self._endpoint.drain()
        if self._connections:
            await self._empty.wait()
        self._closed = True
        self._endpoint.close()
        if self._timer is not None:
            self._timer.cancel()

    async def _listen(self, listen: Listen) -> None:
        sockets = bind(listen)
        with contextlib.ExitStack() as unused:
            for sock in sockets:
                unused.callback(sock.close)
            for sock in sockets:
                connection = partial(_Connection, self, listen.wire)
                self._listeners.append(await self._loop.create_server(connection, sock=sock, backlog=BACKLOG))
            unused.pop_all()
        self.listening.append(listening_on(listen, sockets))

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
        connections = self._connections
        for session in self._endpoint.ready():
            if connection := connections.get(session):
                try:
                    connection.serve()
                except Exception:  # a bug: it may cost this peer its connection, and nobody else
                    log.exception("cannot serve %r", session)
                    connection.abort()
        for session, data in self._endpoint.fan_out():
            if connection := connections.get(session):
                connection.transport.write(data)  # pause_writing reports what the socket refuses of it
        if self._endpoint.busy:
            self._wake()
        self._set_timer()

    def _set_timer(self) -> None:
        when = self._endpoint.next_deadline()
        if when == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = None
        if when is not None and not self._closed:
            self._timer = self._loop.call_later(max(when - self._hub.clock(), 0.0), self._handle_deadlines)

    def _handle_deadlines(self) -> None:
        self._timer_at = None
        for connection in list(self._blocked):
            connection.report_progress()
        self._endpoint.handle_deadlines(self._hub.clock())
        self._set_timer()

    # --- for connections -------------------------------------------------------------------------

    def opened(self, connection: "_Connection", peer: Peer, wire: Wire) -> Session:
        """Count a connection in."""
        session = self._endpoint.open(peer, wire)
        self._connections[session] = connection
        self._empty.clear()
        return session

    def lost(self, connection: "_Connection", session: Session) -> None:
        """Count a connection out."""
        session.connection_lost()
        self._blocked.discard(connection)
        del self._connections[session]
        if not self._connections:
            self._empty.set()

    def block(self, connection: "_Connection") -> None:
        """Note that a connection's socket refuses more for now."""
        self._blocked.add(connection)

    def unblock(self, connection: "_Connection") -> None:
        """Note that it takes more again."""
        self._blocked.discard(connection)


class _Connection(asyncio.Protocol):
    """One connection: its asyncio transport on one side, its session on the other."""

    __slots__ = ("_reading", "_server", "_session", "_wire", "transport")

    transport: asyncio.Transport
    _session: Session

    def __init__(self, server: Server, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._reading = True

    def serve(self) -> None:
        """Write what there is to write, and do what the session wants done with its socket."""
        session, transport = self._session, self.transport
        if data := session.data_to_send():
            transport.write(data)
        if session.closed:
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

    def abort(self) -> None:
        """Give the connection up."""
        self.transport.abort()

    def report_progress(self) -> None:
        """Report to the session how much its socket still refuses."""
        self._session.data_unsent(self.transport.get_write_buffer_size())

    def _set_reading(self, reading: bool) -> None:
        self._reading = reading
        if reading:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    # --- called by the loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast(asyncio.Transport, transport)  # uvloop's is not one by type
        # So that pause_writing means that the socket refuses more, and resume_writing that all is written.
        transport.set_write_buffer_limits(0)
        tune(transport.get_extra_info("socket"))
        host, port, *_ = transport.get_extra_info("peername") or ("", 0)
        self._session = self._server.opened(self, Peer(host, port), self._wire)

    def data_received(self, data: bytes) -> None:
        self._session.receive_data(data)
        if self._reading and not self._session.want_data:
            self._set_reading(False)  # now: uvloop reads on, up to 32 times, before it does anything else

    def eof_received(self) -> bool:
        self._session.receive_eof()
        return True  # the transport stays open: there may be answers to write

    def pause_writing(self) -> None:
        self._server.block(self)
        self._session.data_unsent(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._server.unblock(self)
        self._session.data_unsent(0)
        self.serve()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.lost(self, self._session)
