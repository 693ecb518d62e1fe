"""The frames as one JSON Schema (draft 2020-12), for clients in other languages and for generators of types.

It describes what is sent, which is less than what is taken:

- every frame has its ``type``; a field that may be missing is never null, and all others are always there;
- a word of an open set is any string, beside the words of this version (`OPEN_SETS`);
- a title is the name of a definition, and never one that languages have themselves (`RENAMED`).
"""

import re
from typing import Any, Final, get_args

from chatcore.errors import ErrorCode
from chatcore.messages import (
    PROTOCOL,
    ClosingWord,
    DurabilityWord,
    GapWord,
    LeftWord,
    client_frames,
    server_frames,
)

__all__ = ["OPEN_SETS", "RENAMED", "json_schema"]

Schema = dict[str, Any]

RENAMED: Final = {"Error": "ErrorFrame", "History": "HistoryFrame"}
"""Frames whose names a language has itself, and what they are called here."""

OPEN_SETS: Final = {
    "ClosingReason": get_args(ClosingWord),
    "Durability": get_args(DurabilityWord),
    "ErrorCode": get_args(ErrorCode),
    "GapReason": get_args(GapWord),
    "LeftReason": get_args(LeftWord),
}
"""The sets of words that a newer server may have more of, each as a definition."""

_SET_OF: Final = {words: name for name, words in OPEN_SETS.items()}
_NULL: Final = {"type": "null"}
_UNKNOWN: Final = {
    "const": "unknown",
    "type": "string",
}  # how a word of a newer server reads; none is sent so


def json_schema() -> Schema:
    """Return the schema of a line: a frame of either direction, each direction a definition."""
    client = client_frames.json_schema(ref_template="#/$defs/{model}")
    server = server_frames.json_schema(ref_template="#/$defs/{model}", mode="serialization")
    models = client.pop("$defs") | server.pop("$defs")
    definitions = {RENAMED.get(name, name): _definition(name, models[name]) for name in models}
    definitions |= {name: _open_set(name, words) for name, words in OPEN_SETS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"chatcore protocol {PROTOCOL}",
        "description": "One line of newline-delimited JSON, without its newline. A server takes null for a "
        "field that may be missing, and neither side minds fields that are not described here.",
        "anyOf": [{"$ref": "#/$defs/ClientFrame"}, {"$ref": "#/$defs/ServerFrame"}],
        "$defs": {
            "ClientFrame": _direction("ClientFrame", "A line that a client sends.", client),
            "ServerFrame": _direction("ServerFrame", "A line that a server sends.", server),
            **dict(sorted(definitions.items())),
        },
    }


def _direction(name: str, description: str, union: Schema) -> Schema:
    return {"title": name, "description": description, **_renamed(union)}


def _open_set(name: str, words: tuple[str, ...]) -> Schema:
    description = "Words of this version; newer servers may have more."
    known = {"enum": list(words), "type": "string"}
    return {"title": name, "description": description, "anyOf": [known, {"type": "string"}]}


def _definition(name: str, model: Schema) -> Schema:
    """Return a model as it is sent."""
    fields: Schema = model["properties"]
    return {
        "title": RENAMED.get(name, name),
        "description": _markdown(model["description"]),
        "type": "object",
        "properties": {field: _renamed(_property(each)) for field, each in fields.items()},
        "required": [field for field, each in fields.items() if not _may_be_missing(each)],
    }


def _may_be_missing(field: Schema) -> bool:
    return _NULL in field.get("anyOf", ())


def _property(field: Schema) -> Schema:
    """Return a field without what only our own models have: a title, a default, and null."""
    field = {key: value for key, value in field.items() if key not in ("title", "default")}
    choices = [choice for choice in field.pop("anyOf", ()) if choice != _NULL]
    if _UNKNOWN in choices:
        words = [word for choice in choices if choice != _UNKNOWN for word in _words(choice)]
        return {"$ref": f"#/$defs/{_SET_OF[tuple(words)]}"}
    if len(choices) == 1:
        return {**choices[0], **field}
    return {"anyOf": choices, **field} if choices else field


def _words(choice: Schema) -> list[str]:
    return list(choice.get("enum", ())) or [choice["const"]]


def _renamed(schema: Any) -> Any:
    """Return a schema with the names of `RENAMED` wherever it refers to them."""
    if isinstance(schema, dict):
        return {key: _renamed(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return list(map(_renamed, schema))
    if isinstance(schema, str) and schema.startswith("#/$defs/"):
        name = schema.removeprefix("#/$defs/")
        return f"#/$defs/{RENAMED.get(name, name)}"
    return schema


def _markdown(docstring: str) -> str:
    """Return a docstring as it reads in other languages."""
    text = docstring.replace("``", "`")
    return re.sub(r"`(\w+)`", lambda name: f"`{RENAMED.get(name[1], name[1])}`", text)
