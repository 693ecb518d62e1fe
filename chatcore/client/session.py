"""One client's conversation with a server, without I/O.

A caller asks with `ClientSession.join`, `ClientSession.post` and the like, each of which returns a `Request`.
A driver moves the bytes: it feeds what it receives, and writes what `ClientSession.data_to_send` returns.
What comes from the rooms, and what nobody asked for, are events, which `ClientSession.next_event` hands out
in sequence.

A session outlives its connections. It is in one of four states, and has a `Connection` in the middle two:

============  ================================================  =============================================
state         what it waits for                                 what ends it
============  ================================================  =============================================
offline       the driver: at the start, and at ``dial_at``      `connection_made`, or `connection_failed`
connecting    the server's ``welcome``                          ``welcome``, a refusal, or a loss
live          nothing                                           a loss, or the server's ``closing``
closed        nothing, forever; ``error`` says why              nothing
============  ================================================  =============================================

A loss leads back to *offline* if the session may reconnect and was live before, and to *closed* otherwise;
so does a refusal that may pass by itself, as when our nick is taken. A server that breaks the protocol leads
to *closed* from anywhere, and so does `close`. While there is no live connection, what is asked waits. On the
next one the rooms are resumed where they were, and what was not acknowledged is sent again, in its order.

`finish` closes too, but lets posts without an answer have one first: until then nothing more can be asked.

A session is always read, however slow its user is: pings are answered and acknowledgements arrive. What waits
for the user is bounded, and the rest is fetched when there is space again, by `Refill`.

A driver's rhythm: after every call of anything here, look at ``closed`` and `ClientSession.online`, write
`ClientSession.data_to_send` until it is empty, see to new events, and set its timer by
`ClientSession.next_deadline`. An event that is taken may make it ask for more, as `ClientSession.has_output`
says. Peer input never raises. Requests are answered within `receive_data`, `receive_eof` and `close`, so
their callbacks run there, and may ask again.

Not thread-safe: a driver with threads holds a lock of its own.
"""

import time
from collections.abc import Callable
from typing import Any

from chatcore.client.arguments import checked_most_missed
from chatcore.client.backoff import Backoff, Online
from chatcore.client.calls import Calls
from chatcore.client.connection import Connection
from chatcore.client.events import Event, EventQueue
from chatcore.client.identity import Identity
from chatcore.client.pages import check_answer
from chatcore.client.positions import Entry, Positions
from chatcore.client.redial import Redial
from chatcore.client.refill import Refill
from chatcore.client.requests import PendingPost, Request
from chatcore.client.route import Route
from chatcore.errors import (
    ChatError,
    ClosedError,
    DisconnectedError,
    Fault,
    ProtocolError,
    RefusedError,
)
from chatcore.limits import ClientLimits
from chatcore.messages import (
    PROTOCOL,
    Ack,
    ClientFrame,
    Closing,
    Error,
    Found,
    Gap,
    Invited,
    Join,
    Joined,
    Left,
    Members,
    Message,
    Moderated,
    NickFrame,
    Page,
    Ping,
    Pong,
    Post,
    Presence,
    RoomList,
    ServerFrame,
    Welcome,
)

__all__ = ["ClientSession"]

IN_FLIGHT = 64
"""Posts that are sent and not answered, unless the server allows fewer. More would only fill buffers."""

DEDUPE_SECONDS = 120.0
"""How long a post is sent again by itself, unless the server says how long it remembers ids."""


