"""A client for asyncio, as its users see it: `connect`, and the `Chat` that it makes.

Every call goes to a client session through its `Connection`, which drives it. Everything runs in one event
loop, the one in which `connect` was awaited, and nothing here is thread-safe.
"""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from chatcore import (
    LOBBY,
    Ack,
    Act,
    Backoff,
    ChatError,
    ClientFrame,
    ClientLimits,
    ClosedError,
    Error,
    Event,
    Found,
    Gap,
    Invited,
    Joined,
    Left,
    Message,
    MisuseError,
    Moderated,
    NickFrame,
    Page,
    Position,
    RoomList,
)
from chatcore.address import DEFAULT_URL
from chatcore.arguments import checked_timeout
from chatcore.client.arguments import CONNECT_TIMEOUT, checked_rooms, out_of_time
from chatcore.client.events import refusal_in_words
from chatcore.client.session import ClientSession
from transports.asyncio_tcp.connection import Connection
from transports.nodes import Nodes

__all__ = ["Chat", "connect"]

log = logging.getLogger("chat.client")


class connect:  # it is called like a function, awaited or entered
    """Connect to a server and join rooms. Its result is a `Chat`, which the ``with`` closes at its end. ::

        from transports.asyncio_tcp import connect

        async with connect("chat://127.0.0.1:7024", nick="echo", rooms=["lobby", "ops"]) as chat:
            async for message in chat:
                if not chat.is_mine(message):
                    await chat.post(message.text, room=message.room)

    Without a ``with``, ``chat = await connect(...)`` does the same, and you owe it a `Chat.close`.

    ``url`` is ``chat://HOST[:PORT]``, or ``chats://HOST[:PORT]`` for TLS. There the system's authorities must
    vouch for the server's certificate, or those in the file ``ca``, or its SHA-256 must be ``pin``.

    A server with several nodes has several addresses: ``chat://HOST[:PORT],HOST[:PORT]...``. They are
    tried in this order until one lets us in, and so are the machines of a name that stands for several.
    After a loss the next one is tried immediately; only when all have failed there is a wait.
    `Chat.address` says which it is. There, ``pin`` may also map each ``chats://HOST:PORT`` to its own;
    those that it lacks are known by ``ca``. One that is not trusted is passed over, and logged as a
    warning.

    ``rooms`` are joined in this order, each with its last ``history``
    messages; the first of them, or else the lobby, is the room of calls that name none. To resume from a
    stored position, give no rooms and call `Chat.join` with ``after``. ``client`` names your program to
    the server.

    A connection that is lost later is made again: rooms resume where they were, and what is no longer
    available is a `Gap` event. With ``most_missed``, a room resumes with that many of the missed messages at
    most; what it leaves out is a `Gap` with the reason ``skipped``, and `Chat.history` has it. ``backoff``
    says when to try; with ``reconnect=False`` a loss is the end.

    ``session`` is the `Chat.secret` of an earlier connection, maybe of an earlier run of your program: it
    proves the right to its nick while the server still holds that for it. With ``every_frame``, events are
    all frames that the server sends, answers included.

    ``key`` proves your account, on a server that has accounts: one of yours that `chatcore.new_key` has made.
    With ``invite`` it becomes one, of the account that the invite stands for. Keep the key before you
    connect, and give both again until you were let in once: that is the same login. Both are in no ``repr``
    and in no log. Over ``chat://`` they are sent to this machine alone, unless it may be ``insecure``.

    All of this may take ``timeout`` seconds; ``None``, or ``inf``, waits as long as it takes. Whatever that
    is, a server has 10 seconds to take the connection, and 10 more to answer.

    Raises `OSError` if no server is reached, which is a `TimeoutError` if the time is over and an
    ``ssl.SSLCertVerificationError`` if its certificate is not trusted, `RefusedError` if it refuses the
    connection or a room, `ProtocolError` if it is no chat server, `DisconnectedError` if it hangs up or does
    not answer, and `UsageError` for invalid arguments. None of these leaves a connection behind. A first
    connection is not tried again: if the server lets nobody in yet, is full or has the nick reserved, the
    `RefusedError` has a ``retry_after`` where it says when to ask again.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        nick: str,
        rooms: Sequence[str] = (LOBBY,),
        history: int | None = None,
        client: str | None = None,
        session: str | None = None,
        key: str | None = None,
        invite: str | None = None,
        ca: str | Path | None = None,
        pin: str | Mapping[str, str] | None = None,
        insecure: bool = False,
        every_frame: bool = False,
        reconnect: bool = True,
        most_missed: int | None = None,
        backoff: Backoff | None = None,
        timeout: float | None = CONNECT_TIMEOUT,
    ) -> None:
        self._nodes = Nodes(url, ca=ca, pin=pin, insecure=insecure)
        self._timeout = checked_timeout(timeout)
        self._new_session = partial(
            ClientSession,
            nick,
            client=client,
            secret=session,
            key=key,
            invite=invite,
            every_frame=every_frame,
            reconnect=reconnect,
            most_missed=most_missed,
            backoff=backoff,
            route=self._nodes.route,
        )
        self._session = self._new_session()
        self._rooms = checked_rooms(rooms)
        self._history = history
        self._used = False
        self._chat: Chat | None = None

    def __await__(self) -> "Generator[Any, None, Chat]":
        return self._open().__await__()

    async def __aenter__(self) -> "Chat":
        chat = await self._open()
        self._chat = await chat.__aenter__()
        return self._chat

    async def __aexit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        chat, self._chat = self._chat, None
        assert chat is not None
        await chat.__aexit__(kind, *exc_info)

    async def _open(self) -> "Chat":
        if self._used:
            raise MisuseError("this connect was awaited or entered before; call connect again")
        self._used = True
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await self._connect()
        except TimeoutError:
            if limit.expired():
                raise out_of_time(self._nodes.url, self._timeout) from None
            raise

    async def _connect(self) -> "Chat":
        chat = await self._enter()
        try:
            for room in self._rooms:
                await chat.join(room, history=self._history)
        except BaseException:
            await chat.close()
            raise
        return chat

    async def _enter(self) -> "Chat":
        """Return a connection to the first node that lets us in."""
        while True:
            try:
                return await self._enter_here()
            except (OSError, ChatError) as error:
                if not self._nodes.passes_over(error):
                    raise
            self._session = self._new_session()

    async def _enter_here(self) -> "Chat":
        session = self._session
        connection = Connection(session, self._nodes)
        await connection.dial()
        chat = Chat(session, connection, self._rooms[0] if self._rooms else LOBBY)
        try:
            with self._nodes.current.welcoming():
                await connection.ask(lambda: session.welcome)
        except BaseException:
            await chat.close()
            raise
        return chat


class Chat:
    """A client's connection to a server; `connect` makes it. It is a context manager, to be entered once.

    With asyncio, methods that wait are coroutines, and all of it belongs to the event loop that
    connected. With threads, methods that wait block, and any thread may call them, but for the client's
    own, in which the callbacks of futures run. Methods with ``nowait`` in their name return a future.

    Everything else comes as events, which are handed out once and in order: by `receive`, by `events`, or as
    messages only by iterating over the `Chat` itself. One consumer at a time may wait for them. You may be as
    slow as you like, or take none at all: up to 4,000 events wait here, and the messages that follow stay on
    the server until there is space for them. Of other events, such as `Presence`, only the latest wait then.

    Any call may raise `UsageError` for invalid arguments, and `MisuseError` where it is made in the wrong
    place; neither harms the connection. Calls that ask the server wait while the connection is lost and
    made again, and raise `RefusedError` if the server says no: with a ``retry_after``, as for
    ``rate_limited``, the same may be asked again after that many seconds. Once the connection has ended
    for good, every call raises what ended it: `ClosedError` after `close`, otherwise `DisconnectedError`,
    `RefusedError` or `ProtocolError`.

    One that is dropped without `close` ends its connection, and warns with `ResourceWarning`.
    """

    def __init__(self, session: ClientSession, connection: Connection, room: str) -> None:
        self._session = session
        self._connection = connection
        self._room = room  # which calls mean that name none
        self._entered = False

    def __repr__(self) -> str:
        return f"<asyncio Chat {self._session!r}>"

    async def __aenter__(self) -> Self:
        if self._entered:
            raise MisuseError(
                "this Chat was entered before, and is closed at the end of that; call connect again"
            )
        self._entered = True
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        await self._connection.close(flush=kind is None or issubclass(kind, Exception))

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not self._session.closed and not self._connection.forked:
            try:
                _warn(f"{self!r} was not closed", ResourceWarning, source=self)
            finally:
                self._connection.abandon()

    @property
    def nick(self) -> str:
        """The nick that the server knows us by. Another device of your account may change it."""
        return self._session.identity.nick

    @property
    def account(self) -> str | None:
        """The account that the server knows us by; ``None`` without one."""
        return self._session.identity.account

    @property
    def role(self) -> str | None:
        """What the server calls our role, for people to read; ``None`` if it names none."""
        return self._session.identity.role

    @property
    def server(self) -> str:
        """The server's software and version, as it introduced itself."""
        return self._session.server

    @property
    def address(self) -> str:
        """The address that we are connected to, or were last, such as ``chat://b:7024``, for people to read.

        It changes where there are several. If a name stands for several machines, the machine's own follows.
        """
        return self._connection.address

    @property
    def durability(self) -> str | None:
        """What the server's acknowledgements say of how safe a message is; ``None`` if it has not said.

        ``synced``, ``written``, ``memory`` or ``replicated``, as in an `Ack`; ``unknown`` is another word.
        """
        return self._session.durability

    @property
    def can_search(self) -> bool | None:
        """Whether the server can answer `search`; ``None`` if it has not said."""
        return self._session.can_search

    @property
    def limits(self) -> ClientLimits:
        """The limits that the server sets us; ``None`` in one of them means no limit, or an unknown one."""
        return self._session.limits

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms that we are in, in lower case; also while there is no connection."""
        return self._session.rooms

    @property
    def secret(self) -> str:
        """What ``connect(session=...)`` takes to come back under this nick. Anyone who has it can do that.

        It is in no ``repr`` and in no log.
        """
        return self._session.identity.secret or ""

    @property
    def closed(self) -> bool:
        """Whether it is over: after `close`, or once the connection has ended for good."""
        return self._session.closed

    @property
    def unanswered(self) -> int:
        """How many requests and posts have no answer yet."""
        return self._session.unanswered

    def position(self, room: str | None = None) -> Position:
        """Return how far you have taken the events of a room: the position from which `join` resumes.

        It is up to date when the last event that you took is dealt with, so store it then, as
        ``str(position)``; `Position.parse` reads it back. Events that still wait are after it. Raises
        `UsageError` if we are not in the room.
        """
        return self._session.position(room or self._room)

    def is_mine(self, message: Message) -> bool:
        """Tell whether a message is our own, so that a bot can skip it.

        It is if this `Chat` has posted it, under whatever nick, or if it has the nick that is ours now. Of
        what this `Chat` has posted it remembers the last 4,096. With an `account`, what your other devices
        say is your own too: it has the account's name, or a nick that was ours before.
        """
        return self._session.is_mine(message)

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was stored before we entered its room, the last time that we did.

        Reconnecting is entering again: what was missed meanwhile is replay too.
        """
        return self._session.is_replay(message)

    async def join(self, room: str, *, after: Position | None = None, history: int | None = None) -> Joined:
        """Enter a room: after a position, or with its last ``history`` messages, or from now on.

        Its `Joined` is returned, and is an event too, before the room's messages. What followed ``after`` and
        is no longer available is a `Gap`. With both, you get the last ``history`` of the messages that follow
        ``after``; what is left out is a `Gap` with the reason ``skipped``. Raises `RefusedError`, with
        ``limit_exceeded`` if you or the room have too many, with ``bad_state`` if you are in it already, and
        with ``forbidden`` if you may not enter, or are put out before you have.
        """
        return await self._connection.ask(lambda: self._session.join(room, after=after, history=history))

    async def leave(self, room: str) -> Left:
        """Leave a room. Its messages that already wait still come, then its `Left`.

        If the server puts you out of a room, that is a `Left` with a ``reason``, and you are not taken back
        there when you reconnect. Raises `RefusedError` with ``not_joined`` if you are not in it.
        """
        return await self._connection.ask(lambda: self._session.leave(room))

    async def post(
        self,
        text: str,
        *,
        room: str | None = None,
        id: str | None = None,
        kind: str | None = None,
        target: int | None = None,
    ) -> Ack:
        """Post a message; returns once the server has stored it, as safely as ``Ack.durability`` says.

        ``id`` is its key, a new one unless you give it: posted again under the same id, by anyone, it is
        stored once. ``kind`` says what it is, if it is not just said: ``"action"``, for what somebody does,
        ``"notice"``, for what no program may answer, or one of your own that begins with ``x.`` and that
        others show as a text. Only your own may have a ``target``, the ``seq`` of an earlier message.

        A post waits for a lost connection, and is sent again on the next one. Raises `RefusedError` if the
        server does not want it, for instance with ``too_long`` or ``not_joined``, and `DisconnectedError` if
        it was first sent so long ago that the server may have forgotten its id. Your own messages come as
        events too.
        """
        return await self.post_nowait(text, room=room, id=id, kind=kind, target=target)

    def post_nowait(
        self,
        text: str,
        *,
        room: str | None = None,
        id: str | None = None,
        kind: str | None = None,
        target: int | None = None,
    ) -> "asyncio.Future[Ack]":
        """Post a message as `post` does, without waiting; the future has the `Ack`, or what `post` raises.

        Posts to one room are stored in the order of these calls. The future need not be looked at.
        """
        return self._connection.ask(
            lambda: self._session.post(room or self._room, text, id=id, kind=kind, target=target)
        )

    def ask_nowait(self, frame: ClientFrame) -> "asyncio.Future[Any]":
        """Send a frame of the protocol; the future has the frame that answers it, or raises `RefusedError`.

        Raises `UsageError` for `Hello`, `Ping` and `Pong`, which the client sends by itself.
        """
        return self._connection.ask(lambda: self._session.ask(frame))

    async def flush(self) -> None:
        """Wait until no post is without an answer, those included that others make meanwhile.

        It raises nothing for a post that was refused: that is for its own future to say. It raises what
        ended the connection, if that comes first.
        """
        await self._connection.flush()

    async def history(
        self,
        room: str | None = None,
        *,
        before: int | None = None,
        after: int | None = None,
        before_at: datetime | None = None,
        after_at: datetime | None = None,
        limit: int | None = None,
    ) -> Page:
        """Return a page of a room's log, oldest message first; by default its newest messages.

        ``before`` and ``after`` are exclusive and a ``seq`` of the room. ``before_at`` and ``after_at`` are
        times with a time zone, of which whole milliseconds count: messages of ``after_at`` are included,
        those of ``before_at`` are not. Give one bound on each side at most. With a lower one the page starts
        there; otherwise it ends at the upper one, or at the newest message. ``limit`` is in messages, and the
        server may give fewer.

        ``Page.more`` says whether to ask on: with ``before=page.base + 1``, or, if you gave a lower bound,
        ``after`` the end of the page. What can no longer be read is in ``Page.gaps``. Raises `RefusedError`,
        with ``not_joined`` if you are not in the room, and with ``unavailable`` if its log cannot be read
        now.
        """
        return await self._connection.ask(
            lambda: self._session.history(
                room or self._room,
                before=before,
                after=after,
                before_at=before_at,
                after_at=after_at,
                limit=limit,
            )
        )

    async def list_rooms(
        self, *, after: str | None = None, prefix: str | None = None, limit: int | None = None
    ) -> RoomList:
        """Return a page of the server's rooms, in the order of their names, whether you are in them or not.

        ``after`` is a room's name and exclusive; with ``prefix`` only names that begin so are listed.
        ``RoomList.more`` says whether to ask on, ``after`` the last of them; ``limit`` is in rooms, and the
        server may give fewer. Each is a `RoomEntry`: its ``room``, the ``count`` of its members, and number
        (``head``) and time (``at``) of its last message.
        """
        return await self._connection.ask(
            lambda: self._session.list_rooms(after=after, prefix=prefix, limit=limit)
        )

    async def search(
        self,
        query: str | None = None,
        *,
        nick: str | None = None,
        room: str | None = None,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Found:
        """Return messages that have all words of ``query``, are of ``nick``, or both: newest first.

        They are of one ``room``, or of all that you are in. A word with ``*`` after it stands for all that
        begin so, and ``"two words"`` follow each other; case and accents do not matter. ``after`` and
        ``before`` are numbers of the room, and exclusive; ``after_at`` and ``before_at`` are times, as in
        `history`. At most ``limit`` messages come, 50 if it is missing and 100 at most. If the answer has
        a ``cursor``, there may be more: call again with that, also if no message came.

        Raises `RefusedError` with ``unavailable`` where the server cannot search: for good, unless that has a
        ``retry_after``.
        """
        return await self._connection.ask(
            lambda: self._session.search(
                query,
                nick=nick,
                room=room,
                after=after,
                before=before,
                after_at=after_at,
                before_at=before_at,
                limit=limit,
                cursor=cursor,
            )
        )

    async def who(self, room: str | None = None) -> tuple[str, ...]:
        """Return the nicks of all members of a room, sorted without regard to case.

        Raises `RefusedError` with ``not_joined`` if you are not in it.
        """
        return (await self._connection.ask(lambda: self._session.who(room or self._room))).nicks

    async def set_nick(self, nick: str) -> NickFrame:
        """Take another nick, and return it as the server spells it.

        Raises `RefusedError`, with ``nick_taken`` if another has it, and with ``bad_name`` if nobody may.
        """
        return await self._connection.ask(lambda: self._session.set_nick(nick))

    async def ping(self) -> float:
        """Ask the server for a sign of life; return how many seconds its answer took.

        If the server gives none within 20 seconds, the connection is given up, and made again. That is sooner
        than a connection that nobody asks about is: see ``idle_seconds`` in `limits`.
        """
        started = self._session.clock()
        await self._connection.ask(self._session.ping)
        return self._session.clock() - started

    async def moderate(
        self,
        act: Act,
        *,
        room: str | None = None,
        nick: str | None = None,
        seconds: float | None = None,
        reason: str | None = None,
    ) -> Moderated:
        """Act on a room or on somebody; returns once that is stored and in force.

        ``"close"`` makes a room private, for those who are in it, and ``"open"`` public again; ``"admit"``
        lets somebody enter a private room, and ``"kick"`` puts them out of a room. ``"mute"`` and ``"ban"``
        last for ``seconds``, or until ``"lift"``; without a ``room`` they mean all of the server. There is
        no default for it here. ``nick`` stands for its account, with all devices and nicks. ``reason`` is
        in ASCII, and is written down.

        Raises `RefusedError`, with ``forbidden`` if your role does not let you, with ``bad_name`` if there is
        no such account, and with ``unavailable`` if it may or may not have been done.
        """
        return await self._connection.ask(
            lambda: self._session.moderate(act, room=room, nick=nick, seconds=seconds, reason=reason)
        )

    async def invite_device(self) -> Invited:
        """Ask for an invite for one more device of your own account.

        ``Invited.invite`` is a secret: give it to ``connect(invite=...)`` on that device, with a new key,
        within so many ``seconds``. ``Invited.links`` have it in the form that people open. All your other
        devices learn of it by an `Invited` event that has neither. Raises `RefusedError`, with ``forbidden``
        if you have no account.
        """
        return await self._connection.ask(self._session.invite_device)

    async def forget_device(self) -> None:
        """Have the server revoke the key that this device has proved its account with.

        Returns once that is stored. All sessions of that key end, this one with `DisconnectedError`, and the
        key is never valid again: remove it where you store it. Your other devices stay. Raises
        `RefusedError`, with ``forbidden`` if you have no account, or if nobody else could manage the server:
        it is the only key of all its owners. With ``unavailable`` it may or may not have been done.
        """
        await self._connection.ask(self._session.forget_device)

    async def receive(self, timeout: float | None = None) -> Event:
        """Return the next event; raises `TimeoutError` if none comes within so many seconds.

        Nothing is lost by a timeout, or by a cancellation: the next call returns what this one would
        have. Once the connection has ended, the events from before can still be taken; then it raises
        what ended it, which is `ClosedError` after `close`. Raises `MisuseError` while another consumer
        waits.
        """
        return await self._connection.receive(timeout)

    def events(self) -> AsyncIterator[Event]:
        """Iterate over all events, by `receive`.

        It ends after `close`, and raises the `ChatError` that ended the connection otherwise. A step that was
        cancelled may be followed by another, which misses nothing.
        """
        return _Events(self)

    def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages of all rooms, by `receive`; all other events are dropped.

        A `Gap` is logged as a warning, unless you have asked for less (``skipped``). So is an `Error`, for
        instance when a room does not let us back in after a reconnect. It ends as `events` does.
        """
        return _Messages(self)

    async def close(self) -> None:
        """Say goodbye and end the connection. Idempotent.

        What you have posted is sent first, and its answers are waited for, up to five seconds; `flush` waits
        for as long as it takes. What has no answer by then fails with `ClosedError`. After that, it takes a
        second at most; with threads up to ten, if it has to wait for an attempt to reconnect. At the end of a
        ``with`` that was interrupted or cancelled, posts are not waited for. In a forked process it does
        nothing: the connection is the parent's.
        """
        await self._connection.close()


class _Events(AsyncIterator[Event]):
    """All events of a chat. No generator: those end for good when a step is cancelled."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def __anext__(self) -> Event:
        try:
            return await self._chat.receive()
        except ClosedError:
            raise StopAsyncIteration from None


class _Messages(AsyncIterator[Message]):
    """The messages among the events of a chat."""

    def __init__(self, chat: Chat) -> None:
        self._events = _Events(chat)

    async def __anext__(self) -> Message:
        while True:
            event = await anext(self._events)
            if isinstance(event, Message):
                return event
            if isinstance(event, Gap) and event.reason != "skipped":
                log.warning("messages of %s are missing: %s", event.room, event)
            elif isinstance(event, Error):
                log.warning("%s", refusal_in_words(event))
