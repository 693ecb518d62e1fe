"""``chat tail``: the messages of a room, and new ones as they arrive.

However it ends, it prints the position up to which it has read, so that a later run can resume there. A
message counts as read once all of it was written to standard output.
"""

import contextlib
import json as encoder
from collections.abc import Sequence

from chatcore import (
    Error,
    Event,
    Gap,
    Join,
    Joined,
    Left,
    Message,
    Offline,
    Online,
    Position,
    RefusedError,
    RemoteError,
    UsageError,
    __version__,
    encode,
)
from cli.access.login import Login
from cli.commands.client import with_nick
from cli.gap import describe_gap
from cli.lines import lines_of
from cli.names import folded_room
from cli.report import INCOMPLETE, complain, reaching
from cli.stdout import Output, StoppedError
from cli.streams import ReaderGoneError, encode_json, encode_text, write_text
from cli.where import Where
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

HISTORY = 10
"""Messages that are printed by default."""

SILENCE = 30.0
"""Seconds that a server may take for the room, and for each message that it has, unless we follow."""


def run(
    url: str,
    nick: str | None,
    rooms: Sequence[str],
    since: str | None,
    history: int | None,
    *,
    login: Login,
    follow: bool,
    json: bool,
) -> int:
    """Print the last messages of a room, or those after a position; return the exit code.

    With both, it prints the last ``history`` of the messages after the position. With ``follow`` it continues
    with new messages, also across lost connections, until it is stopped. Raises `UsageError` for an invalid
    position, and unless there is one room, `RefusedError` if the server refuses it, or puts us out of it, and
    `RemoteError` if the server does not give what it has.
    """
    room = _one_of(rooms)
    after = None if since is None else _position(since)
    if after is None and history is None:
        history = HISTORY
    tail = _Tail(room, after, login, follow=follow, json=json)
    with reaching(url):
        return with_nick(nick, lambda name: tail.run(url, name, history), "-tail", login=login)


def _one_of(rooms: Sequence[str]) -> str:
    """Return the room, as journals have it."""
    if not rooms:
        raise UsageError("which room? Name it, as in `chat tail ops`, or set `room` in chat.toml")
    if len(rooms) > 1:
        raise UsageError(f"`chat tail` reads one room, not {len(rooms)}; name one of {', '.join(rooms)}")
    return folded_room(rooms[0])


def _position(since: str) -> Position:
    try:
        return Position.parse(since)
    except UsageError:
        raise UsageError(f"--since must be EPOCH:SEQ, as `chat tail` prints last, not {since!r}") from None


class _Tail:
    """A reader of one room. ``position`` is that of the last message that was written."""

    def __init__(self, room: str, after: Position | None, login: Login, *, follow: bool, json: bool) -> None:
        self.room = room
        self.position = after
        self._after = after
        self._login = login
        self._follow = follow
        self._json = json
        self._head: int | None = None  # where to stop, unless we follow
        self._resetting = False  # a gap is to come which says that the journal is a new one
        self._incomplete = False
        self._online = True

    def run(self, url: str, nick: str, history: int | None) -> int:
        """Read until the end; return the exit code."""
        client = f"chat {__version__}"
        with (
            connect(
                url, nick=nick, rooms=(), client=client, reconnect=self._follow, **self._login.options
            ) as chat,
            Output() as output,
        ):
            code = 0
            self._where = Where(chat.address)
            try:
                self._read(chat, output, history)
            except StoppedError as stopped:
                code = stopped.exit_code
            except ReaderGoneError:
                pass
            finally:
                self._print_position(output)
        return code or (INCOMPLETE if self._incomplete else 0)

    def _read(self, chat: Chat, output: Output, history: int | None) -> None:
        with output.stoppable():
            self._ask_for(chat, history)
        while self._follow or not self._at_end():
            with output.stoppable():
                event = self._next(chat)
            self._handle(chat, event, output)

    def _ask_for(self, chat: Chat, history: int | None) -> None:
        """Enter the room."""
        try:
            join = Join(room=self.room, after=self._after, history=history)
        except ValueError:
            raise UsageError(f"--history is too large: {history}") from None
        try:
            chat.ask_nowait(join).result(None if self._follow else SILENCE)
        except TimeoutError:
            raise self._mute("did not let us in") from None

    def _next(self, chat: Chat) -> Event:
        try:
            return chat.receive(None if self._follow else SILENCE)
        except TimeoutError:
            raise self._mute("did not send all that it has") from None

    def _mute(self, what: str) -> RemoteError:
        return RemoteError(f"the server {what} within {SILENCE:g} s; try again later")

    def _at_end(self) -> bool:
        return (
            self._head is not None
            and self.position is not None
            and self.position.seq >= self._head
            and not self._resetting
        )

    def _handle(self, chat: Chat, event: Event, output: Output) -> None:
        match event:
            case Joined() if event.room == self.room:
                self._write(output, event)
                self._enter(event)
            case Message() | Gap() if event.room == self.room and self.position is not None:
                self._write(output, event)
                seq = event.seq if isinstance(event, Message) else event.through
                self.position = Position(epoch=self.position.epoch, seq=seq)
            case Error() if event.room == self.room and event.retry_after is None:
                raise RefusedError(event.code, event.message, room=event.room)
            case Left() if event.room == self.room:
                raise RefusedError("forbidden", f"you were put out of {event.room}", room=event.room)
            case Online():
                self._online = True
                complain(self._where.words(chat.address))
            case Offline() if self._online:  # later ones are attempts that failed
                self._online = False
                complain(f"the connection ended ({event.reason}); reconnecting")
            case _:
                pass

    def _enter(self, joined: Joined) -> None:
        if self._head is None and joined.head == 0:
            complain(f"nothing was ever said in {joined.room}; `chat rooms` lists the rooms")
        self._head = joined.head
        at = self.position
        self._resetting = at is not None and (joined.epoch, joined.after) != (at.epoch, at.seq)
        self.position = Position(epoch=joined.epoch, seq=joined.after)

    def _write(self, output: Output, event: Joined | Message | Gap) -> None:
        if isinstance(event, Gap):
            self._incomplete |= event.reason != "skipped"  # those are stored, and we have asked for less
            self._resetting = False
            complain(f"{event.room}: {describe_gap(event)}")
        if self._json:
            output.write(encode_json(encode(event)))
        elif isinstance(event, Message):
            text = "".join(lines_of(event))
            output.write(encode_text(text))

    def _print_position(self, output: Output) -> None:
        if self.position is None:
            return
        if self._json:
            line = {"type": "position", "room": self.room, "since": str(self.position)}
            output.write_last(f"{encoder.dumps(line, separators=(',', ':'))}\n".encode())
        with contextlib.suppress(OSError):
            write_text(f"position {self.position}\n", error=True, wrap=False)