class ClientSession(Calls):
    """One client's conversation with a server, over any number of connections.

    ``secret`` proves an earlier session's right to its nick, ``key`` an account, and ``invite`` makes the key
    one of an account. With ``every_frame`` the answers to requests are events too, and so are pings. With
    ``reconnect`` a connection that is lost once the server has said welcome is tried again, when ``backoff``
    says; without, its loss ends the session.
    With ``most_missed``, rooms are resumed with that many of the missed messages at most. ``clock`` counts
    seconds and never goes back. ``route``, which the driver has too, says which address it connects to next.
    Raises `UsageError` for an argument that the protocol does not allow.

    ``identity`` is who we are to the server, and ``events`` is what waits for the user. ``server`` and
    ``limits`` hold what the server said last. Once ``closed`` is true there is nothing more to be read,
    written or asked, and ``error`` says why. ``dial_at`` is when the driver must connect again, if it must.
    ``welcome`` is the request that the first welcome answers.
    """

    def __init__(
        self,
        nick: str,
        *,
        client: str | None = None,
        secret: str | None = None,
        key: str | None = None,
        invite: str | None = None,
        every_frame: bool = False,
        reconnect: bool = False,
        most_missed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
        route: Route | None = None,
    ) -> None:
        identity = Identity(nick, client=client, secret=secret, key=key, invite=invite)
        super().__init__(identity, Positions(checked_most_missed(most_missed)))
        self.events = EventQueue()
        self.server = ""
        self.durability: str | None = None
        self.can_search: bool | None = None
        self.limits = ClientLimits()
        self.closed = False
        self.error: ChatError | None = None
        self.clock = clock
        self._every_frame = every_frame
        self._redial = Redial(backoff or Backoff(), clock, wanted=reconnect, route=route)
        self._connection: Connection | None = None
        self._refill = Refill(self._positions, self.events)
        self._finish_by: float | None = None  # while nothing more can be asked
        self.welcome: Request[Welcome] = Request(self.identity.hello())

    def __repr__(self) -> str:
        return f"<ClientSession {self.identity.nick} {self._state} rooms={len(self._positions)}>"

    @property
    def _state(self) -> str:
        if self.closed:
            return "closed"
        if self._connection is None:
            return "offline"
        return "live" if self._connection.live else "connecting"

    # --- what a caller may know ------------------------------------------------------------------

    @property
    def closed_by_us(self) -> bool:
        """Whether it was the caller who ended the session."""
        return isinstance(self.error, ClosedError)

    # --- events ----------------------------------------------------------------------------------

    def next_event(self) -> Event | None:
        """Return the next event, handed out for good, or ``None`` if there is none yet.

        Once the session has ended, what came before can still be taken; then it raises what ended it,
        which is `ClosedError` after our own `close`.
        """
        if self.events:
            return self._hand_out()
        self.raise_if_closed()
        return None

    def events_received(self) -> list[Event]:
        """Return all events that there are, first to last, handed out for good."""
        return [self._hand_out() for _ in range(len(self.events))]

    def raise_if_closed(self) -> None:
        """Raise what ended the session, if it has ended."""
        # The traceback of the last time would grow with every call, and keep its frames alive.
        if self.closed:
            raise (self.error or ClosedError("the connection is closed")).with_traceback(None)

    def _hand_out(self) -> Event:
        event = self.events.take()
        if isinstance(event, Joined | Message | Gap):
            self._positions.hand_out(event)
        self._ask_for_more()
        return event

    def _ask_for_more(self) -> None:
        self.events.note_fullness(self.clock())
        self._refill.ask(self._connection, self.limits, self.clock())

    # --- what a driver does ----------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether there should be a socket.

        Once there should not, the driver closes the one it has. With ``dial_at`` set it connects again at
        that time, and calls `connection_made` or `connection_failed`.
        """
        return self._connection is not None

    def connection_made(self) -> None:
        """Learn that there is a socket: the handshake begins, unless the session was closed meanwhile."""
        self._redial.cancel()
        if not self.closed:
            self._connection = Connection(self.clock())
            self._connection.send(self.identity.hello())

    @property
    def dial_at(self) -> float | None:
        """When the driver must connect again, if it must."""
        return self._redial.at

    def connection_failed(self, reason: str = "lost") -> None:
        """Learn that the server could not be reached again, or is not the one that we trust."""
        if not self.closed:
            self._wait_for_server(reason)

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server. If they break the protocol, the session ends with `ProtocolError`."""
        connection = self._connection
        if connection is None:
            return
        for item in connection.receive_data(data, self.clock()):
            if self._connection is not connection:
                return
            if isinstance(item, Fault):
                self._receive_fault(connection, item)
            else:
                self._receive_frame(connection, item)
        self._ask_for_more()
        self._end_if_finished()

    def _receive_fault(self, connection: Connection, fault: Fault) -> None:
        if fault.code != "unknown_type":  # a newer server may say more than we know
            what = f"the server sent what is not a frame: {fault.message}"
            self._end(ProtocolError(connection.foreign or what))

    def receive_eof(self) -> None:
        """Take the end of the server's stream, or of its socket. Idempotent."""
        connection = self._connection
        if connection is not None and connection.foreign:
            self._end(ProtocolError(connection.foreign))
        elif connection is not None:
            closing = connection.closing
            self._lose(closing.reason if closing else "lost", closing.reconnect_after if closing else None)

    def fail(self, cause: BaseException) -> None:
        """End the session for a failure of its driver.

        What is not answered fails with `DisconnectedError`, whose cause that is.
        """
        try:
            raise DisconnectedError("failed") from cause
        except DisconnectedError as error:
            self._end(error)

    def close(self) -> None:
        """End the session for the caller: what is not answered fails with `ClosedError`. Idempotent."""
        self._end(ClosedError("the connection was closed"))

    def finish(self, by: float) -> None:
        """Close once all posts are answered, or at a time. Until then nothing more can be asked."""
        self._finish_by = by if self._finish_by is None else self._finish_by
        self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self._finish_by is not None and (not self._posts or self.clock() >= self._finish_by):
            self.close()

    @property
    def want_data(self) -> bool:
        """Whether the socket is to be read. It always is, but for a moment when many events wait.

        Nothing may be unanswered then. A user who keeps up takes them in that time, and needs no page. Others
        fall behind, and the server's pings are answered.
        """
        again = self.events.read_again_at(self.limits)
        return again is None or self.closed or self.unanswered > 0 or self.clock() >= again

    @property
    def has_output(self) -> bool:
        """Whether the session itself has something to send: taking an event may bring that about."""
        return self._connection is not None and self._connection.has_output

    def data_to_send(self) -> bytes:
        """Return the next piece to write, handed over for good; empty when there is none now.

        MUST NOT be called while bytes of an earlier piece are unsent: the driver holds those.
        """
        connection = self._connection
        if connection is None:
            return b""
        data = connection.next_data()
        if not connection.live:
            return data
        window = min(self.limits.posts_in_flight or IN_FLIGHT, IN_FLIGHT)
        return b"".join([data, *self._posts.next_data(self.clock(), window, self._positions.awaited)])

    def data_drained(self) -> None:
        """Learn that the socket took bytes that it had refused: the server is alive."""
        if self._connection is not None:
            self._connection.note_sign_of_life(self.clock())

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, or the driver must connect; ``None`` when closed."""
        times = [self.dial_at, None if self.closed else self._finish_by, *self._connection_deadlines()]
        return min((when for when in times if when is not None), default=None)

    def _connection_deadlines(self) -> list[float | None]:
        connection = self._connection
        if connection is None:
            return []
        times: list[float | None] = [connection.deadline(self.limits)]
        if connection.live:
            times.append(self._posts.next_deadline(self._positions.awaited))
            times += [self._positions.next_deadline(), self._refill.next_deadline()]
            times.append(None if self.want_data else self.events.read_again_at(self.limits))
        return times

    def handle_deadline(self, now: float) -> None:
        """Do what is due: joins to ask again, a ping, or giving up. There may be data to send afterwards."""
        self._end_if_finished()
        connection = self._connection
        if connection is None:
            return
        for join in self._positions.due_joins(now) if connection.live else ():
            connection.send(join)
        self._ask_for_more()
        if now < connection.deadline(self.limits):
            return
        if connection.foreign:
            self._end(ProtocolError(connection.foreign))
        elif not connection.live or connection.note_ping(now):
            self._lose("timeout")
        else:
            connection.send(Ping())

    # --- connections -----------------------------------------------------------------------------

    def _receive_welcome(self, connection: Connection, frame: Welcome) -> None:
        if frame.protocol != PROTOCOL:
            words = f"the server chose protocol {frame.protocol}, and we speak {PROTOCOL}"
            self._end(RefusedError("unsupported_protocol", words))
            return
        before = self.identity.nick
        self.identity.receive_welcome(frame)
        self.server, self.durability, self.limits = frame.server, frame.durability, frame.limits
        self.can_search = frame.search
        connection.go_live()
        self._redial.note_welcome()
        if not self.welcome.done:
            self.welcome.succeed(frame)
        else:
            self._note_return(before)
        self._resume(connection)

    def _note_return(self, before: str) -> None:
        """Have the user learn that we are back, and under which nick: another device may have changed it."""
        self.events.add_news(Online())
        if self.identity.nick != before and not self._every_frame:
            self.events.add_news(NickFrame(nick=self.identity.nick))

    def _resume(self, connection: Connection) -> None:
        """Ask again for what the last connection owed us, rooms first, and send unacknowledged posts."""
        self._refill.connection_lost()
        for room in self._requests.reconnected():
            self._leave(room)
        for join in self._positions.joins():
            connection.send(join)
        self._send_requests()
        self._posts.reconnected(self.clock() - (self.limits.dedupe_seconds or DEDUPE_SECONDS))

    def _lose(self, reason: str, reconnect_after: float | None = None) -> None:
        """The connection has ended, or is given up."""
        self._connection = None
        if self._redial.follows_loss(reason):
            self._wait_for_server(reason, reconnect_after or 0.0)
        else:
            self._end(DisconnectedError(reason, reconnect_after))

    def _wait_for_server(self, reason: str, at_least: float = 0.0) -> None:
        self.events.add_news(self._redial.plan(reason, at_least))

    def _end(self, error: ChatError) -> None:
        """The session ends, for whatever reason. The first one counts."""
        if self.closed:
            return
        self.closed = True
        self.error = error
        self._connection = None
        self._redial.cancel()
        unanswered = [*self._requests.clear(), *self._posts.clear()]
        for request in unanswered if self.welcome.done else [self.welcome, *unanswered]:
            request.end(error)

    # --- output ----------------------------------------------------------------------------------

    def _ask(self, frame: ClientFrame) -> Request[Any]:
        self._raise_if_finished()
        request = self._requests.add(frame)
        if isinstance(frame, Ping) and self._connection is not None:
            self._connection.note_question(self.clock())
        self._send_requests()
        return request

    def _post(self, frame: Post) -> PendingPost:
        self._raise_if_finished()
        post = PendingPost(frame)
        self._posts.add(post)
        return post

    def _raise_if_finished(self) -> None:
        self.raise_if_closed()
        if self._finish_by is not None:
            raise ClosedError("the connection is being closed")

    def _send_requests(self) -> None:
        if self._connection is not None and self._connection.live:
            self._requests.send(self._connection, self._positions.awaited)

    # --- input -----------------------------------------------------------------------------------

    def _receive_frame(self, connection: Connection, frame: ServerFrame) -> None:
        try:
            self._handle(connection, frame)
        except ProtocolError as error:
            self._end(error)

    def _handle(self, connection: Connection, frame: ServerFrame) -> None:
        """Do what a frame means, and make it an event if it is one. Raises `ProtocolError`."""
        match frame:
            case Message() | Gap():
                self._receive_entry(frame)
            case Joined():
                self._receive_joined(frame)
            case Left():
                self._receive_left(frame)
            case NickFrame():
                self.identity.receive_nick(frame)
                self._answer(frame)
                self.events.add_news(frame)
            case Closing():
                connection.receive_closing(frame)
                self.events.add_news(frame)
            case Error():
                self._receive_error(connection, frame)
            case Presence():
                self.events.add_news(frame)
            case Invited() | Moderated() if self._requests.asked(frame) is None:  # we did not ask
                self.events.add_news(frame)
            case _:
                self._receive_answer(connection, frame)

    def _receive_answer(self, connection: Connection, frame: ServerFrame) -> None:
        """Do what a frame means that is nobody's event, unless every frame is one."""
        match frame:
            case Ack():
                self._posts.settle(frame)
                self._redial.note_success()
            case Welcome():
                self._receive_welcome(connection, frame)
            case Members():
                self._requests.collect(connection, frame)
                self._send_requests()
            case Page():
                if self._receive_page(frame):
                    return
            case RoomList() | Found() | Moderated() | Invited() | Pong():
                self._answer(frame)
            case Ping():
                connection.send(Pong(token=frame.token))
            case _:  # what later versions add
                pass
        if self._every_frame and not self.closed:
            self.events.add_answer(frame)

    def _receive_entry(self, entry: Entry) -> None:
        events = self._positions.receive(entry, self.events.space)
        if events is None:
            events = [entry] if self._every_frame and self.events.space else []
        elif isinstance(entry, Gap) and entry.reason == "reset":
            self.events.add_news(entry)
            return
        for event in events:
            self.events.add(event)
        self._redial.note_success()

    def _receive_page(self, page: Page) -> bool:
        """Take a page; return whether it was the session that has asked for it."""
        if self._refill.receive(page, self.clock()):
            return True
        self._answer(page)
        return False

    def _receive_joined(self, frame: Joined) -> None:
        asked = self._requests.asked(frame)
        self._positions.enter(frame, asked if isinstance(asked, Join) else None)
        self._answer(frame)
        self.events.add_news(frame)

    def _receive_left(self, frame: Left) -> None:
        """Take that we are out of a room, or will not get in, which its user has not seen us in."""
        if frame.room not in self._positions and self._requests.refuse_join(frame.room):
            self._send_requests()
            if not self._every_frame:
                return
        else:
            self._leave(frame.room)
            self._answer(frame)
        self.events.add_news(frame)

    def _leave(self, room: str) -> None:
        """Stop reading a room; what was received there and is no event yet is a gap."""
        if gap := self._positions.missing(room):
            self.events.add_news(gap)
        self._positions.leave(room)

    def _answer(self, frame: ServerFrame) -> None:
        check_answer(frame, self._requests.asked(frame))
        self._redial.note_success()
        self._requests.answer(frame)
        self._send_requests()

    def _receive_error(self, connection: Connection, frame: Error) -> None:
        """Take an error to what it refuses; it is an event if there is no such thing."""
        if self._refill.refuse(frame, self.clock()):
            return
        if not self._is_refusal(connection, frame):
            self.events.add_news(frame)
        elif self._every_frame and not self.closed:
            self.events.add(frame)

    def _is_refusal(self, connection: Connection, frame: Error) -> bool:
        """Take an error to what it refuses; return whether there is such a thing.

        That is the whole connection, a post, a request, or our return to a room, whichever fits first.
        """
        error = RefusedError(
            frame.code, frame.message, room=frame.room, id=frame.id, retry_after=frame.retry_after
        )
        if not connection.live and frame.room is None:
            self._receive_rejection(error)
            return True
        if self._posts.refuse(frame, error, self.clock()):
            return True
        if not self._requests.refuse(frame, error):
            return self._receive_exclusion(frame)
        self._send_requests()
        return True

    def _receive_exclusion(self, frame: Error) -> bool:
        """Take what may be the refusal to let us back into a room; return whether it will be asked again."""
        if frame.room is None or frame.id is not None or frame.room not in self._positions:
            return False
        if frame.retry_after is None:
            self._leave(frame.room)
            return False
        self._positions.ask_again(frame.room, self.clock() + frame.retry_after)
        return True

    def _receive_rejection(self, error: RefusedError) -> None:
        """Learn that the server does not want this connection."""
        if self._redial.follows_refusal(error):
            self._connection = None
            self.events.add_news(self._redial.plan_after(error))
        else:
            self._end(error)
