"""Whether a value is what a JSON Schema describes, by as much of the standard as our schema uses."""

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["problems"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_ABOUT = {"title", "description", "discriminator", "format"}
"""What describes and does not demand."""


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a value. A keyword that is not known here raises `KeyError`."""
    for keyword, demand in schema.items():
        if keyword not in _ABOUT:
            yield from _KEYWORDS[keyword](value, demand, root)


def _is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return next(problems(value, schema, root), None) is None


def _type(value: Any, name: str, root: object) -> Iterator[str]:
    if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and name != "boolean"):
        yield f"{value!r} is not of type {name}"


def _const(value: Any, word: str, root: object) -> Iterator[str]:
    if value != word:
        yield f"{value!r} is not {word!r}"


def _enum(value: Any, words: list[str], root: object) -> Iterator[str]:
    if value not in words:
        yield f"{value!r} is not one of {words}"


def _pattern(value: Any, pattern: str, root: object) -> Iterator[str]:
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield f"{value!r} does not match {pattern}"


def _min_length(value: Any, least: int, root: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) < least:
        yield f"{value!r} is too short"


def _max_length(value: Any, most: int, root: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) > most:
        yield f"{value!r} is too long"


def _minimum(value: Any, least: float, root: object) -> Iterator[str]:
    if isinstance(value, int | float) and value < least:
        yield f"{value!r} is less than {least}"


def _exclusive_minimum(value: Any, least: float, root: object) -> Iterator[str]:
    if isinstance(value, int | float) and value <= least:
        yield f"{value!r} is not more than {least}"


def _maximum(value: Any, most: float, root: object) -> Iterator[str]:
    if isinstance(value, int | float) and value > most:
        yield f"{value!r} is more than {most}"


def _items(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from problems(each, schema, root)


def _properties(value: Any, schemas: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if isinstance(value, dict):
        for name in value.keys() & schemas.keys():
            yield from (f"{name}: {each}" for each in problems(value[name], schemas[name], root))


def _required(value: Any, names: list[str], root: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{name} is missing" for name in names if name not in value)


def _ref(value: Any, reference: str, root: dict[str, Any]) -> Iterator[str]:
    yield from problems(value, root["$defs"][reference.removeprefix("#/$defs/")], root)


def _any_of(value: Any, schemas: list[dict[str, Any]], root: dict[str, Any]) -> Iterator[str]:
    if not any(_is_valid(value, schema, root) for schema in schemas):
        yield f"{value!r} is none of what it may be"


def _one_of(value: Any, schemas: list[dict[str, Any]], root: dict[str, Any]) -> Iterator[str]:
    fitting = [schema for schema in schemas if _is_valid(value, schema, root)]
    if len(fitting) != 1:
        yield f"{value!r} is {len(fitting)} of what it may be"


_KEYWORDS: dict[str, Any] = {
    "$ref": _ref,
    "anyOf": _any_of,
    "const": _const,
    "enum": _enum,
    "exclusiveMinimum": _exclusive_minimum,
    "items": _items,
    "maxLength": _max_length,
    "maximum": _maximum,
    "minLength": _min_length,
    "minimum": _minimum,
    "oneOf": _one_of,
    "pattern": _pattern,
    "properties": _properties,
    "required": _required,
    "type": _type,
}
