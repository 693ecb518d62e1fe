"""The client's side of a conversation, without I/O.

A driver feeds it what it receives and writes what `ClientSession.data_to_send` returns; a caller asks
with `join`, `post` and the like, each of which returns a `Request`. What comes from the rooms, and
what nobody asked for, comes out of `events_received` in order.

A session outlives its connection. While there is none, what is asked waits; on the next one the rooms
are read on from where they were, and what was not acknowledged is sent again, in its order. The state
that is lost with a socket is a `Connection`.

Not thread-safe: a driver that has threads holds a lock of its own. What a driver hands on to its user
is exported here, so that it needs to know no frames.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from chatcore.client.backoff import Backoff, Offline, Online
from chatcore.client.connection import Connection
from chatcore.client.pending import PendingRequests
from chatcore.client.positions import Positions
from chatcore.client.requests import PendingPost, Request, checked
from chatcore.client.send_queues import SendQueues
from chatcore.errors import (
    ChatError,
    ClosedError,
    DisconnectedError,
    Fault,
    ProtocolError,
    RefusedError,
    UsageError,
)
from chatcore.limits import ClientLimits
from chatcore.messages import (
    PROTOCOL,
    Ack,
    ClientFrame,
    Closing,
    Error,
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
)
from chatcore.names import LOBBY, fold

__all__ = [
    "LOBBY",
    "Ack",
    "Backoff",
    "ClientFrame",
    "ClientSession",
    "Event",
    "Gap",
    "Joined",
    "Left",
    "Message",
    "NickFrame",
    "Offline",
    "Online",
    "Page",
    "Position",
    "Request",
]

IN_FLIGHT = 64
"""Posts that are on the way at once, unless the server allows fewer."""

DEDUPE_SECONDS = 120.0
"""How long a post is sent again by itself, unless the server says how long it remembers ids."""

Event = ServerFrame | Offline | Online
"""What a session tells: every message, and whatever else concerns the rooms that one is in."""

_FINAL_REASONS = {"taken_over", "protocol"}
_PASSING_REFUSALS = {"nick_taken", "limit_exceeded", "rate_limited", "unavailable"}


class ClientSession:
    """One client's conversation with a server.

    With ``every_frame`` the answers to requests are events too, and so are pings: all that the server
    says. With ``reconnect`` a connection that is lost once the server has said welcome is tried again;
    without, its loss ends the session. ``backoff`` says when.

    ``nick``, ``server`` and ``limits`` hold what the server said last. Once ``closed`` is true, there
    is nothing more to be read, written or asked, and ``error`` says why.
    """

    def __init__(
        self,
        nick: str,
        *,
        client: str | None = None,
        every_frame: bool = False,
        reconnect: bool = False,
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
        session: str | None = None,
    ) -> None:
        self.nick = nick
        self.server = ""
        self.limits = ClientLimits()
        self.closed = False
        self.error: ChatError | None = None
        self.clock = clock
        self.dial_at: float | None = None  # when the driver is to connect again
        self._client = client
        self._every_frame = every_frame
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._secret = session
        self._link: Connection | None = None
        self._inquiries = PendingRequests()
        self._lanes = SendQueues()
        self._readings = Positions()
        self._events: deque[Event] = deque()
        self._tokens = 0
        self.welcome: Request[Welcome] = Request(self._hello())

    def __repr__(self) -> str:
        link = self._link
        state = (
            "closed" if self.closed else "offline" if link is None else "live" if link.live else "connecting"
        )
        return f"<ClientSession {self.nick} {state} rooms={len(self._readings)}>"

    # --- what a caller asks ----------------------------------------------------------------------

    def join(
        self, room: str, *, after: Position | None = None, history: int | None = None
    ) -> Request[Joined]:
        """Enter a room, behind a position or with the last ``history`` messages."""
        return self._ask(checked(Join, room=room, after=after, history=history))

    def leave(self, room: str) -> Request[Left]:
        """Leave a room."""
        return self._ask(checked(Leave, room=room))

    def post(self, room: str, text: str, *, id: str | None = None) -> PendingPost:
        """Say something. It is kept here, and sent again if need be, until it is acknowledged.

        ``id`` is its key, a new one unless you give it: posted again under the same one, by whomever and
        whenever, it is stored once.
        """
        return self._post(checked(Post, room=room, id=str(uuid4()) if id is None else id, text=text))

    def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> Request[Page]:
        """Ask for a page of a room's log; by default the newest."""
        token = self._token()
        return self._ask(checked(History, room=room, before=before, after=after, limit=limit, token=token))

    def who(self, room: str) -> Request[Members]:
        """Ask who is in a room; the answer has all nicks, however many frames they took."""
        return self._ask(checked(Who, room=room))

    def set_nick(self, nick: str) -> Request[NickFrame]:
        """Ask for another nick."""
        return self._ask(checked(NickFrame, nick=nick))

    def ask(self, frame: ClientFrame) -> Request[Any]:
        """Ask what a frame asks; raises `UsageError` for those that the session sends by itself."""
        match frame:
            case Hello() | Ping() | Pong():
                raise UsageError(f"{frame.type} is sent by the client itself")
            case Post():
                return self._post(frame)
            case History(token=None):
                return self._ask(frame.model_copy(update={"token": self._token()}))
            case _:
                return self._ask(frame)

    def position(self, room: str) -> Position:
        """Return how far the events of a room were taken: what `join` takes to resume from there."""
        position = self._readings.handed_out(room)
        if position is None:
            raise UsageError(f"you are not in {room}")
        return position

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that we are in, folded; also while there is no connection."""
        return tuple(self._readings)

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was said before its room was joined, the last time."""
        return self._readings.is_replay(message)

    @property
    def unacknowledged(self) -> int:
        """How many posts are not answered yet."""
        return len(self._lanes)

    @property
    def unanswered(self) -> int:
        """How many requests and posts have no answer yet."""
        return len(self._inquiries) + len(self._lanes)

    @property
    def waiting(self) -> bool:
        """Whether anything that was asked is not answered yet."""
        return self.unanswered > 0

    @property
    def secret(self) -> str | None:
        """What proves that the nick is ours, once there was a welcome; before it, what we were given."""
        return self._secret

    def is_mine(self, message: Message) -> bool:
        """Tell whether a message was posted by this session, or under its nick of now."""
        return self._lanes.has_posted(message) or fold(message.nick) == fold(self.nick)

    # --- what a driver does ----------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether there is to be a socket. Once there is not, the driver closes the one it has; with
        ``dial_at`` set it connects again at that time, and calls one of the next two."""
        return self._link is not None

    def connection_made(self) -> None:
        """Learn that there is a socket: the handshake begins."""
        self.dial_at = None
        self._link = Connection(self.clock())
        self._link.send(self._hello())

    def connection_failed(self) -> None:
        """Learn that the server could not be reached again."""
        if not self.closed:
            self._wait_for_server("lost")

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server. One that breaks the protocol ends the session."""
        link = self._link
        if link is None:
            return
        link.note_life(self.clock())
        for item in link.decoder.receive_data(data, self.clock()):
            if self._link is not link:
                return
            if isinstance(item, Fault):
                if item.code != "unknown_type":  # a newer server may say more than we know
                    self._fail(ProtocolError(f"the server sent what is not a frame: {item.message}"))
            else:
                self._take(link, item)  # type: ignore[arg-type]  # this wire makes frames and faults only

    def receive_eof(self) -> None:
        """Take the end of the server's stream, or of its socket. Idempotent."""
        if self._link is not None:
            closing = self._link.closing
            self._disconnect(
                closing.reason if closing else "lost", closing.reconnect_after if closing else None
            )

    def close(self) -> None:
        """End the session for the caller: what is not answered fails with `ClosedError`."""
        self._fail(ClosedError("the connection was closed"))

    @property
    def closed_by_us(self) -> bool:
        """Whether it was the caller who ended the session."""
        return isinstance(self.error, ClosedError)

    def raise_unless_ours(self) -> None:
        """Raise what ended the session, unless it was the caller."""
        if self.error is not None and not self.closed_by_us:
            raise self.error

    def data_to_send(self) -> bytes:
        """Return the next piece to write; empty when there is none now. The driver keeps the rest of
        a partial write, and asks again only when that is written."""
        link = self._link
        if link is None:
            return b""
        window = min(self.limits.posts_in_flight or IN_FLIGHT, IN_FLIGHT)
        posts = self._lanes.take_output(self.clock(), window, self._readings.awaited) if link.live else []
        return b"".join([link.take_output(), *posts])

    def data_drained(self) -> None:
        """Learn that the socket took bytes: the server is alive."""
        if self._link is not None:
            self._link.note_life(self.clock())

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, or the driver is to connect; ``None`` when closed."""
        link = self._link
        if link is None:
            return self.dial_at
        times = [link.deadline(self.limits)]
        if link.live:
            again = (self._lanes.next_deadline(self._readings.awaited), self._readings.next_deadline())
            times += [when for when in again if when is not None]
        return min(times)

    def handle_deadline(self, now: float) -> None:
        """Do what is due. There may be data to send afterwards."""
        link = self._link
        if link is None:
            return
        for join in self._readings.due_joins(now) if link.live else ():
            link.send(join)
        if now < link.deadline(self.limits):
            return
        if not link.live or link.ask_for_life():
            self._disconnect("timeout")
        else:
            link.send(Ping())

    @property
    def events_ahead(self) -> int:
        """How many events wait to be taken."""
        return len(self._events)

    def next_event(self) -> Event | None:
        """Return the next event, handed over for good; ``None`` when there is none now."""
        if not self._events:
            return None
        event = self._events.popleft()
        if isinstance(event, Joined | Message | Gap):
            self._readings.hand_out(event)
        return event

    def events_received(self) -> list[Event]:
        """Return all events since the last call, first to last, handed over for good."""
        return list(iter(self.next_event, None))

    # --- connections -----------------------------------------------------------------------------

    def _hello(self) -> Hello:
        return checked(Hello, protocol=PROTOCOL, nick=self.nick, client=self._client, session=self._secret)

    def _welcome(self, link: Connection, frame: Welcome) -> None:
        if frame.protocol != PROTOCOL:
            words = f"the server chose protocol {frame.protocol}, and we speak {PROTOCOL}"
            self._fail(RefusedError("unsupported_protocol", words))
            return
        self.nick, self.server, self.limits = frame.nick, frame.server, frame.limits
        self._secret = frame.session
        self._backoff.reset()
        link.live = True
        if not self.welcome.done:
            self.welcome.succeed(frame)
        else:
            self._events.append(Online())
        self._resume(link)

    def _resume(self, link: Connection) -> None:
        """Ask again for what the last connection owed us, rooms first, and send again what it had not
        acknowledged."""
        for room in self._inquiries.reconnected():
            self._readings.leave(room)
        for join in self._readings.joins():
            link.send(join)
        self._send_inquiries()
        self._lanes.reconnected(self.clock() - (self.limits.dedupe_seconds or DEDUPE_SECONDS))

    def _disconnect(self, reason: str, reconnect_after: float | None = None) -> None:
        """The connection has ended, or is given up."""
        self._link = None
        if not self.welcome.done or not self._reconnect or reason in _FINAL_REASONS:
            self._fail(DisconnectedError(reason, reconnect_after))
        else:
            self._wait_for_server(reason, reconnect_after or 0.0)

    def _wait_for_server(self, reason: str, at_least: float = 0.0) -> None:
        wait = self._backoff.next(at_least)
        self.dial_at = self.clock() + wait
        self._events.append(Offline(reason, wait))

    def _fail(self, error: ChatError) -> None:
        """The session ends."""
        if self.closed:
            return
        self.closed = True
        self.error = error
        self._link = self.dial_at = None
        unanswered = [*self._inquiries.clear(), *self._lanes.clear()]
        for request in unanswered if self.welcome.done else [self.welcome, *unanswered]:
            request.fail(error)

    # --- output ----------------------------------------------------------------------------------

    def _ask(self, frame: ClientFrame) -> Request[Any]:
        self._raise_if_closed()
        request = self._inquiries.add(frame)
        self._send_inquiries()
        return request

    def _post(self, post: Post) -> PendingPost:
        self._raise_if_closed()
        posting = PendingPost(post)
        self._lanes.add(posting)
        return posting

    def _send_inquiries(self) -> None:
        if self._link is not None and self._link.live:
            self._inquiries.send(self._link, self._readings.awaited)

    def _raise_if_closed(self) -> None:
        if self.closed:
            raise self.error or ClosedError("the connection is closed")

    def _token(self) -> str:
        self._tokens += 1
        return str(self._tokens)

    # --- input -----------------------------------------------------------------------------------

    def _take(self, link: Connection, frame: ServerFrame) -> None:
        try:
            self._handle(link, frame)
        except ProtocolError as error:
            self._fail(error)

    def _handle(self, link: Connection, frame: ServerFrame) -> None:
        match frame:
            case Message() | Gap():
                told = self._readings.read(frame)
            case Joined():
                if frame.room not in self._readings and not self._inquiries.awaits(frame):
                    raise ProtocolError(f"the server put us into {frame.room}, which we did not ask for")
                self._readings.enter(frame)
                self._answer(frame)
                told = True
            case Left():
                self._readings.leave(frame.room)
                self._answer(frame)
                told = True
            case NickFrame():
                self.nick = frame.nick
                self._answer(frame)
                told = True
            case Closing():
                link.closing = frame
                told = True
            case Error():
                told = not self._refuse(link, frame)
            case Presence():
                told = True
            case _:
                self._handle_answer(link, frame)
                told = False
        if told or (self._every_frame and not self.closed):
            self._events.append(frame)

    def _handle_answer(self, link: Connection, frame: ServerFrame) -> None:
        match frame:
            case Ack():
                self._lanes.settle(frame)
            case Welcome():
                self._welcome(link, frame)
            case Members():
                self._inquiries.collect(link, frame)
                self._send_inquiries()
            case Page():
                self._answer(frame)
            case Ping():
                link.send(Pong(token=frame.token))
            case _:  # a pong, and what later versions add
                pass

    def _answer(self, frame: ServerFrame) -> None:
        self._inquiries.answer(frame)
        self._send_inquiries()

    def _refuse(self, link: Connection, frame: Error) -> bool:
        """Take an error to what it refuses; return whether there is such a thing."""
        error = RefusedError(
            frame.code, frame.message, room=frame.room, id=frame.id, retry_after=frame.retry_after
        )
        if not link.live and frame.room is None:
            self._refuse_us(error)
            return True
        if self._lanes.refuse(frame, error, self.clock()):
            return True
        if not self._inquiries.refuse(frame, error):
            return self._refuse_return(frame)
        self._send_inquiries()
        return True

    def _refuse_return(self, frame: Error) -> bool:
        """Take what may be the refusal to let us back into a room; return whether it will be asked again."""
        if frame.room is None or frame.id is not None or frame.room not in self._readings:
            return False
        if frame.retry_after is None:
            self._readings.leave(frame.room)
            return False
        self._readings.ask_again(frame.room, self.clock() + frame.retry_after)
        return True

    def _refuse_us(self, error: RefusedError) -> None:
        """The server does not want this connection."""
        if not self.welcome.done or not self._reconnect or error.code not in _PASSING_REFUSALS:
            self._fail(error)
        else:
            self._link = None
            self._wait_for_server(error.code, error.retry_after or 0.0)
