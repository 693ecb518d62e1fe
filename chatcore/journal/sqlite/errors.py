"""What is wrong with a journal's file, and what to do about it, in words for a server's operator."""

import errno
import logging
import sqlite3
from pathlib import Path

from chatcore.errors import JournalError

__all__ = ["explain", "log_failure"]

_ANOTHER = "or choose another file with --journal"

_PERMISSION_NUMBERS = (errno.EACCES, errno.EPERM, errno.EROFS)
_PERMISSION_CODES = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def explain(path: Path, error: sqlite3.Error | OSError) -> JournalError:
    """Return the error to raise where a journal cannot be opened."""
    return JournalError(f"the journal {path} {_words(path, error)}")


def log_failure(log: logging.Logger, what: str, error: Exception) -> None:
    """Log that something failed: in one line, unless the reason is not the file's, but a bug."""
    if isinstance(error, sqlite3.Error | OSError | JournalError):
        log.warning("%s: %s", what, error)
    else:
        log.error("%s", what, exc_info=error)


def _words(path: Path, error: sqlite3.Error | OSError) -> str:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else None
    cause = error.strerror if isinstance(error, OSError) else str(error)
    if code == sqlite3.SQLITE_NOTADB:
        return "is not a database; choose another file with --journal"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"is damaged ({cause}); put a backup in its place, {_ANOTHER}"
    if code == sqlite3.SQLITE_FULL or number == errno.ENOSPC:
        return f"cannot be written: the disk is full; free some space, {_ANOTHER}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"is in use by another program ({cause}); stop that program, {_ANOTHER}"
    if number in (errno.EEXIST, errno.ENOTDIR):
        return f"cannot be created: {path.parent} is not a directory; choose another file with --journal"
    if number == errno.ENOENT:  # at the end of a link, since other directories are made
        return f"cannot be created: the link leads to {path.resolve()}; create that directory, {_ANOTHER}"
    if code in _PERMISSION_CODES or number in _PERMISSION_NUMBERS:
        return f"cannot be written ({cause}); let this user write in {path.parent}, {_ANOTHER}"
    return f"cannot be used ({cause}); repair that, {_ANOTHER}"
