"""Checks the file of a SQLite journal from outside: is it intact, and is what it says consistent?"""

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.journal.sqlite.epoch import EpochGuard, witness_path
from chatcore.journal.sqlite.index_check import check_index
from chatcore.journal.sqlite.index_file import index_path
from chatcore.journal.sqlite.rooms import RoomRow
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.private import worries

__all__ = ["JournalReport", "check_file", "check_journal", "renew_epoch"]

_ALL = -1


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a journal holds, and what is wrong with it, in words.

    ``ahead`` names the rooms whose last message shows a time that has not come yet: the clock was wrong when
    it was stored. Later messages of the room show that time too, until it comes. ``exposed`` says what other
    users can read or replace, because of the modes of its files and directory, and how to prevent it.
    ``index`` says what there is of its search index, and what to do about that, if anything.
    """

    epoch: str
    rooms: int
    messages: int
    problems: list[str]
    ahead: list[str]
    exposed: list[str]
    index: tuple[str, str]


def check_journal(path: Path) -> JournalReport:
    """Read a whole journal; a server may have it open meanwhile.

    Raises `JournalError` where that is not a journal, or cannot be read.
    """
    try:
        file = SqliteFile(path, read_only=True)
        try:
            file.check_kind()
            with file.snapshot():
                return check_file(file, path.resolve())
        finally:
            file.close()
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} cannot be read: {error}") from error


def renew_epoch(path: Path) -> str:
    """Give a journal a new epoch, as after a backup was restored; return it.

    Raises `JournalError` if there is no journal, or a server has it open, or it cannot be written.
    """
    if not path.is_file():
        raise JournalError(f"there is no journal {path}")
    try:
        guard = EpochGuard(path.resolve(), "FULL")
        try:
            _renew(path.resolve(), guard)
        finally:
            guard.release()
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"the journal {path} cannot be written: {error}") from error
    return guard.epoch


def _renew(path: Path, guard: EpochGuard) -> None:
    file = SqliteFile(path)
    with file.closed_on_error():
        guard.begin(file, anew=True)
        guard.end(file)
    file.close()


def check_file(file: SqliteFile, path: Path) -> JournalReport:
    """Read a whole journal that is open, in a snapshot; raises `sqlite3.Error` where it cannot be read."""
    problems = _damage(file)
    rooms = list(file.all_rooms())
    messages = sum(_check_room(file, name, room, problems) for name, room in rooms)
    listed = sum(not room.removed for _, room in rooms)
    now = time.time()
    ahead = [
        f"{name}: the last message is of {datetime.fromtimestamp(room.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for name, room in rooms
        if room.at is not None and room.at > now
    ]
    exposed = list(worries(path.parent, (path, witness_path(path), index_path(path))))
    epoch = str(file.meta().get("epoch", ""))
    return JournalReport(epoch, listed, messages, problems, ahead, exposed, index=check_index(path, epoch))


def _check_room(file: SqliteFile, name: str, room: RoomRow, problems: list[str]) -> int:
    """Add what is wrong with a room to the problems; return how many messages it holds."""
    number, head = room.number, room.head
    last: int | None = None
    damaged = False  # the message before, whose number may be another
    count = 0
    for row in file.read(number, 0, head + 1, _ALL):
        count += 1
        if not row.intact:
            problems.append(f"{name}: message {row.seq} is damaged")
        elif last is not None and row.prev != last and not damaged:
            problems.append(f"{name}: message {row.seq} follows {row.prev}, not {last}")
        last, damaged = row.seq, not row.intact
    if last is not None and last != head:
        problems.append(f"{name}: the last message is {last}, but numbers up to {head} were given out")
    return count


def _damage(file: SqliteConnection) -> list[str]:
    return [str(text) for (text,) in file.db.execute("PRAGMA quick_check(10)") if text != "ok"]
