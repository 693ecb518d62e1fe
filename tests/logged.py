"""Sees which events are logged, and that each is as it was declared.

A test that is marked ``@pytest.mark.logs("door.refused")`` fails unless that event is logged while it runs:
see ``tests/conftest.py``. `events_in` reads the log of a server that is another process, and sees it too.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from chatcore.logs import LOG_EVENTS, RESERVED

__all__ = ["Logged", "events_in", "watched_log"]

_PACKAGES = (
    "chatcore.accounts",
    "chatcore.journal.sqlite",
    "chatcore.server",
    "transports",
    "transports.jetstream",
)
for _package in _PACKAGES:
    import_module(f"{_package}.log_events")  # another process may log events that nothing here does
import_module("cli.logs.events")


class Logged(logging.Handler):
    """Takes records of events; ``problems`` has those that differ from their declaration."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.problems: list[str] = []
        self.foreign: list[str] = []  # the words of what is no event

    @property
    def names(self) -> list[str]:
        """The events in their order."""
        return [name for name, _ in self.events]

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, of an event or of something else."""
        if hasattr(record, "event"):
            level, words, fields = record.levelname, record.getMessage(), record.__dict__["fields"]
            self.take(record.event, record.name, level, words, fields)
        else:
            self.foreign.append(record.getMessage())

    def take(self, name: str, logger: str, level: str, words: str, fields: Mapping[str, Any]) -> None:
        """Take an event."""
        event = LOG_EVENTS[name]
        levels = {event.level, max(event.level, logging.ERROR)}  # the second if it was a bug
        texts = [words, *(text for text in fields.values() if isinstance(text, str))]
        is_declared = logger == event.logger and logging.getLevelNamesMapping()[level.upper()] in levels
        if not is_declared or tuple(fields) != event.fields or not all(map(str.isprintable, texts)):
            self.problems.append(f"{name} {logger} {level} {words!r} {fields}")
        self.events.append((name, fields))


_watching: list[Logged] = []


@contextlib.contextmanager
def watched_log() -> Iterator[Logged]:
    """See what is logged below ``chat`` from level INFO on."""
    logged, log = Logged(), logging.getLogger("chat")
    before = log.level
    log.addHandler(logged)
    log.setLevel(logging.INFO if before == logging.NOTSET else min(before, logging.INFO))
    _watching.append(logged)
    try:
        yield logged
    finally:
        _watching.remove(logged)
        log.setLevel(before)
        log.removeHandler(logged)


def events_in(lines: str) -> Logged:
    """Return what the log of another process has, which is in JSON."""
    found = Logged()
    for entry in map(json.loads, lines.splitlines()):
        if entry["event"] is None:
            found.foreign.append(entry["message"])
            continue
        fields = {name: value for name, value in entry.items() if name not in RESERVED}
        for each in (found, *_watching):
            each.take(entry["event"], entry["logger"], entry["level"], entry["message"], fields)
    return found
