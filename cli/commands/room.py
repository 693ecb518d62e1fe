"""``chat room``: what an operator does with a room, without a server.

The journal is opened as a server opens it, so it cannot be one that a server has open.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, TypeVar

import typer

from chatcore import HistoryLimits, JournalError, SqliteJournal, UsageError
from chatcore.journal import Place, RoomPage, Stored, Unavailable
from cli.names import folded_room
from cli.streams import write_text

__all__ = ["remove"]

T = TypeVar("T")

KEEP_ALL = HistoryLimits(history_messages=None, history_bytes=None, history_seconds=None)
"""Limits under which nothing is removed but what the user names: a server may have larger ones than usual."""


class _Nobody:
    """A feed that nobody reads."""

    tail_bytes = 0

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Do nothing."""

    def committed(self, messages: Sequence[Stored]) -> None:
        """Do nothing."""


class _Answer(Generic[T]):
    """What a journal answers, from a thread of its own."""

    def __init__(self) -> None:
        self._answers = SimpleQueue[T | Unavailable]()

    def take(self, answer: T | Unavailable) -> None:
        """Take the answer."""
        self._answers.put(answer)

    def wait(self) -> T:
        """Wait for the answer; raises `JournalError` if the journal cannot be used."""
        answer = self._answers.get()
        if isinstance(answer, Unavailable):
            raise JournalError("the journal cannot be read or written now; the room may still have messages")
        return answer


def remove(path: Path, room: str, *, yes: bool) -> int:
    """Remove a room from a journal, unless the user says no; return the exit code.

    Raises `UsageError` for an invalid name, if there is no such journal or room, or nobody to ask, and
    `JournalError` if a server has the journal open, or it cannot be read or written.
    """
    name = folded_room(room)
    if not path.is_file():
        raise UsageError(f"there is no journal {path}")
    # The next server makes the index again, without the words of this room.
    with closing(SqliteJournal(path, KEEP_ALL, search=False)) as journal:
        journal.start(_Nobody())
        messages = _messages(journal, name)
        if messages is None:
            raise UsageError(f"the journal {path} has no room {name}")
        if not yes and not _confirm(name, messages):
            return 1
        removed = _Answer[bool]()
        journal.remove_room(name, removed.take)
        removed.wait()
    write_text(f"removed {name}: {messages}\n")
    return 0


def _messages(journal: SqliteJournal, name: str) -> str | None:
    """Say how many messages a room holds; ``None`` if there is no such room."""
    page, place = _Answer[RoomPage](), _Answer[Place]()
    journal.rooms(page.take, after=None, prefix=name, limit=1)
    found = [record.head for record in page.wait().rooms if record.room == name]
    if not found:
        return None
    journal.seek(name, 0, found[0] + 1, place.take)
    count = place.wait().skipped
    return "very many messages" if count is None else f"{count:,} message{'' if count == 1 else 's'}"


def _confirm(name: str, messages: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"this would remove {name} with {messages}; add --yes to do it")
    return typer.confirm(f"remove {name} with {messages}, for good?", err=True)
