"""A log record as a line: of text, or one object of JSON.

- Nothing that somebody chose begins a line, or does anything to whoever reads it: what a record says is one
  line, and the lines of a stack trace are indented. What an exception says is quoted there.
- Text has the local time and the level, unless the system's journal has both: then each line begins with
  ``<4>``, its priority, as ``sd-daemon(3)`` says. A line of JSON begins so there too, and systemd takes that
  off again.
- JSON has the time in UTC, the level, the logger, the name of the event, its words and its fields.
"""

import json
import logging
import os
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from chatcore.logs import MOST_TEXT, inert

__all__ = ["JsonFormat", "TextFormat", "is_journal"]

MOST_WORDS: Final = 4_000
"""Characters of what a record says."""

FRAMES: Final = 30
"""Of each exception in a stack trace: the innermost."""

EXCEPTIONS: Final = 5
"""In a chain of exceptions."""

_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def is_journal(descriptor: int, variables: Mapping[str, str]) -> bool:
    """Tell whether a stream leads to the system's journal, by ``JOURNAL_STREAM``: see ``systemd.exec(5)``."""
    try:
        stream = os.fstat(descriptor)
    except OSError:
        return False
    return variables.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


class TextFormat(logging.Formatter):
    """Makes a line of text; ``journal`` says that the system's journal takes it."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and those of a stack trace after it."""
        line = f"{record.name}: {_words(record)}"
        if not self._journal:
            line = f"{self.formatTime(record)} {record.levelname.lower()} {line}"
        lines = [line, *(f"  {each}" for each in _trace(record))]
        prefix = _prefix(record, self._journal)
        return "\n".join(f"{prefix}{each}" for each in lines)


class JsonFormat(logging.Formatter):
    """Makes an object of JSON in one line; ``journal`` says that the system's journal takes it."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        found: dict[str, object] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None),
            "message": _words(record),
        }
        if trace := list(_trace(record)):
            found["exception"] = "\n".join(trace)
        found |= getattr(record, "fields", {})
        return _prefix(record, self._journal) + json.dumps(found)


def _words(record: logging.LogRecord) -> str:
    return inert(record.getMessage(), MOST_WORDS)


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _prefix(record: logging.LogRecord, journal: bool) -> str:
    if not journal:
        return ""
    return f"<{next((number for level, number in _PRIORITIES if record.levelno >= level), 7)}>"


def _trace(record: logging.LogRecord) -> Iterator[str]:
    """Yield the lines of a stack trace: of an exception, and of those that it came from."""
    error = record.exc_info[1] if record.exc_info else None
    for number in range(EXCEPTIONS):
        if error is None:
            return
        yield f"{'Cause' if number else 'Traceback'} (innermost call last):"
        for part in traceback.format_tb(error.__traceback__, -FRAMES):
            yield from (inert(line) for line in part.splitlines())
        yield f"{type(error).__qualname__}: {_said(error)[:MOST_TEXT]!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # whatever it is of
        return "?"
