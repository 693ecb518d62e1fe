"""What is wrong with a file, and what to do about it, in words for a server's operator."""

import errno
import sqlite3
from pathlib import Path
from typing import ParamSpec

from chatcore.errors import LocalError
from chatcore.logs import LogEvent
from chatcore.sqlite.database import FileKind

__all__ = ["explain", "log_failure"]

P = ParamSpec("P")

_PERMISSION_NUMBERS = (errno.EACCES, errno.EPERM, errno.EROFS)
_PERMISSION_CODES = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def explain(kind: FileKind, path: Path, error: sqlite3.Error | OSError) -> LocalError:
    """Return the error to raise where a file cannot be opened."""
    return kind.error(f"the {kind.noun} {path} {_words(path, error, f'another file with {kind.option}')}")


def log_failure(event: LogEvent[P], cause: Exception, /, *args: P.args, **fields: P.kwargs) -> None:
    """Log that something failed: in one line, unless the reason is not the file's, but a bug."""
    if isinstance(cause, sqlite3.Error | OSError | LocalError):
        event.log(*args, **fields)
    else:
        event.log_bug(cause, *args, **fields)


def _words(path: Path, error: sqlite3.Error | OSError, another: str) -> str:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else None
    cause = error.strerror if isinstance(error, OSError) else str(error)
    if code == sqlite3.SQLITE_NOTADB:
        return f"is not a database; choose {another}"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"is damaged ({cause}); put a backup in its place, or choose {another}"
    if code == sqlite3.SQLITE_FULL or number == errno.ENOSPC:
        return f"cannot be written: the disk is full; free some space, or choose {another}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"is in use by another program ({cause}); stop that program, or choose {another}"
    if number in (errno.EEXIST, errno.ENOTDIR):
        return f"cannot be created: {path.parent} is not a directory; choose {another}"
    if number == errno.ENOENT:  # at the end of a link, since other directories are made
        link = f"the link leads to {path.resolve()}"
        return f"cannot be created: {link}; create that directory, or choose {another}"
    if code in _PERMISSION_CODES or number in _PERMISSION_NUMBERS:
        return f"cannot be written ({cause}); let this user write in {path.parent}, or choose {another}"
    return f"cannot be used ({cause}); repair that, or choose {another}"
