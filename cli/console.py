"""What a program that serves others says on a standard stream, without ever waiting there.

- A thread of its own writes to each stream. A reader that has stopped reading holds up that thread only.
- What cannot be written is dropped: the stream is closed, its disk is full, or its reader is gone. So is what
  does not fit in the queue. Nobody could be told, and the program has better things to do than to end.
"""

import contextlib
import logging
import os
import queue
import select
import threading
from typing import TextIO

from cli.logs.events import line_not_made

__all__ = ["Console", "ConsoleHandler"]

LINES = 1_000
"""How many texts may wait for a reader."""

CLOSING_SECONDS = 1.0
"""How long a reader may take for what is left at the end."""


class Console:
    """Writes lines to a stream in a thread of its own. For any thread, but not for signal handlers."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._texts: queue.Queue[bytes | threading.Event | None] = queue.Queue(LINES)
        self._abandoned = False  # closed, with a full queue
        self._thread = threading.Thread(target=self._run, name="chat-console", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """Have lines written; control characters in them are replaced. Returns immediately."""
        with contextlib.suppress(queue.Full):
            self._texts.put_nowait(_encoded(text, self._stream.encoding))

    def wait(self) -> None:
        """Wait until what was said is written, for a second at most: two streams may be one terminal."""
        written = threading.Event()
        with contextlib.suppress(queue.Full):
            self._texts.put_nowait(written)
            written.wait(CLOSING_SECONDS)

    def close(self) -> None:
        """Write what is left, for a second or two at most. Idempotent."""
        try:
            self._texts.put(None, timeout=CLOSING_SECONDS)
        except queue.Full:
            self._abandoned = True
        self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        while not self._abandoned and (data := self._texts.get()) is not None:
            if isinstance(data, threading.Event):
                data.set()
                continue
            with contextlib.suppress(OSError, ValueError):  # a stream may have no descriptor
                _write(self._stream.fileno(), data)


class ConsoleHandler(logging.Handler):
    """Hands log records to a console. One that is no line is an event of its own, in the same format."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._console.say(self.format(record))
        except Exception as error:
            if getattr(record, "event", None) != line_not_made.name:
                line_not_made.log(of=record.name, error=type(error).__name__)


def _encoded(text: str, encoding: str | None) -> bytes:
    lines = text.split("\n")
    if not all(map(str.isprintable, lines)):
        lines = ["".join(char if char.isprintable() else "?" for char in line) for line in lines]
    return "".join(f"{line}\n" for line in lines).encode(encoding or "utf-8", "backslashreplace")


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else has made it so, and this thread may wait
            select.select([], [descriptor], [])
