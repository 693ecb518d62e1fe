"""The input of a script as JSON: one frame per line, as ``chat client --json`` takes it."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from chatcore import RULES, ClientFrame, UsageError
from chatcore.wire import client_frames

__all__ = ["parse_frame"]

_TYPES = ("post", "join", "leave", "history", "who", "rooms", "moderate", "nick")
_OURS = ("hello", "ping", "pong")
_SECRET = ("invite",)


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
