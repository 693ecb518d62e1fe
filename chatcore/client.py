"""The client's side of one connection, without I/O.

A driver feeds it what it receives and writes what `ClientSession.data_to_send` returns; a caller asks
with `join`, `post` and the like, each of which returns a `Request`. What comes from the rooms, and
what nobody asked for, comes out of `events_received` in order.

Not thread-safe: a driver that has threads holds a lock of its own. What a driver hands on to its user
is exported here, so that it needs to know no frames.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from chatcore.errors import (
    ChatError,
    ClosedError,
    DisconnectedError,
    Fault,
    ProtocolError,
    RefusedError,
    UsageError,
)
from chatcore.lane import Lane
from chatcore.limits import ClientLimits
from chatcore.messages import (
    PROTOCOL,
    Ack,
    ClientFrame,
    Closing,
    Error,
    Frame,
    Gap,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    NickFrame,
    Page,
    Ping,
    Pong,
    Position,
    Post,
    Presence,
    ServerFrame,
    Welcome,
    Who,
    server_frames,
)
from chatcore.names import LOBBY, fold
from chatcore.request import Posting, Request
from chatcore.wire.ndjson import NdjsonDecoder, encode

__all__ = [
    "LOBBY",
    "Ack",
    "ClientSession",
    "Event",
    "Gap",
    "Joined",
    "Left",
    "Message",
    "NickFrame",
    "Page",
    "Position",
    "Request",
]

LINE_BYTES = 1024 * 1024
"""The longest line that is taken from a server: sixteen times what servers allow by default."""

IN_FLIGHT = 64
"""Posts that are on the way at once, unless the server allows fewer."""

PIECE = 64 * 1024
"""Bytes of one piece of output, about."""

KEEPALIVE_SECONDS = 30.0
IDLE_SECONDS = 60.0
HANDSHAKE_SECONDS = 10.0

F = TypeVar("F", bound=Frame)

Event = ServerFrame
"""What a session tells: every message, and whatever else concerns the rooms that one is in."""


class _View:
    """A room as this client has read it: how far, and what of it was replay."""

    __slots__ = ("epoch", "head", "position")

    def __init__(self, joined: Joined) -> None:
        self.epoch = joined.epoch
        self.head = joined.head
        self.position = joined.after


class ClientSession:
    """One connection, as a client sees it.

    With ``every_frame`` the answers to requests are events too, and so are pings: all that the server
    says. ``nick`` and ``limits`` hold what the server said last. ``error`` is why the connection ended,
    once ``closed`` is true: nothing is to be written or read any more then.
    """

    def __init__(
        self,
        nick: str,
        *,
        client: str | None = None,
        every_frame: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.nick = nick
        self.server = ""
        self.limits = ClientLimits()
        self.closed = False
        self.error: ChatError | None = None
        self.clock = clock
        self._every_frame = every_frame
        self._heard = self._opened = clock()
        self._asked_for_life = False
        self._closing: Closing | None = None
        self._decoder: NdjsonDecoder[ServerFrame] = NdjsonDecoder(server_frames, LINE_BYTES)
        self._control = bytearray()
        self._requests: deque[Request[Any]] = deque()  # in the order in which they were asked
        self._lanes: dict[str, Lane] = {}  # by folded room
        self._views: dict[str, _View] = {}
        self._members: dict[str, list[str]] = {}  # who has answered so far, by folded room
        self._events: deque[Event] = deque()
        self._tokens = 0
        self.welcome: Request[Welcome] = self._ask(
            _checked(Hello, protocol=PROTOCOL, nick=nick, client=client)
        )

    def __repr__(self) -> str:
        state = "closed" if self.closed else "live" if self.server else "connecting"
        return f"<ClientSession {self.nick} {state} rooms={len(self._views)}>"

    # --- what a caller asks ----------------------------------------------------------------------

    def join(
        self, room: str, *, after: Position | None = None, history: int | None = None
    ) -> Request[Joined]:
        """Enter a room, behind a position or with the last ``history`` messages."""
        return self._ask(_checked(Join, room=room, after=after, history=history))

    def leave(self, room: str) -> Request[Left]:
        """Leave a room."""
        return self._ask(_checked(Leave, room=room))

    def post(self, room: str, text: str) -> Posting:
        """Say something. It is kept here, and sent again if need be, until it is acknowledged."""
        posting = Posting(_checked(Post, room=room, id=str(uuid4()), text=text))
        if self.closed:
            raise self.error or ClosedError("the connection is closed")
        self._lanes.setdefault(fold(room), Lane()).add(posting)
        return posting

    def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> Request[Page]:
        """Ask for a page of a room's log; by default the newest."""
        token = self._token()
        return self._ask(_checked(History, room=room, before=before, after=after, limit=limit, token=token))

    def who(self, room: str) -> Request[Members]:
        """Ask who is in a room; the answer has all nicks, however many frames they took."""
        return self._ask(_checked(Who, room=room))

    def set_nick(self, nick: str) -> Request[NickFrame]:
        """Ask for another nick."""
        return self._ask(_checked(NickFrame, nick=nick))

    def position(self, room: str) -> Position:
        """Return how far a room was read: what `join` takes to go on from there."""
        view = self._view(room)
        return Position(epoch=view.epoch, seq=view.position)

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was said before its room was joined."""
        view = self._views.get(fold(message.room))
        return view is not None and message.seq <= view.head

    @property
    def unacknowledged(self) -> int:
        """How many posts are not answered yet."""
        return sum(map(len, self._lanes.values()))

    @property
    def waiting(self) -> bool:
        """Whether anything that was asked is not answered yet."""
        return bool(self._requests) or self.unacknowledged > 0

    # --- what a driver does ----------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server. One that breaks the protocol ends the connection."""
        self._heard = now = self.clock()
        self._asked_for_life = False
        for item in self._decoder.receive_data(data, now):
            if self.closed:
                return
            if isinstance(item, Fault):
                if item.code != "unknown_type":  # a newer server may say more than we know
                    self._fail(ProtocolError(f"the server sent what is not a frame: {item.message}"))
            else:
                self._handle(item)  # type: ignore[arg-type]  # this wire makes frames and faults only

    def receive_eof(self) -> None:
        """Take the end of the server's stream, or of its socket. Idempotent."""
        if self._closing is None:
            self._fail(DisconnectedError("lost"))
        else:
            self._fail(DisconnectedError(self._closing.reason, self._closing.reconnect_after))

    def close(self) -> None:
        """End the connection for the caller: what is not answered fails with `ClosedError`."""
        self._fail(ClosedError("the connection was closed"))

    @property
    def closed_by_us(self) -> bool:
        """Whether it was the caller who ended the connection."""
        return isinstance(self.error, ClosedError)

    def raise_unless_ours(self) -> None:
        """Raise what ended the connection, unless it was the caller."""
        if self.error is not None and not self.closed_by_us:
            raise self.error

    def data_to_send(self) -> bytes:
        """Return the next piece to write; empty when there is none now. The driver keeps the rest of
        a partial write, and asks again only when that is written."""
        if self.closed:
            return b""
        pieces = [bytes(self._control)]
        self._control.clear()
        if self.server:
            pieces += self._next_posts()
        return b"".join(pieces)

    def data_drained(self) -> None:
        """Learn that the socket took bytes: the server is alive."""
        self._heard = self.clock()
        self._asked_for_life = False

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, on the clock; ``None`` when closed."""
        if self.closed:
            return None
        lanes = self._lanes.values() if self.server else ()
        resend = [when for lane in lanes if (when := lane.next_deadline()) is not None]
        return min([self._life_deadline(), *resend])

    def handle_deadline(self, now: float) -> None:
        """Do what is due. There may be data to send afterwards."""
        if self.closed or now < self._life_deadline():
            return
        if not self.server or self._asked_for_life:
            self._fail(DisconnectedError("timeout"))
        else:
            self._asked_for_life = True
            self._send(Ping())

    def events_received(self) -> list[Event]:
        """Return what has happened since the last call, in order."""
        events = list(self._events)
        self._events.clear()
        return events

    # --- output ----------------------------------------------------------------------------------

    def _send(self, frame: ClientFrame) -> None:
        self._control += encode(frame)

    def _ask(self, frame: ClientFrame) -> Request[Any]:
        if self.closed:
            raise self.error or ClosedError("the connection is closed")
        request: Request[Any] = Request(frame)
        self._requests.append(request)
        self._send(frame)
        return request

    def _token(self) -> str:
        self._tokens += 1
        return str(self._tokens)

    def _next_posts(self) -> list[bytes]:
        now = self.clock()
        window = min(self.limits.posts_in_flight or IN_FLIGHT, IN_FLIGHT)
        free = window - sum(lane.in_flight for lane in self._lanes.values())
        pieces: list[bytes] = []
        size = 0
        for lane in self._lanes.values():
            while free > 0 and size < PIECE and (posting := lane.next(now)):
                pieces.append(encode(posting.post))
                size += len(pieces[-1])
                free -= 1
        return pieces

    def _life_deadline(self) -> float:
        if not self.server:
            return self._opened + HANDSHAKE_SECONDS
        keepalive = self.limits.keepalive_seconds or KEEPALIVE_SECONDS
        idle = max(self.limits.idle_seconds or IDLE_SECONDS, 2 * keepalive)
        return self._heard + (idle if self._asked_for_life else keepalive)

    # --- input -----------------------------------------------------------------------------------

    def _handle(self, frame: ServerFrame) -> None:
        match frame:
            case Message():
                told = self._read(frame.room, frame.prev, frame.seq, frame)
            case Gap():
                told = self._read(frame.room, frame.after, frame.through, frame)
            case Joined():
                self._views[fold(frame.room)] = _View(frame)
                self._answer(frame)
                told = True
            case Left():
                self._views.pop(fold(frame.room), None)
                self._answer(frame)
                told = True
            case NickFrame():
                self.nick = frame.nick
                self._answer(frame)
                told = True
            case Closing():
                self._closing = frame
                told = True
            case Error():
                told = not self._refuse(frame)
            case Presence():
                told = True
            case _:
                self._handle_answer(frame)
                told = False
        if told or (self._every_frame and not self.closed):
            self._events.append(frame)

    def _handle_answer(self, frame: ServerFrame) -> None:
        match frame:
            case Ack():
                self._settle(frame)
            case Welcome():
                self._welcome(frame)
            case Members():
                self._collect(frame)
            case Page():
                self._answer(frame)
            case Ping():
                self._send(Pong(token=frame.token))
            case _:  # a pong, and what later versions add
                pass

    def _welcome(self, frame: Welcome) -> None:
        if frame.protocol != PROTOCOL:
            self._fail(ProtocolError(f"the server chose protocol {frame.protocol}, which we do not speak"))
            return
        self.nick, self.server, self.limits = frame.nick, frame.server, frame.limits
        self._answer(frame)

    def _read(self, room: str, before: int, after: int, event: Message | Gap) -> bool:
        """The law of reading: whatever comes next begins where we are, and moves us to its end."""
        view = self._views.get(fold(room))
        if view is None:
            return False  # it was on its way when we left
        if before != view.position or after < before:
            self._fail(
                ProtocolError(
                    f"{event.type} in {room} follows {before}, but we have read up to {view.position}"
                )
            )
            return False
        view.position = after
        return True

    def _settle(self, ack: Ack) -> None:
        lane = self._lanes.get(fold(ack.room))
        posting = lane.settle(ack.id) if lane else None
        if posting is not None:
            posting.succeed(ack)

    def _collect(self, frame: Members) -> None:
        nicks = self._members.setdefault(fold(frame.room), [])
        nicks += frame.nicks
        if frame.more and frame.nicks:
            self._send(Who(room=frame.room, after=frame.nicks[-1]))
            return
        del self._members[fold(frame.room)]
        self._answer(frame.model_copy(update={"nicks": tuple(nicks), "more": False}))

    def _answer(self, frame: ServerFrame) -> None:
        request = next((request for request in self._requests if _answers(frame, request.frame)), None)
        if request is not None:
            self._requests.remove(request)
            request.succeed(frame)

    def _refuse(self, frame: Error) -> bool:
        """Take an error to what it refuses; return whether there is such a thing."""
        error = RefusedError(
            frame.code, frame.message, room=frame.room, id=frame.id, retry_after=frame.retry_after
        )
        lane = self._lanes.get(fold(frame.room)) if frame.room else None
        if lane and frame.id and frame.retry_after is not None:
            if lane.refuse(frame.id, self.clock() + frame.retry_after):
                return True
        elif lane and frame.id and (posting := lane.settle(frame.id)):
            posting.fail(error)
            return True
        request = next((request for request in self._requests if _refuses(frame, request.frame)), None)
        if request is None:
            return False
        self._requests.remove(request)
        request.fail(error)
        return True

    def _view(self, room: str) -> _View:
        view = self._views.get(fold(room))
        if view is None:
            raise UsageError(f"you are not in {room}")
        return view

    def _fail(self, error: ChatError) -> None:
        if self.closed:
            return
        self.closed = True
        self.error = error
        postings = [posting for lane in self._lanes.values() for posting in lane.clear()]
        requests = [*self._requests, *postings]
        self._requests.clear()
        for request in requests:
            request.fail(error)


def _answers(answer: ServerFrame, frame: ClientFrame) -> bool:
    """Tell whether a frame is the answer to another."""
    match answer:
        case Welcome():
            return isinstance(frame, Hello)
        case NickFrame():
            return isinstance(frame, NickFrame)
        case Joined():
            return isinstance(frame, Join) and fold(frame.room) == fold(answer.room)
        case Left():
            return isinstance(frame, Leave) and fold(frame.room) == fold(answer.room)
        case Members():
            return isinstance(frame, Who) and fold(frame.room) == fold(answer.room)
        case Page():
            return isinstance(frame, History) and frame.token == answer.token
        case _:
            return False


def _refuses(error: Error, frame: ClientFrame) -> bool:
    """Tell whether an error may be the answer to a frame. Answers come in the order of questions."""
    if error.id is not None:
        return isinstance(frame, History) and frame.token == error.id
    if error.room is not None:
        return isinstance(frame, Join | Leave | Who) and fold(frame.room) == fold(error.room)
    return isinstance(frame, Hello | NickFrame)


def _checked(kind: type[F], **fields: object) -> F:
    """Make a frame of a caller's arguments; raises `UsageError`, in words."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
