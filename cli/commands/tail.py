"""``chat tail``: what was said in a room, and what is said there from now on.

What was read up to is said at the end, whatever the end was, so that a later run goes on from there.
A message counts as read once all of it was written to standard output.
"""

import json as encoder
import sys
from collections.abc import Iterator

import typer

from chatcore import __version__
from chatcore.client.requests import checked
from chatcore.client.session import Event, Gap, Joined, Message, Offline, Online, Position
from chatcore.errors import RefusedError, UsageError
from chatcore.messages import Error, encode
from chatcore.names import fold
from cli.commands.client import as_somebody
from cli.report import INCOMPLETE, complain, reaching
from cli.sanitize import sanitize_lines
from cli.stdout import Output, StoppedError
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

HISTORY = 10
"""Messages that are printed unless somebody says from where on, or how many."""


def run(
    url: str, nick: str | None, room: str, since: str | None, history: int | None, *, follow: bool, json: bool
) -> int:
    """Print the last messages of a room, or those since a position; return the exit code.

    With ``follow`` it goes on with what is said then, over lost connections, until it is stopped.
    """
    if since is not None and history is not None:
        raise UsageError("--since and --history exclude each other: both say where to begin")
    after = None if since is None else _position(since)
    shown = HISTORY if history is None else history
    tail = _Tail(room, after, follow=follow, json=json)
    with reaching(url):
        return as_somebody(nick, lambda name: tail.run(url, name, shown), "-tail")


def _position(since: str) -> Position:
    epoch, colon, seq = since.strip().rpartition(":")
    if not colon or not (seq.isascii() and seq.isdigit()):
        raise UsageError(f"--since takes EPOCH:SEQ, as `chat tail` prints it at its end, and not {since!r}")
    return checked(Position, epoch=epoch, seq=int(seq))


class _Tail:
    """A reader of one room. ``position`` is behind the last message that was written."""

    def __init__(self, room: str, after: Position | None, *, follow: bool, json: bool) -> None:
        self.room = fold(room)
        self.position = after
        self._after = after
        self._follow = follow
        self._json = json
        self._head: int | None = None  # where to end, unless we follow
        self._resetting = False  # a gap will say that the record has begun anew
        self._incomplete = False
        self._online = True

    def run(self, url: str, nick: str, history: int) -> int:
        """Read until the end; return the exit code."""
        client = f"chat {__version__}"
        with (
            connect(url, nick=nick, rooms=(), client=client, reconnect=self._follow) as chat,
            Output() as output,
        ):
            code = 0
            try:
                self._read(chat, output, history)
            except StoppedError as stopped:
                code = stopped.exit_code
            except BrokenPipeError:
                pass
            finally:
                self._say_position(output)
        return code or (INCOMPLETE if self._incomplete else 0)

    def _read(self, chat: Chat, output: Output, history: int) -> None:
        with output.stoppable():
            chat.join(self.room, after=self._after, history=None if self._after else history)
        events = chat.events()
        while self._follow or not self._at_end():
            with output.stoppable():
                event = next(events)
            self._take(event, output)

    def _at_end(self) -> bool:
        return (
            self._head is not None
            and self.position is not None
            and self.position.seq >= self._head
            and not self._resetting
        )

    def _take(self, event: Event, output: Output) -> None:
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
            case Online():
                self._online = True
                complain("connected again")
            case Offline() if self._online:
                self._online = False
                complain(f"the connection ended ({event.reason}); trying to come back")
            case _:
                pass

    def _enter(self, joined: Joined) -> None:
        self._head = joined.head
        at = self.position
        self._resetting = at is not None and (joined.epoch, joined.after) != (at.epoch, at.seq)
        self.position = Position(epoch=joined.epoch, seq=joined.after)

    def _write(self, output: Output, event: Joined | Message | Gap) -> None:
        if isinstance(event, Gap):
            self._incomplete, self._resetting = True, False
            complain(_lost(event))
        if self._json:
            output.write(encode(event))
        elif isinstance(event, Message):
            output.write("".join(_lines(event)).encode(sys.stdout.encoding, "replace"))

    def _say_position(self, output: Output) -> None:
        if self.position is None:
            return
        since = f"{self.position.epoch}:{self.position.seq}"
        if self._json:
            line = {"type": "position", "room": self.room, "since": since}
            output.write_last(f"{encoder.dumps(line, separators=(',', ':'))}\n".encode())
        typer.echo(f"position {since}", err=True)


def _lines(message: Message) -> Iterator[str]:
    for line in sanitize_lines(message.text):
        yield f"{message.nick}: {line}\n"


def _lost(gap: Gap) -> str:
    if gap.reason == "reset":
        return f"the record of {gap.room} has begun anew: what was said since that position may be lost"
    return f"messages of {gap.room} behind {gap.after} up to {gap.through} are gone ({gap.reason})"
