"""A file that appears under its name when it is complete, and not before.

- Until then it is ``NAME-partial`` beside that name, for its owner alone. A process that is killed leaves no
  more than this, and the next that makes the same file removes it. It removes nothing else of that name: what
  is left is empty, or says in its header what kind of file it is.
- It is locked while it is made, so two processes never make it together.
- It is synced before it gets its name, and its directory afterwards: a loss of power leaves the file from
  before or this one.
"""

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import Self

from chatcore.sqlite.database import FileKind
from chatcore.sqlite.identity import FileIdentity

if sys.platform != "win32":
    import fcntl

__all__ = ["SQLITE_ENDS", "PartialFile", "sync_directory"]

SQLITE_ENDS = ("-wal", "-shm", "-journal")
"""What SQLite has beside a file."""

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class PartialFile:
    """An empty file for what shall be at ``target``, to be filled at `path`; a context manager.

    Whoever fills it begins with the header of its ``kind``. Raises `BlockingIOError` if another process is
    making the same file, `FileExistsError` if something else has that name, and `OSError`.
    """

    def __init__(self, target: Path, kind: FileKind) -> None:
        self._target = target
        self._kind = kind
        self.path = target.with_name(f"{target.name}-partial")
        self._remove_leftover()
        for end in SQLITE_ENDS:
            _refuse(self.path.with_name(f"{self.path.name}{end}"))
        self._descriptor = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        """Have the system write what it has of the file."""
        os.fsync(self._descriptor)

    def give_to(self, user: int, group: int) -> None:
        """Give the file to another owner."""
        if sys.platform != "win32":
            os.fchown(self._descriptor, user, group)

    def put(self) -> None:
        """Let the file have its name, in place of what has it. SQLite must have closed both."""
        self.flush()
        if sys.platform == "win32":  # where nothing that is open can be renamed, and nothing is locked
            self._release()
        os.replace(self.path, self._target)
        sync_directory(self._target.parent)

    def close(self) -> None:
        """Remove the file, unless it has its name. Idempotent."""
        if self._descriptor < 0:
            return
        if FileIdentity.at(self.path) == FileIdentity.of(os.fstat(self._descriptor)):
            _remove(self.path)
        self._release()

    def _release(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def _remove_leftover(self) -> None:
        """Remove what a process left that was killed, unless it is still at work."""
        try:
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            return
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                _refuse(self.path)
            _lock(descriptor)
            if status.st_size and not self._kind.begins(os.read(descriptor, 100)):
                _refuse(self.path)
            if FileIdentity.at(self.path) == FileIdentity.of(status):  # and has not got its name just now
                _remove(self.path)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Have the names in a directory survive a loss of power."""
    if sys.platform == "win32":  # it has no such thing
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # this file system has no such locks
        return


def _refuse(path: Path) -> None:
    if os.path.lexists(path):
        raise FileExistsError(f"{path} is in the way, and no backup has left it; move it away")


def _remove(path: Path) -> None:
    for end in (*SQLITE_ENDS, ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{end}").unlink()
