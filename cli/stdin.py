"""What a script feeds to a client: lines of text, lines of JSON, or one text."""

import codecs
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from chatcore.client.session import ClientFrame
from chatcore.errors import UsageError
from chatcore.messages import client_frames
from chatcore.names import RULES

__all__ = ["input_lines", "input_text", "parse_frame", "pieces", "without_controls"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_KINDS = ("post", "join", "leave", "history", "who", "nick")
_OURS = ("hello", "ping", "pong")


def input_lines() -> Iterator[tuple[int, str]]:
    """Yield the lines of standard input that are not blank, as they come, each with its number.

    It is read below Python's buffers: a daemon thread that waits in one of them would make the
    interpreter abort when the program ends.
    """
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
    if sys.stdin is None:  # closed by whoever started us
        return
    while data := os.read(sys.stdin.fileno(), 64 * 1024):
        yield data


def without_controls(text: str) -> str:
    """Return a text that a server takes: what it would refuse, or is not UTF-8, is U+FFFD."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def pieces(text: str, limit: int | None) -> Iterator[str]:
    """Cut a text into pieces that the server takes, never inside a character."""
    data = text.encode()
    if limit is None or len(data) <= limit:
        yield text
        return
    while data:
        piece = data[:limit].decode(errors="ignore") or data.decode()[0]
        yield piece
        data = data[len(piece.encode()) :]


def parse_frame(line: str) -> ClientFrame:
    """Read a frame of a client, or ``{"room", "text"}``, which is a `Post` under an id of our making.

    Raises `UsageError` that says what is wrong with it.
    """
    try:
        value = from_json(line)
    except ValueError as error:
        raise UsageError(
            f"this is not JSON: {str(error).replace(' at line 1 column', ' at column')}"
        ) from None
    if not isinstance(value, dict):
        raise UsageError('this is no JSON object; one looks like {"room": "lobby", "text": "hello"}')
    kind = value.setdefault("type", "post")
    if kind in _OURS:
        raise UsageError(f"{kind} is sent by the client itself")
    if kind not in _KINDS:
        raise UsageError(f"a client sends nothing of the type {kind!r}; there are {', '.join(_KINDS)}")
    if kind == "post":
        value.setdefault("id", str(uuid4()))
    try:
        return client_frames.validate_json(to_json(value))
    except ValidationError as error:
        raise UsageError(_words(error, value)) from None


def _words(error: ValidationError, value: Mapping[str, Any]) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"][1:]))
    if first["type"] == "missing":
        return f"{value['type']} needs {field}"
    return RULES.get(field, f"{field}: {first['msg']}")
