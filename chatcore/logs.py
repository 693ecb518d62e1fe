"""What a server logs: events, each with a name, a level, fields, and words that are made of them.

- A server logs events and nothing else, by the standard library's `logging`. The record of an event has two
  attributes more: ``event``, its name, and ``fields``, a dict. The name and the fields of an event stay what
  they are; its words may change.
- Texts in fields are made inert, since some are chosen by peers: one line of printable characters, of
  `MOST_TEXT` at most. The words are made of the fields as they are then.
- ``per_minute`` is for whoever writes the log: so many records of an event are worth a line.

An event is declared as a function of its fields, which are keyword-only and return the words::

    @event("door.refused", "chat.door", logging.WARNING)
    def door_refused(*, count: int, address: str) -> str:
        return f"{count} refused from {address}"

    door_refused.log(count=12, address="203.0.113.7")
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Final, Generic, ParamSpec

__all__ = ["LOG_EVENTS", "MOST_TEXT", "RESERVED", "LogEvent", "event", "inert"]

P = ParamSpec("P")

MOST_TEXT: Final = 1_000
"""Characters of a text in a field. Names of files are rarely longer, and what peers choose never is."""

RESERVED: Final = frozenset({"time", "level", "logger", "event", "message", "exception"})
"""What a line in JSON says of every record: no field has such a name."""

LOG_EVENTS: "Final[dict[str, LogEvent[...]]]" = {}
"""The events of all modules that are loaded, by name."""


class LogEvent(Generic[P]):
    """Something that may be logged. `event` declares one.

    ``words`` is the function that makes the words, and ``fields`` are the names of its arguments.
    """

    __slots__ = ("fields", "level", "logger", "name", "per_minute", "words")

    def __init__(
        self, name: str, logger: str, level: int, per_minute: int, words: Callable[..., str]
    ) -> None:
        self.name = name
        self.logger = logger
        self.level = level
        self.per_minute = per_minute
        self.fields = tuple(inspect.signature(words).parameters)
        self.words = words

    def __repr__(self) -> str:
        return f"<LogEvent {self.name}>"

    def log(self, *args: P.args, **fields: P.kwargs) -> None:
        """Log that it has happened."""
        self._log(self.level, None, fields)

    def log_bug(self, bug: BaseException, /, *args: P.args, **fields: P.kwargs) -> None:
        """Log that it has happened because of a bug, as an error at least, with the stack trace."""
        self._log(max(self.level, logging.ERROR), bug, fields)

    def _log(self, level: int, bug: BaseException | None, fields: Mapping[str, object]) -> None:
        logger = logging.getLogger(self.logger)
        if not logger.isEnabledFor(level):
            return
        clean = {name: inert(value) if isinstance(value, str) else value for name, value in fields.items()}
        extra = {"event": self.name, "fields": clean}
        logger.log(level, self.words(**clean), exc_info=bug, extra=extra, stacklevel=3)


def event(
    name: str, logger: str, level: int, *, per_minute: int = 10
) -> Callable[[Callable[P, str]], LogEvent[P]]:
    """Declare the function that follows as an event. Raises `ValueError` if there is one of that name."""

    def declare(words: Callable[P, str]) -> LogEvent[P]:
        declared: LogEvent[P] = LogEvent(name, logger, level, per_minute, words)
        if name in LOG_EVENTS or not RESERVED.isdisjoint(declared.fields):
            raise ValueError(f"the event {name} is there already, or has a field with a reserved name")
        LOG_EVENTS[name] = declared
        return declared

    return declare


def inert(text: str, most: int = MOST_TEXT) -> str:
    """Return a text as one line that does nothing to whoever reads it; other characters are escaped."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]  # a codec would be loaded from a file, and there may be no descriptor for it
