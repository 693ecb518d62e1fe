"""The input of a script: lines, or one text.

It is read below Python's buffers, with `os.read`. A daemon thread that waits inside a buffered reader makes
the interpreter abort when the program ends.
"""

import codecs
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from cli.texts import without_controls

__all__ = ["Input", "Left", "input_text"]


class Left(NamedTuple):
    """How many bytes of input nobody has taken yet; unless ``all`` is true, there may be more."""

    bytes: int
    all: bool


class Input:
    """The lines of standard input. For one thread."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()  # read, and not taken yet
        self._rest = ""
        self._ended = False

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield those that are not blank, as they arrive, each with its number. Iterate once."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        number = 0
        for data in _input():
            *lines, self._rest = (self._rest + decoder.decode(data)).split("\n")
            self._lines.extend(lines)
            while self._lines:
                line = self._lines.popleft()
                number += 1
                if line.strip():
                    yield number, line.removesuffix("\r")
        self._ended = True
        rest, self._rest = self._rest + decoder.decode(b"", final=True), ""
        if rest := rest.removesuffix("\r"):
            yield number + 1, rest

    def left(self) -> Left:
        """Return how much is left of it."""
        here = sum(len(line.encode()) + 1 for line in self._lines) + len(self._rest.encode())
        if self._ended or sys.stdin is None:
            return Left(here, True)
        there = _left_in(sys.stdin.fileno())
        return Left(here + there.bytes, there.all)


def input_text() -> str:
    """Return all of standard input as one text, without the newlines at its end."""
    text = b"".join(_input()).decode("utf-8", "replace").replace("\r\n", "\n")
    return without_controls(text).rstrip("\n")


def _input() -> Iterator[bytes]:
    if sys.stdin is None:  # closed by the program that started us
        return
    try:
        while data := os.read(sys.stdin.fileno(), 64 * 1024):
            yield data
    except OSError as error:  # a directory, or a file that is open for writing only
        raise OSError(f"cannot read standard input: {error.strerror or error}") from error


def _left_in(fd: int) -> Left:
    """Return what can be read from a descriptor: all that is left of a file, and what a pipe holds now."""
    try:
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            return Left(max(found.st_size - os.lseek(fd, 0, os.SEEK_CUR), 0), True)
        return Left(_waiting_in(fd), False)
    except OSError:
        return Left(0, False)


def _waiting_in(fd: int) -> int:
    """Return how many bytes wait in a pipe or a terminal; 0 where nobody can know."""
    if sys.platform == "win32":
        return 0
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
