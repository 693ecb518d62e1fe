"""Looks at the file of a SQLite journal from outside: is it whole, and is what it says consistent?"""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.journal.sqlite.epoch import EpochGuard
from chatcore.journal.sqlite.statements import SqliteFile, message_of

__all__ = ["JournalReport", "check_journal", "rename_life"]

_ALL = -1


@dataclass(slots=True)
class JournalReport:
    """What a journal holds, and what is wrong with it."""

    epoch: str = ""
    rooms: int = 0
    messages: int = 0
    problems: list[str] = field(default_factory=list)


def check_journal(path: Path) -> JournalReport:
    """Read a whole journal; a server may have it open meanwhile. Raises `JournalError` if it is none."""
    report = JournalReport()
    try:
        file = SqliteFile(path, read_only=True)
        try:
            file.check_kind()
            with file.snapshot():
                _check(file, report)
        finally:
            file.close()
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} cannot be read: {error}") from error
    return report


def rename_life(path: Path) -> str:
    """Give the record a new epoch, as after a backup was restored; return it.

    Raises `JournalError` if a server has the journal open.
    """
    life = EpochGuard(path, "FULL")
    try:
        file = SqliteFile(path)
        with file.closed_on_error():
            life.begin(file, anew=True)
            life.end(file)
        file.close()
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} cannot be written: {error}") from error
    finally:
        life.release()
    return life.epoch


def _check(file: SqliteFile, report: JournalReport) -> None:
    report.problems += _damage(file)
    report.epoch = str(file.meta().get("epoch", ""))
    for room, head in file.heads().items():
        report.rooms += 1
        number, _ = file.room(room) or (0, 0)
        last: int | None = None
        for row in file.read(number, 0, head + 1, _ALL):
            report.messages += 1
            if last is not None and row.prev != last:
                report.problems.append(f"{room}: message {row.seq} follows {row.prev}, not {last}")
            message = message_of(row.line)
            if (message.room, message.seq, message.prev, message.id) != (room, row.seq, row.prev, row.id):
                report.problems.append(f"{room}: message {row.seq} says of itself that it is another")
            last = row.seq
        if last is not None and last != head:
            report.problems.append(f"{room}: the last message is {last}, but {head} were given out")


def _damage(file: SqliteConnection) -> list[str]:
    return [str(text) for (text,) in file.db.execute("PRAGMA quick_check(10)") if text != "ok"]
