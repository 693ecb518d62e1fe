"""HTTP/1.1 (RFC 9112) as far as a page and its socket need it: requests without a body, one after the other.

- A head has `HEAD_BYTES` at most. The package ``websockets`` parses it, once all of it is there, so the
  answer is the same however it was split.
- Empty lines before a request are ignored (2.2). They count as bytes of its head.
- Whatever is wrong ends the connection.
- What is written here is never chosen by a peer: nothing of a request is repeated.
"""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from websockets.exceptions import TooManyHeaders
from websockets.http11 import Request
from websockets.streams import StreamReader

__all__ = [
    "HEAD_BYTES",
    "HeadBuffer",
    "RefusedRequest",
    "encode_answer",
    "is_persistent",
    "listed",
    "parse_head",
]

HEAD_BYTES = 8 * 1024
"""Bytes of a head: what most servers take of one line."""

_END = re.compile(rb"\n(?:(?<!\r\n)|\r\n)")
"""The end of a head, or of a line that does not end with CR and LF. It begins with what is rare."""

_EMPTY = re.compile(rb"(?:\r\n)*")
"""Lines without anything, before a request."""

_ONCE = ("Host", "Origin", "Sec-WebSocket-Key", "Upgrade")
"""Headers of which a second one would mean that two programs read the same request differently."""

_ALWAYS = "X-Content-Type-Options: nosniff\r\n"
_LAST = "Connection: close\r\n"


class RefusedRequest(Exception):
    """A request that gets an answer with this status, a line of text, and perhaps more headers."""

    def __init__(self, status: int, text: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers

    def encode(self) -> bytes:
        """Return the answer."""
        body = f"{self}\n".encode()
        return encode_answer(
            self.status, [("Content-Type", "text/plain; charset=utf-8"), *self.headers], body
        )


class HeadBuffer:
    """Holds the head of a request until all of it is there."""

    __slots__ = ("_data", "_ignored")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ignored = 0  # bytes of empty lines

    def cut(self, data: bytes) -> int:
        """Return how many of these bytes belong to the head, as far as that is seen; more than none."""
        start, known = self._start, len(self._data)
        seen = max(start - 1, 0)  # what is before a newline counts
        joined = bytes(self._data[seen:]) + data
        found = _END.search(joined, _end_of_empty(joined) if self._has_not_begun else start - seen)
        return len(data) if found is None else found.end() + seen - known

    def push(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Take bytes; return the head and what follows it, once it is whole. Raises `RefusedRequest`."""
        start, known = self._start, self._ignored + len(self._data)
        taken = data[: HEAD_BYTES - known]
        if self._has_not_begun:
            joined = bytes(self._data) + taken
            empty = _end_of_empty(joined)
            self._ignored += empty
            self._data[:] = joined[empty:]
        else:
            self._data += taken
        if not self._has_not_begun and not 0x41 <= self._data[0] <= 0x5A:
            raise RefusedRequest(400, _not_http(self._data[0]))
        found = _END.search(self._data, start)
        if found is None:
            if self._ignored + len(self._data) == HEAD_BYTES:
                raise RefusedRequest(431, "the head of the request is too long")
            return None
        if found[0] == b"\n":
            raise RefusedRequest(400, "a line of the head does not end with CR and LF")
        return bytes(self._data[: found.end()]), data[self._ignored + found.end() - known :]

    @property
    def _start(self) -> int:
        """The index from which on the end is looked for: it may have begun already."""
        return max(len(self._data) - 3, 0)

    @property
    def _has_not_begun(self) -> bool:
        """Whether only empty lines have come, and perhaps half of one more."""
        return not self._data or self._data == b"\r"


def _end_of_empty(data: bytes) -> int:
    """Return the index of what follows the empty lines with which bytes begin."""
    match = _EMPTY.match(data)
    return 0 if match is None else match.end()


def _not_http(first: int) -> str:
    if first == 0x16:
        return "this port speaks HTTP and is not encrypted; use http://"
    return "this port speaks HTTP; for a chat client, use a chat:// address of this server"


def parse_head(head: bytes) -> Request:
    """Return a request; raises `RefusedRequest`."""
    try:
        request = _parse(head)
    except TooManyHeaders:
        raise RefusedRequest(431, "the request has too many headers") from None
    except (EOFError, ValueError, NotImplementedError):
        raise RefusedRequest(400, "this is not a request of HTTP/1.1, or one with a body") from None
    for name in _ONCE:
        if len(request.headers.get_all(name)) > 1:
            raise RefusedRequest(400, f"the request has {name} more than once")
    if "Host" not in request.headers:
        raise RefusedRequest(400, "the request has no Host")
    if not request.path.startswith("/"):
        raise RefusedRequest(400, "the request is not for a path")
    return request


def _parse(head: bytes) -> Request:
    """Return the request of a whole head; raises what ``websockets`` does."""
    reader = StreamReader()
    reader.feed_data(head)
    reader.feed_eof()
    try:
        next(Request.parse(reader.read_line))
    except StopIteration as done:
        request: Request = done.value
        return request
    raise EOFError("the head is not whole")


def is_persistent(request: Request) -> bool:
    """Tell whether its sender may send another one on the same connection (RFC 9112, 9.3)."""
    options = map(str.lower, listed(request, "Connection"))
    return request.protocol == "HTTP/1.1" and "close" not in options


def listed(request: Request, name: str) -> list[str]:
    """Return the members of a list, in however many headers of that name they are (RFC 9110, 5.6.1)."""
    return [each.strip() for value in request.headers.get_all(name) for each in value.split(",")]


def encode_answer(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes = b"",
    *,
    size: int | None = None,
    ends: bool = True,
) -> bytes:
    """Return an answer, which ends the connection or not. ``size`` is that of a body that is left out."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if status != 304:
        lines += f"Content-Length: {len(body) if size is None else size}\r\n"
    lines += _ALWAYS + (_LAST if ends else "")
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode() + body
