"""Who owns a slot: one program at a time, for as long as it runs, however it ends.

The lock is a file of its own, since replacing a slot would leave the lock on the one that was replaced.
"""

import contextlib
import os
from pathlib import Path

__all__ = ["SlotLock"]


class SlotLock:
    """A lock that we hold until `release`, or until this process ends. No child inherits it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "SlotLock | None":
        """Return the lock; ``None`` if another program holds it. Raises `OSError` if there is no locking."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                taken = _lock(descriptor)
                if taken and _is_at(path, descriptor):
                    return cls(path, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if not taken:
                return None

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Let others have it, and remove its file: whoever opened that meanwhile opens another one."""
        with contextlib.suppress(OSError):  # Windows removes no file that is open; an empty one stays
            self._path.unlink()
        self.release()


def _is_at(path: Path, descriptor: int) -> bool:
    """Tell whether a file was not removed between its opening and its locking."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    """Lock a file, without waiting; return whether that was possible."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(descriptor: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")  # whose names the types know on Windows only
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True
