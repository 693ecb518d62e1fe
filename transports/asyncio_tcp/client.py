"""A client for asyncio: the client session, driven by the running loop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Generator, Sequence
from typing import Any, Self, TypeVar, cast

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


class connect:  # it is called like a function, awaited or entered
    """Connect to a server and join rooms: ``async with connect(url, nick=...) as chat``, or await it.

    ``history`` asks for the last n messages of each room; with ``every_frame``, events are all that
    the server says, answers included.

    A connection that is lost later is made again: everything goes on from where it was, and what cannot
    be had is a `Gap` event. Without ``reconnect``, its loss is the end; ``backoff`` says when to try again.

    Raises `OSError` where there is no server, `RefusedError` where it does not want us, `UsageError`
    for arguments that cannot be.
    """

    def __init__(
        self,
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
    ) -> None:
        _, self._host, self._endpoint = parse_url(url, ("chat",))
        self._session = ClientSession(
            nick,
            client=client,
            every_frame=every_frame,
            reconnect=reconnect,
            backoff=backoff,
            session=session,
        )
        self._rooms = rooms
        self._history = history
        self._chat: Chat | None = None

    def __await__(self) -> "Generator[Any, None, Chat]":
        return self._open().__await__()

    async def __aenter__(self) -> "Chat":
        self._chat = await self._open()
        return self._chat

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._chat is not None
        await self._chat.close()

    async def _open(self) -> "Chat":
        connection = _Connection(self._session, self._host, self._endpoint)
        await connection.dial()
        chat = Chat(self._session, connection, self._rooms[0] if self._rooms else LOBBY)
        try:
            await connection.answer(self._session.welcome)
            for room in self._rooms:
                await chat.join(room, history=self._history)
        except BaseException:
            await chat.close()
            raise
        return chat


class Chat:
    """A live connection. Its methods wait for the server's answer, unless their name says otherwise.

    Iterating over it yields messages; `events` yields all that happens, gaps too. Only one of the
    two, and only one at a time: an event is handed out once. While nobody takes events and nothing
    asked is unanswered, the socket is left unread.

    A server that refuses raises `RefusedError`; once the connection has ended, every call raises
    what ended it.
    """

    def __init__(self, session: ClientSession, connection: "_Connection", room: str) -> None:
        self._session = session
        self._connection = connection
        self._room = room  # which calls mean that name none

    def __repr__(self) -> str:
        return f"<asyncio Chat {self._session!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

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
        return self._session.rooms

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
        return self._session.unanswered

    def position(self, room: str | None = None) -> Position:
        """Return how far the events of a room were taken: what `join` takes to resume from there.

        Store it, as ``str(position)``, once the last event that you took is dealt with. Raises
        `UsageError` if you are not in the room.
        """
        return self._session.position(room or self._room)

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

    async def join(self, room: str, *, after: Position | None = None, history: int | None = None) -> Joined:
        """Enter a room, behind a position or with the last ``history`` messages."""
        return await self._connection.answer(self._session.join(room, after=after, history=history))

    async def leave(self, room: str) -> Left:
        """Leave a room."""
        return await self._connection.answer(self._session.leave(room))

    async def post(self, text: str, *, room: str | None = None, id: str | None = None) -> Ack:
        """Say something; returns once the server keeps it. Under the same ``id`` it is kept once."""
        return await self.post_nowait(text, room=room, id=id)

    def post_nowait(
        self, text: str, *, room: str | None = None, id: str | None = None
    ) -> "asyncio.Future[Ack]":
        """Say something; the future has the acknowledgement."""
        return self._connection.answer(self._session.post(room or self._room, text, id=id))

    def ask_nowait(self, frame: ClientFrame) -> "asyncio.Future[Any]":
        """Ask what a frame of the protocol asks; the future has the frame that answers it."""
        return self._connection.answer(self._session.ask(frame))

    async def history(
        self,
        room: str | None = None,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> Page:
        """Return a page of a room's log, oldest message first; by default the newest page."""
        return await self._connection.answer(
            self._session.history(room or self._room, before=before, after=after, limit=limit)
        )

    async def who(self, room: str | None = None) -> tuple[str, ...]:
        """Return the nicks of all who are in a room."""
        return (await self._connection.answer(self._session.who(room or self._room))).nicks

    async def set_nick(self, nick: str) -> NickFrame:
        """Take another nick."""
        return await self._connection.answer(self._session.set_nick(nick))

    async def events(self) -> AsyncIterator[Event]:
        """Yield all that happens, until the connection ends.

        Ends without a word after `close`; raises the `ChatError` that ended it otherwise.
        """
        while (event := await self._connection.next_event()) is not None:
            yield event

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for event in self.events():
            if isinstance(event, Message):
                yield event
            elif isinstance(event, Gap):
                log.warning("messages of %s are missing: %s", event.room, event)

    async def close(self) -> None:
        """Say goodbye. What is not answered yet fails with `ClosedError`. Idempotent."""
        await self._connection.close()


