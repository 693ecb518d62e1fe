"""A blocking client: the client session, driven by a thread of its own."""

import logging
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from chatcore import (
    LOBBY,
    Ack,
    Backoff,
    ChatError,
    ClientFrame,
    ClientLimits,
    Event,
    Gap,
    Joined,
    Left,
    Message,
    NickFrame,
    Page,
    Position,
)
from chatcore.address import DEFAULT_URL, parse_url
from chatcore.client.requests import Request
from chatcore.client.session import ClientSession
from transports.sockets import CONNECT_SECONDS, EVENTS_AHEAD, GOODBYE_SECONDS, tune

__all__ = ["Chat", "connect"]

A = TypeVar("A")

log = logging.getLogger("chat.client")

RECEIVE = 64 * 1024


def connect(
    url: str = DEFAULT_URL,
    *,
    nick: str,
    rooms: Sequence[str] = (LOBBY,),
    history: int | None = None,
    client: str | None = None,
    every_frame: bool = False,
    reconnect: bool = True,
    backoff: Backoff | None = None,
    session: str | None = None,
) -> "Chat":
    """Connect to a server and join rooms: ``with connect(url, nick=...) as chat``.

    ``history`` asks for the last n messages of each room; with ``every_frame``, events are all that
    the server says, answers included.

    A connection that is lost later is made again: everything goes on from where it was, and what cannot
    be had is a `Gap` event. Without ``reconnect``, its loss is the end; ``backoff`` says when to try again.

    Raises `OSError` where there is no server, `RefusedError` where it does not want us, `UsageError`
    for arguments that cannot be.
    """
    _, host, port = parse_url(url, ("chat",))
    state = ClientSession(
        nick,
        client=client,
        every_frame=every_frame,
        reconnect=reconnect,
        backoff=backoff,
        session=session,
    )
    connection = _Connection((host, port), state)
    chat = Chat(state, connection, rooms[0] if rooms else LOBBY)
    try:
        connection.ask(lambda: state.welcome).result()
        for room in rooms:
            chat.join(room, history=history)
    except BaseException:
        chat.close()
        raise
    return chat


