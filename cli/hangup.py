"""SIGHUP until a server is ready for it.

Without a terminal it means "load your files again", and may come as soon as there is a process: a reload by a
service manager does not wait. By default it would end the process, which counts as a clean end. A server that
still starts loads everything anyway, so there is nothing else to do.

In a terminal it means that the terminal was closed, and ends a server that still starts.

This module is imported before anything that takes long.
"""

import os
import signal
from collections.abc import Sequence
from types import FrameType

__all__ = ["has_terminal", "ignore", "outlive_hangup"]


def outlive_hangup(arguments: Sequence[str]) -> None:
    """Let SIGHUP not end the process if these arguments of ``chat`` start a server, without a terminal."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:  # as under ``nohup``
        return
    if _command(arguments) == "server" and not has_terminal():
        signal.signal(hangup, ignore)


def has_terminal() -> bool:
    """Tell whether this process has a controlling terminal, whatever its streams are."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def ignore(number: int, frame: FrameType | None) -> None:
    """Let a signal do nothing but what the system's handler does for it."""


def _command(arguments: Sequence[str]) -> str | None:
    """Return the first word that is no option, nor the value of one."""
    given = iter(arguments)
    for argument in given:
        if argument == "--config":
            next(given, None)
        elif not argument.startswith("-"):
            return argument
    return None
