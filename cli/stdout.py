"""Standard output of a program that signals stop, and that knows exactly what it has written.

A signal takes effect only where the program waits: for something to write, or for its reader. Between the
two it is only noted, so the count of what was written is right. If the reader goes away, the program notices
immediately, and not only with the next write.
"""

import contextlib
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

from cli.streams import writing

__all__ = ["Output", "StoppedError"]

PIECE = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes as a whole or not at all: after `select`, writing this many never waits."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class StoppedError(Exception):
    """A signal stopped the program, or its reader is gone; ``exit_code`` says which."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("stopped")
        self.exit_code = exit_code


class Output:
    """Standard output, as bytes. The main thread must enter it: only that thread can handle signals.

    While it is entered, SIGINT, SIGTERM, SIGHUP and SIGPIPE are handled here.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._fd = sys.stdout.fileno()
        self._exit_code: int | None = None
        self._waiting = False
        self._torn = False  # only a part of something was written
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._on_signal)
        if hasattr(select, "poll") and hasattr(signal, "SIGPIPE") and _has_reader(self._fd):
            self._handlers[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, self._on_broken_pipe)
            threading.Thread(target=self._watch_reader, name="chat-reader", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Let a signal raise `StoppedError` in this block, also one that arrived before it."""
        self._waiting = True
        try:
            if self._exit_code is not None:
                raise StoppedError(self._exit_code)
            yield
        finally:
            self._waiting = False

    def write(self, data: bytes) -> None:
        """Write all of the data. Raises `StoppedError` or `ReaderGoneError` if not all of it was written."""
        self._torn = True
        while data:
            with self.stoppable():
                self._wait_for_reader()
            with writing():
                data = data[os.write(self._fd, data[:PIECE]) :]
        self._torn = False

    def write_last(self, data: bytes) -> None:
        """Write a last line if that is possible without waiting, and not in the middle of another one."""
        if not self._torn and self._takes_now():
            with contextlib.suppress(OSError):
                os.write(self._fd, data[:PIECE])

    def _wait_for_reader(self) -> None:
        if sys.platform != "win32":  # where `select` takes sockets only
            select.select([], [self._fd], [])

    def _takes_now(self) -> bool:
        return sys.platform == "win32" or bool(select.select([], [self._fd], [], 0)[1])

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop(128 + number)

    def _on_broken_pipe(self, number: int, frame: FrameType | None) -> None:
        if self._reader_has_gone(0):  # it may also have been a socket of ours
            self._stop(0)

    def _stop(self, exit_code: int) -> None:
        if self._exit_code is None:
            self._exit_code = exit_code
            if self._waiting:
                raise StoppedError(exit_code)

    def _watch_reader(self) -> None:
        if self._reader_has_gone(None):
            os.kill(os.getpid(), signal.SIGPIPE)

    def _reader_has_gone(self, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(self._fd, 0)  # the end is reported without asking for it
        return bool(poll.poll(timeout))


def _has_reader(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