class Chat:
    """A live connection. Its methods wait for the server's answer, unless their name says otherwise.

    Iterating over it yields messages; `events` yields all that happens, gaps too. Only one of the
    two, and only one at a time: an event is handed out once. While nobody takes events and nothing
    asked is unanswered, the socket is left unread. All methods may be called from any thread.

    A server that refuses raises `RefusedError`; once the connection has ended, every call raises
    what ended it.
    """

    def __init__(self, session: ClientSession, connection: "_Connection", room: str) -> None:
        self._session = session
        self._connection = connection
        self._room = room  # which calls mean that name none

    def __repr__(self) -> str:
        return f"<threaded Chat {self._session!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def nick(self) -> str:
        """The nick that the server knows us by."""
        return self._session.nick

    @property
    def server(self) -> str:
        """What the server calls itself: its name and version."""
        return self._session.server

    @property
    def limits(self) -> ClientLimits:
        """The limits that the server sets us, as far as it has named them."""
        return self._session.limits

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that we are in, folded; also while there is no connection."""
        return self._connection.look(lambda: self._session.rooms)

    @property
    def secret(self) -> str:
        """What ``connect(session=...)`` takes to come back under this nick. Whoever has it can do so."""
        return self._session.secret or ""

    @property
    def closed(self) -> bool:
        """Whether it is over: after `close`, or once the connection has ended for good."""
        return self._session.closed

    @property
    def unanswered(self) -> int:
        """How many requests and posts have no answer yet."""
        return self._connection.look(lambda: self._session.unanswered)

    def position(self, room: str | None = None) -> Position:
        """Return how far the events of a room were taken: what `join` takes to resume from there.

        Store it, as ``str(position)``, once the last event that you took is dealt with. Raises
        `UsageError` if you are not in the room.
        """
        return self._connection.look(lambda: self._session.position(room or self._room))

    def is_mine(self, message: Message) -> bool:
        """Tell whether a message is our own: one that we posted, or one under the nick that we have now."""
        return self._session.is_mine(message)

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message is older than our last entry into its room."""
        return self._session.is_replay(message)

    @property
    def session(self) -> ClientSession:
        """What is known of the connection; to be looked at, not driven."""
        return self._session

    def join(self, room: str, *, after: Position | None = None, history: int | None = None) -> Joined:
        """Enter a room, behind a position or with the last ``history`` messages."""
        return self._connection.ask(lambda: self._session.join(room, after=after, history=history)).result()

    def leave(self, room: str) -> Left:
        """Leave a room."""
        return self._connection.ask(lambda: self._session.leave(room)).result()

    def post(self, text: str, *, room: str | None = None, id: str | None = None) -> Ack:
        """Say something; returns once the server keeps it. Under the same ``id`` it is kept once."""
        return self.post_nowait(text, room=room, id=id).result()

    def post_nowait(self, text: str, *, room: str | None = None, id: str | None = None) -> "Future[Ack]":
        """Say something; the future has the acknowledgement."""
        return self._connection.ask(lambda: self._session.post(room or self._room, text, id=id))

    def ask_nowait(self, frame: ClientFrame) -> "Future[Any]":
        """Ask what a frame of the protocol asks; the future has the frame that answers it."""
        return self._connection.ask(lambda: self._session.ask(frame))

    def flush(self) -> None:
        """Wait until every post is acknowledged or refused; raises what ended the session before that."""
        self._connection.wait_for(lambda: not self._session.unacknowledged)
        self._session.raise_unless_ours()

    def history(
        self,
        room: str | None = None,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> Page:
        """Return a page of a room's log, oldest message first; by default the newest page."""
        return self._connection.ask(
            lambda: self._session.history(room or self._room, before=before, after=after, limit=limit)
        ).result()

    def who(self, room: str | None = None) -> tuple[str, ...]:
        """Return the nicks of all who are in a room."""
        return self._connection.ask(lambda: self._session.who(room or self._room)).result().nicks

    def set_nick(self, nick: str) -> NickFrame:
        """Take another nick."""
        return self._connection.ask(lambda: self._session.set_nick(nick)).result()

    def events(self) -> Iterator[Event]:
        """Yield all that happens, until the connection ends.

        Ends without a word after `close`; raises the `ChatError` that ended it otherwise.
        """
        while (event := self._connection.next_event()) is not None:
            yield event

    def __iter__(self) -> Iterator[Message]:
        for event in self.events():
            if isinstance(event, Message):
                yield event
            elif isinstance(event, Gap):
                log.warning("messages of %s are missing: %s", event.room, event)

    def close(self) -> None:
        """Say goodbye. What is not answered yet fails with `ClosedError`. Idempotent."""
        self._connection.close()


class _Connection:
    """The socket on one side, the session on the other, and the thread between them.

    ``_lock`` guards the session; the thread holds it for no system call.
    """

    def __init__(self, address: tuple[str, int], session: ClientSession) -> None:
        self._address = address
        self._session = session
        # Entered by itself and not through the condition: a Ctrl-C that comes while Condition.__enter__ is
        # under way would leave it locked for ever.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._unsent = b""
        self._refused = False  # whether the socket has left some of that for later
        self._goodbye_by: float | None = None
        sock = self._dial()
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        self._thread = threading.Thread(target=self._run, args=(sock,), name="chat-client", daemon=True)
        self._thread.start()

    # --- for the caller's threads ----------------------------------------------------------------

    def wake(self) -> None:
        """Have the thread look at the session again."""
        try:
            self._waker.send(b"\0")
        except OSError:  # it is full of wakes, or the thread has gone
            log.debug("the thread need not be woken")

    def ask(self, make: Callable[[], Request[A]]) -> "Future[A]":
        """Ask something of the session; return a future that has the answer."""
        future: Future[A] = Future()
        future.set_running_or_notify_cancel()

        def settle() -> None:
            try:
                future.set_result(request.result())
            except ChatError as error:
                future.set_exception(error)

        with self._lock:
            request = make()
            request.on_done = settle
            if request.done:
                settle()
        self.wake()
        return future

    def look(self, what: Callable[[], A]) -> A:
        """Return what is to be read of the session while nothing changes."""
        with self._lock:
            return what()

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Wait until something is so; whatever waits for the server ends with the connection."""
        with self._lock:
            self._changed.wait_for(what)

    def next_event(self) -> Event | None:
        """Return the next event, or ``None`` after our own goodbye."""
        with self._lock:
            session = self._session
            if session.events_ahead == EVENTS_AHEAD:
                self.wake()
            self._changed.wait_for(lambda: session.events_ahead or session.closed)
            event = session.next_event()
            if event is None:
                session.raise_unless_ours()
            return event

    def close(self) -> None:
        """End our stream, wait a moment for the server to end its own, and let go."""
        with self._lock:
            self._session.close()
            self._changed.notify_all()
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self, sock: socket.socket | None) -> None:
        with self._waker, self._wakee:
            while sock is not None:
                with sock, selectors.DefaultSelector() as selector:
                    selector.register(self._wakee, selectors.EVENT_READ)
                    self._converse(sock, selector)
                sock = self._dial_again()

    def _dial(self) -> socket.socket:
        sock = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        sock.setblocking(False)
        tune(sock)
        self._unsent, self._refused, self._goodbye_by = b"", False, None
        with self._lock:
            self._session.connection_made()
        return sock

    def _dial_again(self) -> socket.socket | None:
        """Return the next socket, however long it takes, or ``None`` at the end."""
        session = self._session
        while True:
            with self._lock:
                self._changed.notify_all()
                wait = None if session.dial_at is None else max(session.dial_at - session.clock(), 0.0)
                if wait is None or self._changed.wait_for(lambda: session.closed, wait):
                    return None
            try:
                return self._dial()
            except OSError:
                with self._lock:
                    session.connection_failed()

    def _converse(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        """Be the connection between a socket and the session, until either ends."""
        while (interest := self._update(sock)) is not None:
            mask, timeout = interest
            _watch(selector, sock, mask)
            for key, ready in selector.select(timeout):
                if key.fileobj is self._wakee:
                    self._wakee.recv(RECEIVE)
                else:
                    self._transfer(sock, ready)

    def _update(self, sock: socket.socket) -> tuple[int, float | None] | None:
        """Bring the session up to date; return what to wait for, or ``None`` at the end."""
        session = self._session
        with self._lock:
            now = session.clock()
            session.handle_deadline(now)
            self._unsent = self._unsent or session.data_to_send()
            self._changed.notify_all()
            if not session.online:
                return self._goodbye(sock, now)
            reading = session.waiting or session.events_ahead < EVENTS_AHEAD
            deadline = session.next_deadline()
        mask = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if self._unsent else 0)
        return mask, None if deadline is None else max(deadline - now, 0.0)

    def _goodbye(self, sock: socket.socket, now: float) -> tuple[int, float | None] | None:
        if not self._session.closed_by_us or (self._goodbye_by is not None and now >= self._goodbye_by):
            return None
        if self._goodbye_by is None:
            self._goodbye_by = now + GOODBYE_SECONDS
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                return None
        return selectors.EVENT_READ, self._goodbye_by - now

    def _transfer(self, sock: socket.socket, ready: int) -> None:
        try:
            if ready & selectors.EVENT_WRITE:
                self._unsent = self._unsent[sock.send(self._unsent) :]
                if self._refused:  # bytes that the system takes at once are no sign of the server's life
                    with self._lock:
                        self._session.data_drained()
                self._refused = bool(self._unsent)
            data = sock.recv(RECEIVE) if ready & selectors.EVENT_READ else None
        except BlockingIOError:
            return
        except OSError:
            data = b""
        with self._lock:
            if data:
                self._session.receive_data(data)
            elif data is not None:
                self._goodbye_by = 0.0  # the server has ended its stream
                self._session.receive_eof()


def _watch(selector: selectors.BaseSelector, sock: socket.socket, mask: int) -> None:
    watched = selector.get_map().get(sock)
    if mask and watched is None:
        selector.register(sock, mask)
    elif mask and watched is not None and watched.events != mask:
        selector.modify(sock, mask)
    elif not mask and watched is not None:
        selector.unregister(sock)
