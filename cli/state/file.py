"""A slot's file: records are appended, and now and then it is written again as a whole.

- It is its owner's alone, from its creation on. One that others may write is not used.
- A torn tail is cut off before anything is appended. Otherwise the next record would end in a line that does
  not check, and be lost as well.
- It is written again beside itself: on the disk, renamed, and the directory on the disk too. So after a crash
  there is the old one or the new one, as a whole.
"""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from chatcore import UsageError
from cli.directories import sync_directory
from cli.state.records import Record, encode, scan

__all__ = ["MOST_BYTES", "SlotFile", "check_owner", "read_records", "set_aside"]

MOST_BYTES = 8 * 1024 * 1024
"""The longest file that is read. Its owner sets a longer one aside."""

REWRITE_BYTES = 1024 * 1024
"""How long a file must be at least to be written again while it is in use."""


class SlotFile:
    """A file that we hold the lock of. Every method may raise `OSError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._size = 0
        self._live = 0  # bytes when it was written as a whole, the last time

    @property
    def is_long(self) -> bool:
        """Whether it is time for `rewrite`."""
        return self._size > max(REWRITE_BYTES, 2 * self._live)

    def append(self, records: Iterable[Record], *, sync: bool = False) -> None:
        """Add records; with ``sync`` they are on the disk afterwards."""
        data = b"".join(map(encode, records))
        descriptor = self._open()
        try:
            if os.write(descriptor, data) < len(data):
                raise OSError("there is no space left")
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        self._size += len(data)
        if sync:
            os.fsync(descriptor)

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the content, as a whole and on the disk."""
        data = b"".join(map(encode, records))
        self.close()
        new = self._path.with_name(f".{self._path.name}.new")  # what a crash left there is overwritten
        _write(new, data)
        os.replace(new, self._path)
        sync_directory(self._path.parent)
        self._size = self._live = len(data)

    def close(self) -> None:
        """Close it; `append` opens it again. Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Remove it."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._path, flags, 0o600)
            self._cut_tail(self._descriptor)
        return self._descriptor

    def _cut_tail(self, descriptor: int) -> None:
        with self._path.open("rb") as file:
            _, self._size = scan(file.read())
        os.ftruncate(descriptor, self._size)


def read_records(path: Path) -> list[Record]:
    """Return the records of a file, also of one that another program owns.

    There are none if there is no file, and none of one that is too long: see `set_aside`. Raises `UsageError`
    if others may write it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            check_owner(path, status)
            data = file.read(MOST_BYTES) if status.st_size <= MOST_BYTES else b""
    except FileNotFoundError:
        return []
    return scan(data)[0]


def set_aside(path: Path) -> Path | None:
    """Rename a file that we hold the lock of, if it is too long to be read; return its new path then.

    Raises `UsageError` if others may write it.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if status.st_size <= MOST_BYTES:
        return None
    check_owner(path, status)
    return path.replace(path.with_suffix(".bad"))


def check_owner(path: Path, status: os.stat_result) -> None:
    """Raise `UsageError` if others may write a file or a directory."""
    if os.name == "posix" and (
        status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise UsageError(f"other users may write {path}; if nobody has, run: chmod go-w {path}")


def _write(path: Path, data: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # with the rights that it had
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
