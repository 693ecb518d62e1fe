"""The signals that ask a program to end."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["ended_by_signals"]


@contextlib.contextmanager
def ended_by_signals(stop: Callable[[int], None], *, interrupt: bool) -> Iterator[None]:
    """Have ``stop`` called with the exit code, so that the terminal is restored.

    With ``interrupt`` that includes Ctrl-C, which is a key where a line is drawn.
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
