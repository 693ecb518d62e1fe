"""What is typed before there is a prompt: nobody has seen where it would be said, so it is never sent.

The system would echo it, and hand its lines to the first prompt as if they had been typed there.
"""

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Any, Self

__all__ = ["Typeahead"]

PIECE = 4096


class Typeahead:
    """Holds the keyboard back, from its entry until `end`. A context manager.

    The system goes on to edit the line that is typed, but echoes nothing. Where standard input is no
    terminal, and on Windows, it does nothing.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None  # the modes of the terminal, while they are others
        self._taken = False

    def __enter__(self) -> Self:
        if sys.platform != "win32":
            import termios

            with contextlib.suppress(termios.error, OSError, ValueError):
                modes = termios.tcgetattr(sys.stdin)
                _set(modes, termios.ECHO)
                self._before = modes
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    def take(self) -> str:
        """Return what was typed. From now on the keyboard is the caller's, who calls `end` at last."""
        if self._before is None:
            return ""
        self._taken = True
        typed = b"".join(_pending(self._before)).decode("utf-8", "replace")
        return _without_erased(typed, self._before)

    def end(self) -> None:
        """Give the terminal the modes that it had. Idempotent.

        What was typed and not taken is dropped: a shell would run it.
        """
        before, self._before = self._before, None
        if before is not None:
            _set(before, 0, drop=not self._taken)


def _set(modes: list[Any], without: int, *, drop: bool = False) -> None:
    """Give the terminal these modes, but for some local ones, and drop its input if that is wanted."""
    if sys.platform != "win32":
        import termios

        changed = [*modes[:3], modes[3] & ~without, *modes[4:]]
        with contextlib.suppress(termios.error):  # it was closed
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH if drop else termios.TCSANOW, changed)


def _pending(modes: list[Any]) -> Iterator[bytes]:
    """Yield what was typed, also of a line without an end."""
    if sys.platform != "win32":
        import termios

        _set(modes, termios.ECHO | termios.ICANON)
    fd = sys.stdin.fileno()
    with contextlib.suppress(OSError):
        while select.select([fd], [], [], 0)[0] and (data := os.read(fd, PIECE)):
            yield data


def _without_erased(typed: str, modes: list[Any]) -> str:
    """Apply the erase characters in a text: the system does not, once it hands over unfinished lines."""
    if sys.platform == "win32":
        return typed
    import termios

    erase = modes[6][termios.VERASE].decode("latin-1")
    if ord(erase) == os.fpathconf(sys.stdin.fileno(), "PC_VDISABLE"):  # there is none
        return typed
    kept: list[str] = []
    for letter in typed:
        if letter != erase:
            kept.append(letter)
        elif kept and kept[-1] != "\n":
            kept.pop()
    return "".join(kept)
