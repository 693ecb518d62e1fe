"""Reads one room for the program that embeds the hub: a transport with one session, and without a socket.

- It is driven as any transport drives its endpoint, by its consumer's thread, which takes piece after piece
  and decodes it. So a slow consumer costs only itself: all that waits for it here is the rest of one piece.
- Its session is live without a peer. It is a member of nothing: no count, list or limit knows of it.
- What is refused for now is asked again when the refusal says. Every other refusal is the end.
- Whoever is put out of a room that is removed may come back. So does a reader, after the position where it
  was: what it lacks is a gap.

One thread at a time calls `RoomReader.take` and what follows it; `RoomReader.close` may be called from any.
"""

from collections import deque
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chatcore.errors import ChatError, ClosedError, DisconnectedError, ProtocolError, RefusedError
from chatcore.messages import (
    Error,
    Gap,
    Join,
    Joined,
    Left,
    Message,
    Position,
    Presence,
    ServerFrame,
    server_frames,
)
from chatcore.names import fold
from chatcore.server.endpoint import Endpoint
from chatcore.server.wakeup import Wakeup

if TYPE_CHECKING:
    from chatcore.server.hub import Hub

__all__ = ["RoomEvent", "RoomReader"]

RoomEvent = Joined | Message | Gap | Presence | Left
"""What happens in a room, as a subscription reports it."""


class RoomReader:
    """A cursor into a room, its position, and what ended it.

    ``news`` is set when there may be something to take, or when it has ended.
    """

    def __init__(self, hub: "Hub", join: Join) -> None:
        self.room = fold(join.room)
        self.position = join.after  # up to which everything was taken
        self.news = Wakeup()
        self.closed = False
        self._hub = hub
        self._join = join  # how the room is entered, also once more
        self._inside = False  # `Joined` was taken
        self._lines: deque[bytes] = deque()  # the rest of the piece that was fetched last
        self._failure: ChatError | None = None
        self._retry_at: float | None = None  # when a room that was refused is asked for again
        self._endpoint = Endpoint(hub, self.news.set)
        self._session = self._endpoint.open_reading()
        self._session.enter_room(join)

    def close(self) -> None:
        """Leave the room, and end a consumer that waits. Idempotent."""
        self.closed = True
        self._endpoint.close()
        self.news.set()

    # --- for the consumer ------------------------------------------------------------------------

    def take(self) -> RoomEvent | None:
        """Take the next event of those that are here, or nothing; raises what ended this."""
        while True:
            self._raise_if_ended()
            if not self._lines:
                return None
            event = self._read(self._lines.popleft())
            if event is not None:
                return event

    def fetch(self) -> bool:
        """Do what is due, and fetch the next piece; return whether there is anything to take now.

        Not while there is: nothing is fetched ahead.
        """
        self._handle_deadlines()
        endpoint = self._endpoint
        data = b""
        while not data and endpoint.busy:
            data = b"".join(session.data_to_send() for session in endpoint.ready())
            data += b"".join(piece for _, piece in endpoint.fan_out())
        self._lines += data.split(b"\n")[:-1]
        return bool(data) or self._session.closed

    def patience(self) -> float | None:
        """Return the seconds until `fetch` has something to do in any case; ``None`` is forever."""
        times = [when for when in (self._endpoint.next_deadline(), self._retry_at) if when is not None]
        return max(min(times) - self._hub.clock(), 0.0) if times else None

    # --- the rest --------------------------------------------------------------------------------

    def _raise_if_ended(self) -> None:
        if self.closed:
            raise ClosedError(f"the subscription to {self.room} is closed")
        if self._failure is None and self._session.closed:  # by a bug, which is in the log
            self._fail(DisconnectedError("failed"))
        if self._failure is not None:
            raise self._failure

    def _fail(self, failure: ChatError) -> None:
        self._failure = failure

    def _handle_deadlines(self) -> None:
        now = self._hub.clock()
        when = self._endpoint.next_deadline()
        if when is not None and when <= now:
            self._endpoint.handle_deadlines(now)
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
            self._session.enter_room(self._join)

    def _read(self, line: bytes) -> RoomEvent | None:
        try:
            frame = server_frames.validate_json(line)
        except ValidationError:  # a journal broke its contract
            self._fail(ProtocolError("the journal has handed out something that is not a message"))
            return None
        return self._follow(frame)

    def _follow(self, frame: ServerFrame) -> RoomEvent | None:
        match frame:
            case Joined():
                self._inside = True
                self.position = Position(epoch=frame.epoch, seq=frame.after)
            case Message():
                self._move(frame.seq)
            case Gap():
                self._move(frame.through)
            case Presence():
                pass
            case Error():
                self._refused(frame)
                return None
            case Left():
                return self._come_back(frame)
            case _:
                return None
        return frame

    def _move(self, seq: int) -> None:
        assert self.position is not None  # `Joined` comes first
        self.position = Position(epoch=self.position.epoch, seq=seq)

    def _come_back(self, left: Left) -> Left | None:
        was_inside, self._inside = self._inside, False
        if was_inside:
            self._join = Join(room=self.room, after=self.position)
        self._session.enter_room(self._join)
        return left if was_inside else None

    def _refused(self, error: Error) -> None:
        if error.retry_after is not None:
            self._retry_at = self._hub.clock() + error.retry_after
        else:
            self._fail(RefusedError(error.code, error.message, room=error.room))
