"""A copy of a database, made beside the programs that use it.

- SQLite copies a few pages at a time, all of one moment: a read that lasts for as long as the copy. Nobody
  who writes waits for that. Their log grows meanwhile by what they write.
- The copy is one file, without a log: it can be moved, and read where nothing can be written.
- It is checked before it gets its name. What is found there before is replaced only if it is a file of the
  same kind that nobody uses.
"""

import errno
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from chatcore.sqlite.database import Database, FileKind
from chatcore.sqlite.identity import FileIdentity
from chatcore.sqlite.partial import PartialFile

if sys.platform != "win32":
    import fcntl

__all__ = [
    "Progress",
    "copy_database",
    "explained",
    "holds",
    "real_path",
    "refuse_damage",
    "refuse_no_backup",
    "remove_empty_log",
    "unseen",
]

Progress = Callable[[int, int], None]
"""Called with how many pages are copied, and how many there are; what it raises ends the copying."""


def unseen(copied: int, total: int) -> None:
    """Do nothing: the progress of a copy that nobody looks at."""


STEP = 256
"""Pages that are copied together: a megabyte."""

FLUSH = 16 * STEP
"""Pages after which the system is to write them, so that it never has to write very many together."""

_SHARED = (510, 0x4000_0002)
"""The bytes that SQLite locks in a file that it has open: how many, and where they begin."""


def copy_database(source: Database, copy: PartialFile, progress: Progress) -> None:
    """Copy a database as it is at this moment; raises `OSError` and `sqlite3.Error`."""
    with source.snapshot(), closing(sqlite3.connect(copy.path, isolation_level=None)) as target:
        needed = _bytes(source.db)
        free = shutil.disk_usage(copy.path.parent).free
        if free < needed:
            raise OSError(errno.ENOSPC, f"it takes {needed:,} bytes, and {free:,} are free")
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
            target.execute(f"PRAGMA {setting}").fetchone()
        target.execute(f"PRAGMA application_id = {source.KIND.application}")  # SQLite copies this page last
        source.db.backup(target, pages=STEP, progress=_Steps(copy, progress))
        target.execute("PRAGMA journal_mode = DELETE").fetchone()


class _Steps:
    """What is done after each step of a copy."""

    def __init__(self, copy: PartialFile, progress: Progress) -> None:
        self._copy = copy
        self._progress = progress
        self._flushed = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        copied = total - remaining
        if copied - self._flushed >= FLUSH:
            self._copy.flush()
            self._flushed = copied
        self._progress(copied, total)


def refuse_damage(kind: FileKind, source: Path, copy: Path) -> None:
    """Raise the kind's error if a copy is not intact."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as db:
        try:
            found = [str(text) for (text,) in db.execute("PRAGMA integrity_check(1)")]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
    if found != ["ok"]:
        raise kind.error(f"the {kind.noun} {source} is damaged, and so is its copy: {found[0]}")


def holds(path: Path, kind: FileKind) -> bool:
    """Tell whether a file begins as one of a kind does, whatever comes after that."""
    with path.open("rb") as file:
        return kind.begins(file.read(100))


def refuse_no_backup(kind: FileKind, target: Path, source: Path, used: Iterable[str]) -> None:
    """Raise the kind's error if a copy must not replace what is at ``target``, a path without links.

    ``used`` are the ends of names of files that are beside one that a server uses. Raises `OSError`.
    """
    if not target.parent.is_dir():
        raise kind.error(f"there is no directory {target.parent} for {target}; make it first")
    try:
        status = target.stat()
    except FileNotFoundError:
        _refuse_log(kind, target)
        return
    if FileIdentity.of(status) == FileIdentity.at(source):
        raise kind.error(f"{target} is the {kind.noun} itself; name another file for its backup")
    if not stat.S_ISREG(status.st_mode):
        raise kind.error(f"{target} is not a file; name another one for the backup")
    if any(_size(target, end) is not None for end in used) or _is_open(target):
        raise kind.error(f"{target} is in use by a server, or was; name another file for the backup")
    _refuse_log(kind, target)
    if status.st_size and not holds(target, kind):
        raise kind.error(f"{target} is not a backup of this kind; name another file, or remove it")


def _refuse_log(kind: FileKind, target: Path) -> None:
    """Raise the kind's error if there is a log, which SQLite would write into a backup of that name."""
    for end in ("-wal", "-journal"):
        if _size(target, end):
            raise kind.error(f"{target}{end} is the log of another file; name another file for the backup")


def remove_empty_log(target: Path) -> None:
    """Remove what a reader of an older copy has left beside it; see `refuse_no_backup`."""
    for end in ("-wal", "-shm"):
        target.with_name(f"{target.name}{end}").unlink(missing_ok=True)


@contextmanager
def explained(kind: FileKind, what: str) -> Iterator[None]:
    """Raise the kind's error where SQLite or the system raises one: what cannot be done, and what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise kind.error(f"{what}: {_cause(error)}") from error


def _cause(error: sqlite3.Error | OSError) -> str:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else None
    cause = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    if code == sqlite3.SQLITE_FULL or number == errno.ENOSPC:
        cause = f"the disk is full ({cause}); free some space, or choose another place"
    elif isinstance(error, BlockingIOError):
        cause = "another process is doing that; wait until it has finished"
    elif number == errno.EFBIG or code == sqlite3.SQLITE_IOERR:
        cause = f"{cause}; look at the limits of this disk and this user, or choose another place"
    return cause


def real_path(path: Path) -> Path:
    """Return a path without links; raises `OSError`."""
    try:
        return path.resolve()
    except RuntimeError as error:  # Python before 3.13 raises it for links that lead to each other
        raise OSError(errno.ELOOP, "its links lead to each other") from error


def _is_open(path: Path) -> bool:
    """Tell whether a program has a database open, by SQLite's lock for all who read or write it."""
    if sys.platform == "win32":
        return False
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *_SHARED)
        except BlockingIOError:
            return True
        fcntl.lockf(file, fcntl.LOCK_UN, *_SHARED)
    return False


def _size(path: Path, end: str) -> int | None:
    with suppress(FileNotFoundError):
        return path.with_name(f"{path.name}{end}").stat().st_size
    return None


def _bytes(db: sqlite3.Connection) -> int:
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)
