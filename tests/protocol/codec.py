"""Frames on the line, over `json` alone.

Reading is as strict as the document is exact: a field that it does not name, one that is missing, another
type or another word raises `ValueError`. A client has to ignore what it does not know; a test must not.
"""

import json
import re
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from tests.protocol.frames import ClientFrame, Frame, Part, ServerFrame, Time

__all__ = ["LineSplitter", "decode_client", "decode_server", "encode"]

Read = Callable[[Any], Any]  # the JSON value of a field to what the frame has; raises `ValueError`
P = TypeVar("P", bound=Part)

_FROM_CLIENT = {kind.type: kind for kind in get_args(ClientFrame)}
_FROM_SERVER = {kind.type: kind for kind in get_args(ServerFrame)}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SEQ_MAX = 2**53 - 1


def encode(frame: Frame) -> bytes:
    """Return a frame as its line, newline included. What is ``None`` is left out."""
    return json.dumps(_value_of(frame), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode_client(line: bytes) -> ClientFrame:
    """Return the frame that a client sent."""
    frame: ClientFrame = _decode(line, _FROM_CLIENT)
    return frame


def decode_server(line: bytes) -> ServerFrame:
    """Return the frame that a server sent."""
    frame: ServerFrame = _decode(line, _FROM_SERVER)
    return frame


class LineSplitter:
    """Bytes in, whole lines out; `rest` is the beginning of one that has not ended."""

    def __init__(self) -> None:
        self.rest = b""

    def receive_data(self, data: bytes) -> list[bytes]:
        """Return the lines that bytes complete, without their newlines."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        return lines


def _decode(line: bytes, kinds: dict[str, type[Frame]]) -> Any:
    try:
        values = json.loads(line)
        return _read_part(kinds[values.pop("type")], values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a frame: {line!r}") from error


def _value_of(field: object) -> object:
    if isinstance(field, tuple):
        return list(map(_value_of, field))
    if not isinstance(field, Part):
        return field
    values: dict[str, object] = {"type": field.type} if isinstance(field, Frame) else {}
    for name in _shape(type(field)).readers:
        if (value := getattr(field, name)) is not None:
            values[name] = _value_of(value)
    return values


def _read_part(kind: type[P], values: dict[str, Any]) -> P:
    readers, required = _shape(kind)
    if required - values.keys() or values.keys() - readers.keys():
        raise ValueError(f"{kind.__name__} has {sorted(readers)}, not {sorted(values)}")
    return kind(**{name: readers[name](value) for name, value in values.items()})


class _Shape(NamedTuple):
    readers: dict[str, Read]  # by field
    required: frozenset[str]


_SHAPES: dict[Any, _Shape] = {}


def _shape(kind: Any) -> _Shape:
    if kind not in _SHAPES:
        _SHAPES[kind] = _shape_of(kind)
    return _SHAPES[kind]


def _shape_of(kind: Any) -> _Shape:
    hints = {name: hint for name, hint in get_type_hints(kind).items() if get_origin(hint) is not ClassVar}
    required = frozenset(name for name in hints if getattr(kind, name, ...) is not None)
    return _Shape({name: _reader(hint) for name, hint in hints.items()}, required)


def _reader(hint: Any) -> Read:
    """Return what reads a value of an annotated type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):  # with `None`, which a server leaves out
        return _reader(next(arg for arg in args if arg is not NoneType))
    if origin is tuple:
        return lambda value: tuple(map(_reader(args[0]), _of(list, value)))
    if origin is dict:
        return lambda value: {_of(str, name): _number(limit) for name, limit in _of(dict, value).items()}
    if origin is Literal:
        return lambda value: value if value in args else _refuse(value)
    if isinstance(hint, type) and issubclass(hint, Part):
        return lambda value: _read_part(hint, _without_type(hint, _of(dict, value)))
    return _SCALARS[hint]


def _without_type(kind: type[Part], values: dict[str, Any]) -> dict[str, Any]:
    if issubclass(kind, Frame) and values.pop("type", None) != kind.type:
        _refuse(values)
    return values


def _of(kind: type, value: Any) -> Any:
    return value if type(value) is kind else _refuse(value)


def _number(value: Any) -> Any:
    return value if type(value) in (int, float) and value >= 0 else _refuse(value)


def _refuse(value: object) -> Any:
    raise ValueError(value)


_SCALARS: dict[Any, Read] = {
    int: lambda value: value if 0 <= _of(int, value) <= _SEQ_MAX else _refuse(value),
    float: _number,
    Time: lambda value: value if _TIME.fullmatch(_of(str, value)) else _refuse(value),
    str: lambda value: _of(str, value),
    bool: lambda value: _of(bool, value),
}
