"""Directories of the user's own files."""

import os
from pathlib import Path

__all__ = ["make_directory", "sync_directory"]


def make_directory(path: Path) -> None:
    """Make a directory and those above it that are missing, for their owner alone."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):  # `mkdir(parents=True)` would open those above to others
        each.mkdir(0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on the disk."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
