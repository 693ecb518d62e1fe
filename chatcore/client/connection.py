"""One connection of a client session: all that is lost with its socket.

A connection begins with our ``hello``, and is *live* once the server has said ``welcome``. Before that
nothing else is sent. The server must keep it alive: when nothing was heard for a while we send a ping, and
when that brings no answer either, the connection is given up. Any bytes count as a sign of life, and so
does progress in writing, since a server that is busy with a long backlog may answer late. A user who does
not want to wait that long asks for a sign of life, which the server owes sooner.

Whoever speaks first in another language is not one of our servers. Since our ``hello`` has a secret, such a
port is left for good, and is not tried again.
"""

from math import inf

from chatcore.client.foreign import foreign
from chatcore.errors import Fault
from chatcore.limits import LINE_BYTES_MAX, ClientLimits
from chatcore.messages import ClientFrame, Closing, ServerFrame, encode, server_frames
from chatcore.wire.ndjson import NdjsonDecoder

__all__ = ["PONG_SECONDS", "Connection"]

KEEPALIVE_SECONDS = 30.0
"""Silence after which we ping, unless the server names its own."""

IDLE_SECONDS = 60.0
"""Silence after which we give up, unless the server names its own: long enough for one ping to be lost."""

HANDSHAKE_SECONDS = 10.0
"""How long a server may take to say welcome, which is as long as servers by default wait for hello."""

PONG_SECONDS = 20.0
"""How long a server may be silent once a user has asked it for a sign of life."""

_FIRST = 2  # bytes: the server's own lines on the plain wire begin with ``* ``
_START = 64  # bytes in which that must show itself, if blank lines come first


class Connection:
    """The decoder, the frames to be sent, and the signs of life of one connection.

    ``live`` says whether the server has said welcome; ``closing`` is its last word, if it had one. Times
    are in seconds on the session's clock.
    """

    __slots__ = (
        "_first",
        "_heard_at",
        "_opened_at",
        "_output",
        "_owed_by",
        "_pinged_at",
        "closing",
        "decoder",
        "live",
    )

    def __init__(self, now: float) -> None:
        self.decoder: NdjsonDecoder[ServerFrame] = NdjsonDecoder(server_frames, LINE_BYTES_MAX)
        self.live = False
        self.closing: Closing | None = None
        self._first = b""  # what came first, as much of it as shows the language
        self._output = bytearray()
        self._opened_at = now
        self._heard_at = now
        self._pinged_at: float | None = None  # since it was heard last
        self._owed_by = inf  # when it is given up because a user has asked

    def receive_data(self, data: bytes, now: float) -> list[ServerFrame | Fault]:
        """Take bytes from the server; return the frames that they complete, and what is not a frame."""
        self.note_sign_of_life(now)
        if len(self._first) < _FIRST:
            self._first = (self._first + data[:_START]).lstrip()[:_FIRST]
        return self.decoder.receive_data(data, now)  # type: ignore[return-value]  # this wire makes no others

    @property
    def foreign(self) -> str | None:
        """What the other side speaks, if it has said anything and that is not our protocol."""
        return None if self.live else foreign(self._first)

    @property
    def has_output(self) -> bool:
        """Whether frames wait to be sent."""
        return bool(self._output)

    def go_live(self) -> None:
        """Learn that the server has said welcome."""
        self.live = True

    def receive_closing(self, frame: Closing) -> None:
        """Learn why the server is about to end the connection."""
        self.closing = frame

    def send(self, frame: ClientFrame) -> None:
        """Queue a frame."""
        self._output += encode(frame)

    def next_data(self) -> bytes:
        """Return the queued frames, handed over for good."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def note_sign_of_life(self, now: float) -> None:
        """Learn that the server took or sent something."""
        self._heard_at = now
        self._pinged_at = None
        self._owed_by = inf

    def note_question(self, now: float) -> None:
        """Learn that a user wants a sign of life, for which a ping is sent."""
        self._pinged_at = now if self._pinged_at is None else self._pinged_at
        self._owed_by = min(self._owed_by, now + PONG_SECONDS)

    def note_ping(self, now: float) -> bool:
        """Note that a ping is due; return whether one was sent already, in vain."""
        if self._pinged_at is not None:
            return True
        self._pinged_at = now
        return False

    def deadline(self, limits: ClientLimits) -> float:
        """Return when the silence has lasted too long: first for a ping, then to give up.

        Where a ping is late, since our process stood still, its answer has as much time as always.
        """
        if not self.live:
            return self._opened_at + HANDSHAKE_SECONDS
        keepalive = limits.keepalive_seconds or KEEPALIVE_SECONDS
        idle = max(limits.idle_seconds or IDLE_SECONDS, 2 * keepalive)
        if self._pinged_at is None:
            return self._heard_at + keepalive
        return min(max(self._heard_at, self._pinged_at - keepalive) + idle, self._owed_by)
