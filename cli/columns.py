"""Lists, as commands print them: in columns for people, or as JSON for programs, one object per line.

What is in a cell may be by somebody else. It is one cell whatever it holds: a newline in it begins no row.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from cli.streams import write_json, write_text

__all__ = ["iso_time", "local_time", "write_columns", "write_objects"]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def write_columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below their heads, each column as wide as it has to be; without rows, nothing.

    Control characters in a cell are escaped, a newline as ``\\n``.
    """
    lines = [head, *([_cell(text) for text in row] for row in rows)]
    if len(lines) > 1:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        write_text("".join(f"{text}\n" for text in texts))


def _cell(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_objects(objects: Iterable[dict[str, Any]]) -> None:
    """Print JSON objects, without what is ``None``."""
    for each in objects:
        found = {name: value for name, value in each.items() if value is not None}
        write_json(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def local_time(at: float | None, otherwise: str = "-") -> str:
    """Return a time for people, in their time zone."""
    try:
        return otherwise if at is None else f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):  # a time that no calendar here can show
        return "?"


def iso_time(at: float | None) -> str | None:
    """Return a time for programs, in UTC."""
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None
