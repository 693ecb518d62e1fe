"""Puts a database in the place of another one, which stays beside it under another name.

A crash at any moment leaves the one or the other, whole. A log that SQLite has not moved into its file yet
belongs to whatever has the name of that file, so it must be gone before another file has the name:

1. The old file takes its log in, and no program has it open any more.
2. It gets its second name.
3. The new file takes its first one.

Where SQLite cannot read the old file, the log gets a second name too, and loses its first one between 2 and
3: a crash there leaves a file that nobody can read, as it was before.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from chatcore.sqlite.database import FileKind
from chatcore.sqlite.identity import FileIdentity
from chatcore.sqlite.partial import SQLITE_ENDS, PartialFile, sync_directory

__all__ = ["give_to_owner", "replace_database"]

_ASIDE = "-before-restore"
"""The end of the second name."""


def replace_database(kind: FileKind, path: Path, new: PartialFile) -> Path | None:
    """Put a new file in place; return the name of the old one, if there was one with anything in it.

    ``path`` is one without links. Raises the kind's error if another
    program has the old file open, `OSError` and `sqlite3.Error`.
    """
    if not path.exists() or not path.stat().st_size:
        for end in SQLITE_ENDS:  # of a file that was removed, or was never filled
            path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        new.put()
        return None
    with _alone(kind, path) as is_whole:
        kept = _second_name(path)
        for end in () if is_whole else SQLITE_ENDS:
            _link(path.with_name(f"{path.name}{end}"), kept.with_name(f"{kept.name}{end}"))
        _link(path, kept)
        sync_directory(path.parent)
        for end in () if is_whole else SQLITE_ENDS:
            path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        new.put()
    return kept


def give_to_owner(kind: FileKind, path: Path, new: PartialFile) -> None:
    """Give a new file to the owner of what is at ``path``, or else of the directory.

    Raises the kind's error if only that user can do this.
    """
    if os.name != "posix":
        return
    is_there = path.exists() and path.stat().st_size > 0
    status = (path if is_there else path.parent).stat()
    if os.geteuid() == 0:
        new.give_to(status.st_uid, status.st_gid)
    elif is_there and status.st_uid != os.geteuid():
        raise kind.error(f"{path} belongs to another user, who has to run this, or root")


@contextlib.contextmanager
def _alone(kind: FileKind, path: Path) -> Iterator[bool]:
    """Keep other programs out of a file that has taken its log in; tell whether SQLite could do that."""
    with contextlib.closing(_open(path)) as db:
        try:
            db.execute("PRAGMA journal_mode = DELETE").fetchone()
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise kind.error(
                    f"the {kind.noun} {path} is in use by another program; stop that first"
                ) from error
            if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            yield False
        else:
            yield True


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=1.0)


def _second_name(path: Path) -> Path:
    """Return a name that is free, or is one of this file already, since a process was killed."""
    for number in count(1):
        name = path.with_name(f"{path.name}{_ASIDE}{'' if number == 1 else f'-{number}'}")
        if not os.path.lexists(name) or FileIdentity.at(name) == FileIdentity.at(path):
            return name
    raise AssertionError


def _link(path: Path, name: Path) -> None:
    """Give a file that may be missing a second name."""
    if not path.exists() or name.exists():
        return
    try:
        os.link(path, name)
    except OSError:  # this file system has no second names
        shutil.copy2(path, name)
