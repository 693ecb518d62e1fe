"""What the line-based wires share: a bounded splitter, and an eye for other protocols and for each other."""

import re
from typing import Any

from pydantic_core import from_json

__all__ = ["LineBuffer", "Recogniser", "cut_lines", "is_frame", "may_become_frame"]

_WINDOW = 64  # bytes at the start of a stream in which a protocol shows itself

# Each of these matches before the end of the first line that holds anything: then nothing was
# decoded yet, and the answer is the same however the stream was split.
_FOREIGN = {
    "TLS": re.compile(rb"\x16\x03[\x00-\x04]"),
    "SSH": re.compile(rb"SSH-\d"),
    # A browser can be made to send such a request anywhere, with text that another site chose.
    "HTTP": re.compile(
        rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|PRI) (?:[/*]|https?:)|[A-Z]{3,10} \S+ HTTP/\d"
    ),
    "PROXY": re.compile(rb"PROXY (?:TCP4|TCP6|UNKNOWN)|\r\n\r\n\x00\r\n"),
    "UTF-16": re.compile(rb"\xff\xfe|\xfe\xff"),
    "telnet": re.compile(rb"\xff[\xf0-\xfd]"),
}


class Recogniser:
    """Looks at the first bytes of a stream for a protocol that is not ours."""

    __slots__ = ("_start",)

    def __init__(self) -> None:
        self._start: bytes | None = b""  # until enough was seen

    @property
    def done(self) -> bool:
        """Whether there is nothing more to be learnt."""
        return self._start is None

    def push(self, data: bytes) -> str | None:
        """Take bytes, before anything else does; return the name of what they turn out to be."""
        if self._start is None:
            return None
        start = (self._start + data[:_WINDOW])[:_WINDOW]
        name = next((name for name, pattern in _FOREIGN.items() if pattern.match(start)), None)
        self._start = start if name is None and len(start) < _WINDOW else None
        return name


def cut_lines(data: bytes, lines: int) -> tuple[int, int]:
    """Return the size of so many lines at the start of ``data``, and their number: fewer if it has fewer."""
    count = data.count(b"\n")
    if count <= lines:
        return len(data), count
    end = 0
    for _ in range(lines):
        end = data.index(b"\n", end) + 1
    return end, lines


def is_frame(line: bytes) -> bool:
    """Tell whether a line is what a client of the typed wire sends: a JSON object with a ``type``."""
    try:
        value: Any = from_json(line)
    except ValueError:
        return False
    return isinstance(value, dict) and "type" in value


def may_become_frame(line: bytes) -> bool:
    """Tell whether this is the beginning of a JSON object, with a key at least, whose rest is missing."""
    if not re.match(rb'\s*\{\s*"', line):
        return False
    try:
        from_json(line)
    except ValueError as error:
        return str(error).startswith("EOF ")
    return False


class LineBuffer:
    """Splits a stream into lines; holds at most one line of ``limit`` bytes.

    After a longer one, ``overflow`` is set and everything that follows is dropped: there is no
    telling where a line that was dropped ends.
    """

    __slots__ = ("_limit", "_rest", "overflow")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest: bytes | bytearray = b""
        self.overflow = False

    def push(self, data: bytes) -> list[bytes]:
        """Take bytes; return the lines that they complete, without their newlines."""
        if self.overflow:
            return []
        if self._rest:
            self._rest += data
            if b"\n" not in data:
                self._check_rest()
                return []
            data = bytes(self._rest)
        *lines, rest = data.split(b"\n")
        self._rest = bytearray(rest) if rest else b""
        if len(data) > self._limit:
            lines = self._up_to_overflow(lines)
        return lines

    def peek(self, size: int | None = None) -> bytes:
        """Return the line that is not complete yet, or its last bytes, ``size`` at most."""
        return bytes(self._rest if size is None else self._rest[-size:])

    def take(self) -> bytes:
        """Return what is left and forget it."""
        rest, self._rest = bytes(self._rest), b""
        return rest

    def close(self) -> None:
        """Forget what is left and drop everything that follows."""
        self.overflow = True
        self._rest = b""

    def _check_rest(self) -> None:
        if len(self._rest) > self._limit:
            self.close()

    def _up_to_overflow(self, lines: list[bytes]) -> list[bytes]:
        for number, line in enumerate(lines):
            if len(line) > self._limit:
                self.close()
                return lines[:number]
        self._check_rest()
        return lines
