"""Writes what ``chat config`` prints, as TOML that means the same wherever it is put.

Whatever is in a value, the line is one line, and nothing in it is changed on its way through a terminal: what
a terminal could obey, or the stream cannot encode, is an escape. In a comment it is a question mark.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cli.sanitize import sanitize

__all__ = ["comment", "is_text", "toml", "toml_tables"]


def toml(value: Any) -> str:
    """Return a string, a boolean, a number, or a list of them."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return json.dumps(value)  # as TOML writes booleans and numbers, too


def toml_tables(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table, and then those of the tables in it."""
    if not all(isinstance(value, dict) for value in table.values()):
        yield f"\n[{name}]\n"
    yield from (f"{key} = {toml(value)}\n" for key, value in table.items() if not isinstance(value, dict))
    for key, value in table.items():
        if isinstance(value, dict):
            yield from toml_tables(f"{name}.{toml(key) if '.' in key else key}", value)


def comment(text: str) -> str:
    """Return a text as it can stand in a comment."""
    return "".join(char if _passes(char) else "?" for char in text)


def is_text(value: Any) -> bool:
    """Tell whether a file can have a value, as it can not if that is from bytes that are not UTF-8."""
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return not any(isinstance(each, str) and any(map(_is_surrogate, each)) for each in values)


def _string(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return written if _passes(written) else "".join(map(_escaped, written))


def _passes(text: str) -> bool:
    """Tell whether standard output gets a text as it is."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return sanitize(text) == text


def _escaped(char: str) -> str:
    if char.isascii():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x1_0000 else f"\\U{ord(char):08x}"


def _is_surrogate(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"
