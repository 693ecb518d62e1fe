"""A channel between a loop and a protocol: what is encrypted below is plain above.

To the loop `Secured` is the protocol of a connection, and to the protocol above it is the transport. So both
the server and the client use it, and write as they would without it::

    loop.create_connection(lambda: Secured(channel, protocol), host, port)

- ``connection_made`` is reported when there is a socket. What is written before the handshake is over waits
  in the channel, and so does the end.
- What the peer has ended is reported as the end of its stream, and what breaks the channel as a lost
  connection. The reason is the channel's ``error``.
- What the socket refuses counts as it is: encrypted. While it refuses something, what the channel answers by
  itself stays there, where it is bounded.
- The handshakes of a server take turns, a few in each turn of the loop, so a crowd of them holds up nobody.
  So does a connection most of whose bytes are for TLS alone, such as new keys, which cost more than others.
"""

import asyncio
from collections import deque
from typing import Any, cast

from chatcore.transport import Channel
from transports.log_events import connection_failed

__all__ = ["SLICE", "Handshakes", "Secured"]

SLICE = 2
"""Connections that get a turn in one turn of the loop: each costs up to a millisecond."""

TURN = 2 * 1024
"""Bytes that one of them reads then."""

PIECE = 16 * 1024
"""Bytes that any other reads before it is looked at how much of that was for the protocol."""

CHEAP = 512
"""Bytes of a piece that may be for TLS alone, whatever else it has."""


class Handshakes:
    """The connections of one loop that shake hands and have something to read, in turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Secured] = deque()
        self._scheduled = False

    def add(self, connection: "Secured") -> None:
        """Give a connection a turn; until then it is not read further."""
        self._waiting.append(connection)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._take_some)

    def _take_some(self) -> None:
        for _ in range(min(SLICE, len(self._waiting))):
            self._waiting.popleft().take_turn()  # which may have it wait again
        self._scheduled = False
        if self._waiting:
            self._schedule()


class Secured(asyncio.Protocol, asyncio.Transport):
    """A channel on a connection, with a protocol above it.

    With ``handshakes`` it takes its turns there until it is ready.
    """

    __slots__ = (
        "_below",
        "_channel",
        "_costly",
        "_ending",
        "_handshakes",
        "_held",
        "_protocol",
        "_reading",
        "_told",
        "_wanted",
        "_written_eof",
    )

    _below: asyncio.Transport

    def __init__(
        self, channel: Channel, protocol: asyncio.Protocol, handshakes: Handshakes | None = None
    ) -> None:
        self._channel = channel
        self._protocol: asyncio.BaseProtocol = protocol
        self._handshakes = handshakes
        self._held: bytes | None = None  # what waits for a turn
        self._wanted = True  # the protocol wants to read
        self._reading = True
        self._ending = False  # the protocol has ended its stream
        self._written_eof = False
        self._costly = False  # most of what came last was not for the protocol
        self._told = False  # the protocol knows that the peer has ended its stream

    # --- for the protocol above ------------------------------------------------------------------

    def write(self, data: Any) -> None:
        if secret := self._channel.send(data):
            self._below.write(secret)
        elif self._channel.error is not None:
            self._below.abort()

    def write_eof(self) -> None:
        """End our stream, once the handshake is over and everything is written; raises `OSError`."""
        self._ending = True
        self._put(self._channel.end())
        self._end_below()

    def can_write_eof(self) -> bool:
        return True

    def end(self) -> None:
        """Say that our stream ends, if the socket can take that now. For right before `abort`."""
        if not self._below.get_write_buffer_size():
            self._put(self._channel.end())

    def abort(self) -> None:
        self._below.abort()

    def close(self) -> None:
        self._below.close()

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._wanted = False
        self._set_reading()

    def resume_reading(self) -> None:
        self._wanted = True
        self._set_reading()

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._below.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._below.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    # --- for the handshakes ----------------------------------------------------------------------

    def take_turn(self) -> None:
        """Read what has waited. A bug costs this peer its connection, and nobody else."""
        held = self._held
        if held is None or self._below.is_closing():
            return
        try:
            self._receive(held[:TURN])
            self._held = None
            self._receive_all(held[TURN:])
            self._set_reading()
        except Exception as error:
            connection_failed.log_bug(error, session=repr(self._protocol))
            self._below.abort()

    # --- called by the loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._below = cast(asyncio.Transport, transport)  # uvloop's is not one by type
        self._protocol.connection_made(self)
        self._put(self._channel.output())

    def data_received(self, data: bytes) -> None:
        if self._held is None:
            self._receive_all(data)
        else:
            self._held += data

    def eof_received(self) -> bool:
        self._channel.receive_eof()
        if self._channel.error is not None:
            self._below.abort()
        return True

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._put(self._channel.output())
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        protocol, self._protocol = self._protocol, _NOBODY  # else each would hold the other
        self._held = None
        protocol.connection_lost(exc)

    # --- the rest --------------------------------------------------------------------------------

    def _receive_all(self, data: bytes) -> None:
        """Receive a piece after the other, until the rest has to wait for a turn."""
        while data and not self._below.is_closing():
            if self._handshakes is not None and (self._costly or not self._channel.ready):
                self._held = data
                self._handshakes.add(self)
                self._set_reading()
                return
            self._receive(data[:PIECE])
            data = data[PIECE:]

    def _receive(self, data: bytes) -> None:
        channel = self._channel
        plain = channel.receive(data)
        self._costly = len(data) > 2 * len(plain) + CHEAP
        if not (channel.ready and self._below.get_write_buffer_size()):  # else with the next write
            self._put(channel.output())
        if self._ending:
            self._end_late()
        if plain:
            cast(asyncio.Protocol, self._protocol).data_received(plain)
        if channel.error is not None:
            self._below.abort()
        elif channel.ended and not self._told and not self._below.is_closing():
            self._told = True
            self._set_reading()
            if not cast(asyncio.Protocol, self._protocol).eof_received():
                self._below.close()

    def _put(self, secret: bytes) -> None:
        if secret and not self._written_eof:
            self._below.write(secret)

    def _end_below(self) -> None:
        if self._channel.finished and not self._written_eof:
            self._written_eof = True
            self._below.write_eof()

    def _end_late(self) -> None:
        """End the stream below, if the handshake is over now, in which the protocol ended its own."""
        try:
            self._end_below()
        except OSError:  # the peer was gone before the end
            self._below.abort()

    def _set_reading(self) -> None:
        """Read the socket, if the protocol wants that and nothing waits; what follows the end is nobody's."""
        reading = self._wanted and self._held is None and not self._told
        if reading != self._reading and not self._below.is_closing():
            self._reading = reading
            if reading:
                self._below.resume_reading()
            else:
                self._below.pause_reading()


_NOBODY = asyncio.Protocol()
