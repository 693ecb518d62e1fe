"""The lock on a journal's file: one server for one file, whatever name it is opened by.

- The lock is `flock`, on the file itself. So hard links, other mounts and links all lead to the same lock,
  and the system drops it with the process, however that ends.
- SQLite's own locks are of another kind (POSIX). The system drops all that a process holds on a file when the
  process closes any descriptor of that file. So nobody here opens the file except SQLite and `FileLock`. That
  opens no file which this process has locked already, and it closes its descriptor once SQLite has closed.
- A file that the lock has made, and nobody has filled, goes with the lock: nothing was begun there.
- A process that is forked closes its copies of the descriptors. Otherwise it would hold the lock for longer
  than the server does.
- Where there is no such lock, a warning says so, and only the witness (see `epoch`) keeps others out.
"""

import contextlib
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Final

from chatcore.errors import LocalError
from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.journal.sqlite.log_events import journal_unlocked
from chatcore.sqlite.database import FileKind
from chatcore.sqlite.identity import FileIdentity

if sys.platform != "win32":
    import fcntl

__all__ = ["FileLock", "in_use"]

_JOURNAL: Final = SqliteConnection.KIND

_UNUSED = 0x4000_0400
"""A byte that SQLite neither locks nor stores anything at."""

_LOCKS = Path("/proc/locks")
"""Where Linux lists all locks, and who holds them."""


class _Descriptors:
    """The files that this process has locked, each with the descriptors to be closed with its lock."""

    def __init__(self) -> None:
        self.changing = threading.Lock()  # guards the rest
        self._open: dict[FileIdentity, list[int]] = {}

    def __contains__(self, file: FileIdentity | None) -> bool:
        return file in self._open

    def add(self, file: FileIdentity, descriptor: int) -> None:
        """Note a descriptor, which is closed with the others of its file."""
        self._open.setdefault(file, []).append(descriptor)

    def close(self, file: FileIdentity) -> None:
        """Close the descriptors of a file, which ends its lock."""
        for descriptor in self._open.pop(file, []):
            os.close(descriptor)

    def close_all(self) -> None:
        """Close all of them."""
        for file in list(self._open):
            self.close(file)


_descriptors = _Descriptors()


def _leave_to_parent() -> None:
    _descriptors.close_all()
    _descriptors.changing.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_descriptors.changing.acquire,
        after_in_parent=_descriptors.changing.release,
        after_in_child=_leave_to_parent,
    )


class FileLock:
    """Holds the file at a path, which is created for its owner alone if it is missing.

    ``path`` is one without links. Raises the error of its kind if another server holds the file, or if it is
    no file, and `OSError` if it cannot be opened.
    """

    def __init__(self, path: Path, kind: FileKind = _JOURNAL) -> None:
        self._path = path
        self._kind = kind
        self._file: FileIdentity | None = None
        self._is_new = False
        self.renew()

    def renew(self) -> None:
        """Hold the file that has the path now, and no longer the one that had it before.

        SQLite must have closed the one before.
        """
        with _descriptors.changing:
            if self._file is None or FileIdentity.at(self._path) != self._file:
                self._let_go()
                self._file, self._is_new = _locked(self._path, self._kind)

    def release(self) -> None:
        """Let other processes have the file. SQLite must have closed it. Idempotent."""
        with _descriptors.changing:
            self._let_go()

    def _let_go(self) -> None:
        if self._file is None:
            return
        if sys.platform == "win32":  # where nothing that is open can be removed
            _descriptors.close(self._file)
        if self._is_new:
            _remove_empty(self._path, self._file)
        _descriptors.close(self._file)
        self._file = None


def in_use(path: Path, process: int | None = None, kind: FileKind = _JOURNAL) -> LocalError:
    """Return the error to raise where another server has a file open."""
    by = "" if process is None else f" (process {process})"
    return kind.error(
        f"the {kind.noun} {path} is in use by another server{by}"
        f"; stop that, or choose another with {kind.option}"
    )


def _locked(path: Path, kind: FileKind) -> tuple[FileIdentity, bool]:
    """Open the file at a path and lock it; return which it is, and whether it was made."""
    while True:
        file, is_new = _lock_what_is_there(path, kind)
        if FileIdentity.at(path) == file:
            return file, is_new
        _descriptors.close(file)  # whoever had it before has removed or replaced it just then


def _lock_what_is_there(path: Path, kind: FileKind) -> tuple[FileIdentity, bool]:
    _refuse_what_is_no_file(path, kind)
    if FileIdentity.at(path) in _descriptors:
        raise in_use(path, os.getpid(), kind)
    descriptor, is_new = _opened(path)
    file = FileIdentity.of(os.fstat(descriptor))
    if file in _descriptors:  # it came to this path just now: closing it would end SQLite's locks
        _descriptors.add(file, descriptor)
        raise in_use(path, os.getpid(), kind)
    try:
        _lock(path, descriptor, file, kind)
    except BaseException:
        os.close(descriptor)
        raise
    _descriptors.add(file, descriptor)
    return file, is_new


def _opened(path: Path) -> tuple[int, bool]:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600), False


def _remove_empty(path: Path, file: FileIdentity) -> None:
    with contextlib.suppress(OSError):
        if FileIdentity.at(path) == file and not path.stat().st_size:
            path.unlink()


def _refuse_what_is_no_file(path: Path, kind: FileKind) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise kind.error(
                f"the {kind.noun} {path} cannot be written: it is not a file;"
                f" choose another with {kind.option}"
            )


def _lock(path: Path, descriptor: int, file: FileIdentity, kind: FileKind) -> None:
    if sys.platform == "win32":
        _warn(path, "Windows has others")
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise in_use(path, _holder(file), kind) from None
    except OSError as error:
        _warn(path, error.strerror or str(error))
        return
    try:
        # Some network file systems make one kind of lock of both: then SQLite would wait for this one.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _UNUSED)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, _UNUSED)
    except OSError:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        _warn(path, "they are in SQLite's way")


def _warn(path: Path, cause: str) -> None:
    journal_unlocked.log(path=str(path), error=cause)


def _holder(file: FileIdentity) -> int | None:
    """Return the process that holds the lock, where the system says."""
    wanted = f"{os.major(file.device):02x}:{os.minor(file.device):02x}:{file.inode}"
    with contextlib.suppress(OSError, ValueError):
        for line in _LOCKS.read_text("ascii").splitlines():
            fields = line.split()
            if fields[1:2] == ["FLOCK"] and fields[5:6] == [wanted]:
                return int(fields[4]) or None
    return None
