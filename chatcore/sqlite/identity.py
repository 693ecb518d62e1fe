"""Which file a name leads to: what is compared wherever a file may have been replaced.

Whoever opens the file notes its identity then, and compares that later. It is only ever asked with `stat`,
since opening and closing the file would cost SQLite its locks (see `chatcore.journal.sqlite.lock`).
"""

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["FileIdentity"]


class FileIdentity(NamedTuple):
    """A file, by whatever name: equal for hard links and other mounts of one file.

    The number of a device may be another one after the system has started again, so only ``inode`` is stored.
    """

    device: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> "FileIdentity | None":
        """Return the file that a path leads to, if there is one; raises `OSError` where that is not known."""
        try:
            return cls.of(path.stat())
        except FileNotFoundError:
            return None

    @classmethod
    def of(cls, status: os.stat_result) -> "FileIdentity":
        """Return the file that a status is of."""
        return cls(status.st_dev, status.st_ino)
