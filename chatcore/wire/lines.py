"""What the line-based wires share: a bounded splitter, and an eye for other protocols."""

import re

__all__ = ["LineBuffer", "recognise"]

_FOREIGN = {
    "TLS": re.compile(rb"\x16\x03[\x00-\x04]"),
    "SSH": re.compile(rb"SSH-\d"),
    # A browser can be made to send such a request anywhere, with text of somebody else's choice.
    "HTTP": re.compile(rb"[A-Z]{3,10} \S+ HTTP/\d"),
    "PROXY": re.compile(rb"PROXY (?:TCP4|TCP6|UNKNOWN)|\r\n\r\n\x00\r\nQUIT\n"),
    "telnet": re.compile(rb"\xff[\xf0-\xfe]"),
}


def recognise(start: bytes) -> str | None:
    """Return the name of the protocol that a stream beginning with ``start`` speaks, if not ours."""
    return next((name for name, pattern in _FOREIGN.items() if pattern.match(start)), None)


class LineBuffer:
    """Splits a stream into lines; holds at most one line of ``limit`` bytes.

    After a longer one, ``overflow`` is set and everything that follows is dropped: there is no
    telling where a line that was not kept ends.
    """

    __slots__ = ("_limit", "_rest", "overflow")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
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
        self._rest = bytearray(rest)
        if len(data) > self._limit:
            lines = self._up_to_overflow(lines)
        return lines

    def peek(self) -> bytes:
        """Return the beginning of the line that is not complete yet."""
        return bytes(self._rest)

    def take(self) -> bytes:
        """Return what is left and forget it."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest

    def _check_rest(self) -> None:
        if len(self._rest) > self._limit:
            self.overflow = True
            self._rest = bytearray()

    def _up_to_overflow(self, lines: list[bytes]) -> list[bytes]:
        for number, line in enumerate(lines):
            if len(line) > self._limit:
                self.overflow = True
                self._rest = bytearray()
                return lines[:number]
        self._check_rest()
        return lines
