"""Backs a journal up beside the server that uses it, and restores it where none does.

- A backup has every message that was acknowledged before it began, and for each room all before the last that
  it has: it is of one moment. The search index is no part of it.
- What is restored gets a new epoch before it is in place. So clients that resume start again, whatever they
  have seen after the backup was made.
- It is restored under the lock of a server, and keeps its form: a server brings it up to date.
"""

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.sqlite.check import check_journal
from chatcore.journal.sqlite.connection import note_meta
from chatcore.journal.sqlite.epoch import EpochGuard, witness_path
from chatcore.journal.sqlite.index_file import index_path, remove_index
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.private import make_directories
from chatcore.sqlite.copying import (
    Progress,
    copy_database,
    explained,
    holds,
    real_path,
    refuse_damage,
    refuse_no_backup,
    remove_empty_log,
    unseen,
)
from chatcore.sqlite.partial import PartialFile
from chatcore.sqlite.replacing import give_to_owner, replace_database

__all__ = ["JournalCopy", "back_up_journal", "restore_journal"]

_KIND = SqliteFile.KIND


@dataclass(frozen=True, slots=True)
class JournalCopy:
    """A copy of a journal that was made, checked and put in place.

    ``problems`` are messages that are damaged, in the original too. ``kept`` is where the journal is that was
    replaced by a restored one, if there was one, and ``epoch`` the one of the copy.
    """

    path: Path
    rooms: int
    messages: int
    bytes: int
    epoch: str
    problems: list[str]
    kept: Path | None = None


def back_up_journal(path: Path, target: Path, progress: Progress = unseen) -> JournalCopy:
    """Copy a journal, beside a server that may have it open, to a file that appears once it is complete.

    It replaces an older backup, and no other file. ``progress`` is called with how many pages are copied, and
    how many there are. Raises `JournalError` if there is no journal, or it is damaged as a whole, or the copy
    cannot be written, and leaves what is at ``target`` unchanged.
    """
    if not path.is_file():
        raise JournalError(f"there is no journal {path}")
    with explained(_KIND, f"cannot back up the journal {path} to {target}"):
        target = real_path(target)
        refuse_no_backup(_KIND, target, path, ("-life", "-search"))
        with PartialFile(target, _KIND) as partial:
            copy = _copy(path, partial, progress)
            remove_empty_log(target)
            partial.put()
    return replace(copy, path=target)


def restore_journal(backup: Path, path: Path, progress: Progress = unseen) -> JournalCopy:
    """Put a copy of a backup in the place of a journal that no server has open, under a new epoch.

    The journal that was there stays beside it, see `JournalCopy.kept`. Raises `JournalError` if the backup is
    not one, or is damaged as a whole, or a server or another program has the journal open, or it cannot be
    written, and leaves the journal unchanged.
    """
    if not backup.is_file():
        raise JournalError(f"there is no backup {backup}")
    with explained(_KIND, f"cannot restore the journal {path} from {backup}"):
        make_directories(path.parent)
        path = real_path(path)
        if path.exists() and backup.samefile(path):
            raise JournalError(f"{backup} is the journal itself; name a backup of it")
        with _held(path), PartialFile(path, _KIND) as partial:
            give_to_owner(_KIND, path, partial)
            copy = _copy(backup, partial, progress, renew=True)
            kept = replace_database(_KIND, path, partial)
            with contextlib.suppress(OSError):  # the next server makes it again anyway: its epoch is another
                remove_index(index_path(path))
    return replace(copy, path=path, kept=kept)


def _copy(source: Path, partial: PartialFile, progress: Progress, *, renew: bool = False) -> JournalCopy:
    """Fill a partial file with a copy of a journal, and check it."""
    with closing(SqliteFile(source, read_only=True)) as file:
        if not file.check_kind():
            raise JournalError(f"the journal {source} is empty")
        copy_database(file, partial, progress)
    refuse_damage(_KIND, source, partial.path)
    if renew:
        _renew(partial.path)
    report = check_journal(partial.path)
    size = partial.path.stat().st_size
    return JournalCopy(partial.path, report.rooms, report.messages, size, report.epoch, report.problems)


def _renew(path: Path) -> None:
    """Give a copy a new epoch, and let the next server begin to count how often that is opened."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        note_meta(db, epoch=secrets.token_hex(8), turn=0, clean=1, synchronous="FULL")
        db.execute("DELETE FROM meta WHERE key = 'path'")
        db.execute("COMMIT")


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep servers away from a journal, which may be missing or damaged; raises `JournalError`."""
    was_used = witness_path(path).exists()
    guard = EpochGuard(path, "FULL")
    try:
        if path.stat().st_size and not was_used and not holds(path, _KIND):
            raise JournalError(f"{path} is not a journal; move it away, or choose another with --journal")
        yield
    finally:
        guard.release()
