"""The input of a script: lines of text, lines of JSON, or one text.

It is read below Python's buffers, with `os.read`. A daemon thread that waits inside a buffered reader makes
the interpreter abort when the program ends.
"""

import codecs
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from chatcore import RULES, ClientFrame, ClientLimits, UsageError
from chatcore.wire import client_frames

__all__ = ["check_size", "input_lines", "input_text", "parse_frame", "pieces", "without_controls"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TYPES = ("post", "join", "leave", "history", "who", "rooms", "moderate", "nick")
_OURS = ("hello", "ping", "pong")
_SECRET = ("invite",)


def input_lines() -> Iterator[tuple[int, str]]:
    """Yield the lines of standard input that are not blank, as they arrive, each with its number."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    number, rest = 0, ""
    for data in _input():
        *lines, rest = (rest + decoder.decode(data)).split("\n")
        for line in lines:
            number += 1
            if line.strip():
                yield number, line.removesuffix("\r")
    if rest := (rest + decoder.decode(b"", final=True)).removesuffix("\r"):
        yield number + 1, rest


def input_text() -> str:
    """Return all of standard input as one text, without the newlines at its end."""
    text = b"".join(_input()).decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
    return without_controls(text)


def _input() -> Iterator[bytes]:
    if sys.stdin is None:  # closed by the program that started us
        return
    try:
        while data := os.read(sys.stdin.fileno(), 64 * 1024):
            yield data
    except OSError as error:  # a directory, or a file that is open for writing only
        raise OSError(f"cannot read standard input: {error.strerror or error}") from error


def without_controls(text: str) -> str:
    """Return a text that a server accepts: control characters and invalid UTF-8 become U+FFFD."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def check_size(text: str, limits: ClientLimits) -> None:
    """Raise `UsageError` if a text is longer than the server allows.

    The server would refuse it too. But it ends the connection if the line is far too long.
    """
    limit, size = limits.text_bytes, len(text.encode())
    if limit is not None and size > limit:
        raise UsageError(f"the text is {size:,} bytes long; the limit is {limit:,}")


def pieces(text: str, limit: int | None) -> Iterator[str]:
    """Cut a text into pieces of at most ``limit`` bytes of UTF-8, never inside a character."""
    data = text.encode()
    if limit is None or len(data) <= limit:
        yield text
        return
    while data:
        piece = data[:limit].decode(errors="ignore") or data.decode()[0]
        yield piece
        data = data[len(piece.encode()) :]


def parse_frame(line: str) -> ClientFrame:
    """Read a frame that a client may send, or ``{"room", "text"}``, which is a `Post` with a new id.

    Raises `UsageError` that says what is wrong with the line.
    """
    try:
        value = from_json(line)
    except ValueError as error:
        raise UsageError(
            f"this is not JSON: {str(error).replace(' at line 1 column', ' at column')}"
        ) from None
    if not isinstance(value, dict):
        raise UsageError('this is not a JSON object, such as {"room": "lobby", "text": "hello"}')
    type_ = value.setdefault("type", "post")
    if type_ in _OURS:
        raise UsageError(f"the client sends {type_} frames itself; remove this line")
    if type_ in _SECRET:
        raise UsageError("the answer would be a secret; get a link for a device with /device in a terminal")
    if type_ not in _TYPES:
        raise UsageError(f"a client cannot send the type {type_!r}; the types are {', '.join(_TYPES)}")
    if type_ == "post":
        value.setdefault("id", str(uuid4()))
    try:
        return client_frames.validate_json(to_json(value))
    except ValidationError as error:
        raise UsageError(_problem(error, value)) from None


def _problem(error: ValidationError, value: Mapping[str, Any]) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"][1:]))
    if first["type"] == "missing":
        return f"a {value['type']} frame needs {field}"
    return RULES.get(field, f"{field}: {first['msg']}")
