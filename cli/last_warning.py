"""What was logged of a log that servers share, for a command that says why it could not use it."""

import logging
from typing import Final

__all__ = ["LastWarning"]

_NO_REASON: Final = (
    *(f"{who}.{what}" for who in ("replica", "accounts") for what in ("unsettled", "settled", "continued")),
    "stream.unsynced",
)
"""Warnings that say nothing of why: that nothing was done, that it is over, and how safe it would be."""


class LastWarning(logging.Handler):
    """What was logged last that says why a log does not do what it was asked for."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        if record.levelno >= logging.WARNING and getattr(record, "event", "") not in _NO_REASON:
            self.said = record.getMessage()
