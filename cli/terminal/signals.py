"""Signals that ask the program to end, while a terminal has to be restored first."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["stopped_by_signals"]


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[int], None], *, interrupt: bool) -> Iterator[None]:
    """Call ``stop`` with the exit code, in the running event loop, when a signal arrives.

    ``interrupt`` includes SIGINT. It must be false where the terminal is in raw mode: there Ctrl-C is a key.
    """
    loop = asyncio.get_running_loop()
    names = ("SIGTERM", "SIGHUP", "SIGINT") if interrupt else ("SIGTERM", "SIGHUP")
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    with contextlib.suppress(NotImplementedError):  # Windows
        for number in signals:
            loop.add_signal_handler(number, stop, 128 + number)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)
