"""A small disk below a directory, which can be full. For root on Linux."""

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

__all__ = ["SmallDisk", "why_no_small_disk"]

ROOM = 4 * 1024 * 1024
"""Bytes that are left of it at first."""

BLOCK = 4096


class SmallDisk:
    """A file system in memory in place of a directory, with all that is in it. A context manager.

    Nobody may have a file of the directory open when it begins, and when it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._aside = directory.with_name(f"{directory.name}-aside")
        self._ballast = directory / "ballast"
        self._stack = ExitStack()

    def __enter__(self) -> "SmallDisk":
        self._directory.rename(self._aside)
        self._directory.mkdir()
        used = sum(path.stat().st_size + 2 * BLOCK for path in self._aside.rglob("*"))
        _mount(self._directory, used + ROOM)
        self._stack.callback(_unmount, self._directory)
        shutil.copytree(self._aside, self._directory, dirs_exist_ok=True)
        return self

    def __exit__(self, *exc: object) -> None:
        self.clear()
        shutil.rmtree(self._aside)
        shutil.copytree(self._directory, self._aside)
        self._stack.close()
        self._directory.rmdir()
        self._aside.rename(self._directory)

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(BLOCK))
            except OSError:
                pass

    def clear(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)


@cache
def why_no_small_disk() -> str | None:
    """Return why there can be none on this machine, if so."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root may mount a disk"
    with tempfile.TemporaryDirectory() as directory:
        try:
            _mount(Path(directory), ROOM)
        except subprocess.CalledProcessError as error:
            return f"no disk can be mounted: {error.stderr}"
        _unmount(Path(directory))
    return None


def _mount(directory: Path, size: int) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "chat-test", str(directory)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _unmount(directory: Path) -> None:
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
