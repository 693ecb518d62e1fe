"""What is stored is for its owner alone: modes 0600 and 0700, from the beginning.

- A file or directory is created with its mode, whatever the umask is, and never made narrower later.
- SQLite gives what it creates beside a file (``-wal``, ``-shm``, ``-journal``) the mode of that file.
- What was there before keeps its mode: that is its owner's affair. `worries` says what others can do with it.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["create", "exposed", "make_directories", "worries"]


def make_directories(path: Path) -> None:
    """Create a directory, and those that are missing above it; raises `OSError`."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(0o700, exist_ok=True)
    path.mkdir(exist_ok=True)  # which fails where something else is in its place


def create(path: Path) -> bool:
    """Create an empty file if there is none, and tell whether there was none; raises `OSError`."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return True
    return False


def worries(directory: Path, files: Iterable[Path]) -> Iterator[str]:
    """Yield in words what other users can do, because of the modes of a directory and of files in it."""
    if os.name != "posix":
        return
    mode = _mode(directory)
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        yield f"other users can replace files in {directory}; to prevent that: chmod o-w {directory}"
    for path in files:
        if _mode(path) & stat.S_IRWXO:
            yield f"other users can read or write {path}; to prevent that: chmod go= {path}"


def exposed(files: Iterable[Path]) -> Path | None:
    """Return the first of some files that anybody but its owner can read or write, if there is one."""
    if os.name != "posix":
        return None
    return next((path for path in files if _mode(path) & (stat.S_IRWXG | stat.S_IRWXO)), None)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