class _Connection(asyncio.Protocol):
    """The socket on one side, the session on the other; one socket after another, if they are lost."""

    _transport: asyncio.Transport

    def __init__(self, session: ClientSession, host: str, port: int) -> None:
        self._session = session
        self._address = host, port
        self._news = asyncio.Event()  # there are events, or there will be no more
        self._lost = asyncio.Event()  # there is no socket now
        self._lost.set()
        self._writing = True
        self._reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._redialing: asyncio.Task[None] | None = None

    async def dial(self) -> None:
        """Connect; raises `OSError`."""
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().create_connection(lambda: self, *self._address)

    def answer(self, request: Request[A]) -> "asyncio.Future[A]":
        """Return a future that has the answer to a request."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()

        def settle() -> None:
            if not future.done():
                try:
                    future.set_result(request.result())
                except ChatError as error:
                    future.set_exception(error)
                    future.exception()  # it need not be looked at: posts may be fired and forgotten

        request.on_done = settle
        if request.done:
            settle()
        self._update()
        return future

    async def next_event(self) -> Event | None:
        """Return the next event, or ``None`` after our own goodbye."""
        while (event := self._session.next_event()) is None:
            if self._session.closed:
                self._session.raise_unless_ours()
                return None
            self._news.clear()
            self._update()
            await self._news.wait()
        return event

    async def close(self) -> None:
        """End our stream, wait a moment for the server to end its own, and let go."""
        self._session.close()
        if self._redialing is not None:
            self._redialing.cancel()
            await asyncio.wait([self._redialing])
        self._update()
        if not self._lost.is_set():
            try:
                self._transport.write_eof()
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._lost.wait()
            except OSError:  # it takes too long, or the server was gone before
                self._transport.abort()
                await self._lost.wait()

    def _update(self) -> None:
        """Do whatever the session's state asks for; to be called after anything was done with it."""
        session = self._session
        if session.events_ahead or session.closed:
            self._news.set()
        if not self._lost.is_set():
            self._update_socket()
        self._set_timer()

    def _update_socket(self) -> None:
        session, transport = self._session, self._transport
        if not session.online and not session.closed_by_us:
            transport.abort()
            return
        while self._writing and (data := session.data_to_send()):
            transport.write(data)
        reading = session.closed or session.waiting or session.events_ahead < EVENTS_AHEAD
        if reading != self._reading and not transport.is_closing():
            self._reading = reading
            transport.resume_reading() if reading else transport.pause_reading()

    def _set_timer(self) -> None:
        when = self._session.next_deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None and self._redialing is None:
            delay = max(when - self._session.clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._handle_deadline)

    def _handle_deadline(self) -> None:
        self._timer = None
        if self._session.online:
            self._session.handle_deadline(self._session.clock())
        elif self._lost.is_set():
            self._redialing = asyncio.create_task(self._dial_again())
        self._update()

    async def _dial_again(self) -> None:
        try:
            await self.dial()
        except OSError:
            self._session.connection_failed()
        finally:
            self._redialing = None
        self._update()

    # --- called by the loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        tune(transport.get_extra_info("socket"))
        self._lost.clear()
        self._writing = self._reading = True
        self._session.connection_made()
        self._update()

    def data_received(self, data: bytes) -> None:
        self._session.receive_data(data)
        self._update()

    def eof_received(self) -> None:
        self._session.receive_eof()
        self._update()

    def pause_writing(self) -> None:
        self._writing = False

    def resume_writing(self) -> None:
        self._writing = True
        self._session.data_drained()
        self._update()

    def connection_lost(self, exc: Exception | None) -> None:
        self._session.receive_eof()
        self._lost.set()
        self._update()
