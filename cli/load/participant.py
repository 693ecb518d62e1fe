"""One member's connection: bytes from its socket to its reader, and from its poster to its socket.

It is a protocol of asyncio and not one of the library's clients: a thousand of them have to fit one process,
and to share no code with what is tested.
"""

import asyncio
import socket
from typing import Protocol, cast

from chatcore import (
    PROTOCOL,
    Ack,
    ChatError,
    Closing,
    DisconnectedError,
    Error,
    Join,
    Joined,
    Ping,
    Pong,
    RefusedError,
    ServerFrame,
    Welcome,
    encode,
)
from cli.load.plan import Plan
from cli.load.poster import Poster
from cli.load.reader import Reader
from cli.load.verifier import Verifier

__all__ = ["Host", "Participant"]

_STALLED_BUFFER = 4096  # bytes that the system may take for a member that never reads


class Host(Protocol):
    """What members share. The loop hands over received bytes immediately, so one buffer is enough for all."""

    buffer: memoryview

    def clock(self) -> float:
        """Return the time in seconds."""

    def lost(self, member: "Participant", error: ChatError) -> None:
        """Note that the connection of a member that had joined has ended."""


class Participant(asyncio.BufferedProtocol):
    """One member: says hello, joins the room, answers pings, and reads; a stalled one stops reading.

    ``joined`` is done once it is in the room, or has the `ChatError` that prevented it. ``ended`` is done
    once its connection is closed.
    """

    _transport: asyncio.Transport

    def __init__(self, host: Host, plan: Plan, index: int, verifier: Verifier) -> None:
        self._host = host
        self._plan = plan
        self.index = index
        self.stalled = index >= plan.members - plan.stalled
        self.has_joined = False
        self.lost = False
        self.reader = Reader(verifier, self._take_frame)
        self.poster: Poster | None = None
        self.bytes_received = 0
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: ChatError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = False

    def post(self, poster: Poster) -> None:
        """Start to post."""
        self.poster = poster
        self.update()

    def update(self) -> None:
        """Write what is due, and set a timer for the rest."""
        poster = self.poster
        if poster is None or self.ended.done() or self._leaving:
            return
        now = self._host.clock()
        if data := poster.data_to_send(now):
            self._transport.write(data)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (when := poster.next_deadline()) is not None:
            self._timer = asyncio.get_running_loop().call_later(max(when - now, 0.0), self.update)

    def leave(self) -> None:
        """End the connection: cleanly, unless this member does not read."""
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
        if self.ended.done():
            return
        if self.stalled:
            self._transport.abort()
            return
        try:
            self._transport.write_eof()
        except OSError:  # the server was gone before
            self._transport.abort()

    def abort(self) -> None:
        """End the connection immediately."""
        if not self.ended.done():
            self._transport.abort()

    # --- called by the event loop ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stalled:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STALLED_BUFFER)
        transport.write(encode(self._plan.hello(self.index)) + encode(Join(room=self._plan.room)))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._host.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.bytes_received += nbytes
        if self._leaving:
            return
        try:
            self.reader.feed(self._host.buffer[:nbytes], self._host.clock())
        except ChatError as error:
            self._fail(error)
            return
        if self.poster is not None:
            self.update()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)
        self._fail(self._error or DisconnectedError("lost"))

    # --- frames from the server ------------------------------------------------------------------

    def _take_frame(self, frame: ServerFrame, now: float) -> None:
        match frame:
            case Ack() if self.poster is not None:
                self.poster.acknowledge(frame, now)
            case Error(id=str()) if self.poster is not None:
                self.poster.refuse(frame, now)
            case Ping():
                self._transport.write(encode(Pong(token=frame.token)))
            case Joined():
                self.reader.join(frame)
                self.has_joined = True
                if not self.joined.done():  # the engine may have given up on it
                    self.joined.set_result(None)
                if self.stalled:
                    self.reader.leave_log()
                    self._transport.pause_reading()
            case Welcome(protocol=spoken) if spoken != PROTOCOL:
                raise RefusedError("unsupported_protocol", f"the server answered with protocol {spoken}")
            case Error():
                raise RefusedError(frame.code, frame.message, room=frame.room)
            case Closing():
                self._error = DisconnectedError(frame.reason)
            case _:
                pass

    def _fail(self, error: ChatError) -> None:
        if self._leaving:
            return
        self._leaving = True
        self._transport.abort()
        if self.has_joined:
            self.lost = True
            self._host.lost(self, error)
        elif not self.joined.done():
            self.joined.set_exception(error)
            self.joined.exception()  # the engine may have given up on it
