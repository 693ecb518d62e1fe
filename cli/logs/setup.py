"""Where the log of ``chat server`` goes: to a console, as its options say."""

import logging
import os
from collections.abc import Mapping
from typing import Final

from chatcore import UsageError
from cli.console import Console, ConsoleHandler
from cli.logs.flood import Flood
from cli.logs.formats import JsonFormat, TextFormat, is_journal

__all__ = ["FORMATS", "LEVELS", "LogOptions", "log_to"]

LEVELS: Final[Mapping[str, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

FORMATS: Final[Mapping[str, type[TextFormat] | type[JsonFormat]]] = {"text": TextFormat, "json": JsonFormat}


class LogOptions:
    """What ``--log-level`` and ``--log-format`` say. Raises `UsageError` for what they may not say."""

    __slots__ = ("format", "level")

    def __init__(self, level: str, format: str) -> None:
        self.level = LEVELS[_one_of(LEVELS, level, "--log-level")]
        self.format = FORMATS[_one_of(FORMATS, format, "--log-format")]


def log_to(errors: Console, descriptor: int | None, options: LogOptions) -> Flood:
    """Log to a console from now on, and nowhere else; return what keeps that short.

    ``descriptor`` is what the console writes to, if that has one.
    """
    journal = descriptor is not None and is_journal(descriptor, os.environ)
    handler, flood = ConsoleHandler(errors), Flood()
    handler.setFormatter(options.format(journal=journal))
    handler.addFilter(flood)
    logging.basicConfig(level=options.level, handlers=[handler], force=True)
    logging.captureWarnings(True)  # else Python would write them to standard error itself
    return flood


def _one_of(known: Mapping[str, object], given: str, option: str) -> str:
    if given not in known:
        raise UsageError(f"{option} must be one of {', '.join(known)}, not {given!r}")
    return given
